"""Services: what they default to, what changes with their type, and their rules."""
