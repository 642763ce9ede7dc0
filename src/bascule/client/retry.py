"""When a call may be repeated, and how long to wait first. Pure.

Repeated: anything the server turned away with 429 or 503 and a Retry-After (it did nothing); anything that never got
a connection; reads whose connection broke. Never a write whose fate is unknown.
"""

import random
from dataclasses import dataclass

READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Policy:
    """At most `attempts` tries; exponential pause from `first_seconds` to `longest_seconds`, jittered by half."""

    attempts: int = 4
    first_seconds: float = 0.05
    longest_seconds: float = 2.0

    def pause_seconds(self, attempt: int, source: random.Random) -> float:
        """The pause after the failed try number `attempt` (from 1)."""
        full = min(self.longest_seconds, self.first_seconds * 2.0 ** min(attempt - 1, 32))
        return full * source.uniform(0.5, 1.0)


def after_status(code: int, retry_after: str | None, longest_seconds: float) -> float | None:
    """Seconds to wait before repeating after this answer, or None if it must not be repeated."""
    if code not in (429, 503) or retry_after is None:
        return None
    try:
        return min(float(retry_after), longest_seconds)
    except ValueError:
        return None


def after_fault(method: str, *, connected: bool) -> bool:
    """Whether a call that met a transport fault may be repeated; `connected`: the request may have been received."""
    return not connected or method in READS
