"""What an engine of the packet path must do; ``nftables`` and the Envoy proxy are two of them.

``enforce`` returns once the whole plan is in force: the bridge acknowledges on the strength of it.
"""

from __future__ import annotations

from typing import Protocol

from bascule.data.network.plan import Plan


class EngineError(Exception):
    """The engine refused a plan; what was in force before still is. The message says what to do."""


class Engine(Protocol):
    async def enforce(self, plan: Plan) -> None:
        """Puts the plan in force, at a cost that follows what changed. Raises EngineError."""
        ...

    async def run(self) -> None:
        """Guards what is in force: re-asserts it when someone else removes it. Runs until cancelled."""
        ...

    async def remove(self) -> None:
        """Takes everything of ours away, for ``bascule down``; never called because desired state is absent."""
        ...
