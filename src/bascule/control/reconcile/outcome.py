"""What a reconciler answers. Raising means failure: it is tried again with backoff and may be quarantined."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """The object is as it should be, as far as anyone can tell now."""


@dataclass(frozen=True)
class RetryAfter:
    """Not there yet, and nothing failed: look again after this long."""

    seconds: float


@dataclass(frozen=True)
class GiveUp:
    """Trying again cannot help until the object changes: it goes to quarantine with this reason."""

    reason: str


Outcome = Done | RetryAfter | GiveUp

DONE = Done()
