"""What is measured: each suite is an async function from a ``plan.Plan`` to figures."""
