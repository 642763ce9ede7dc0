"""Creations and deletions asked for but not yet seen by the informer.

While a key's expectations are unmet its controller must not count, or it would create or delete twice. They expire
after five minutes, so that a lost event delays but never blocks for ever.
"""

from dataclasses import dataclass, field

from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock as clocks

_LIFETIME_SECONDS = 300.0


@dataclass
class _Expected:
    creations: int = 0
    deletions: set[str] = field(default_factory=set)
    expires_at: float = 0.0


class Expectations:
    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._expected: dict[Request, _Expected] = {}

    def expect_creation(self, key: Request) -> None:
        self._fresh(key).creations += 1

    def expect_deletion(self, key: Request, uid: str) -> None:
        self._fresh(key).deletions.add(uid)

    def created(self, key: Request) -> None:
        """One creation was seen, or will never be (it failed)."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.creations = max(0, expected.creations - 1)

    def deleted(self, key: Request, uid: str) -> None:
        expected = self._expected.get(key)
        if expected is not None:
            expected.deletions.discard(uid)

    def met(self, key: Request) -> bool:
        expected = self._expected.get(key)
        if expected is None:
            return True
        unmet = expected.creations > 0 or bool(expected.deletions)
        if unmet and self._clock.monotonic() < expected.expires_at:
            return False
        del self._expected[key]
        return True

    def forget(self, key: Request) -> None:
        self._expected.pop(key, None)

    def _fresh(self, key: Request) -> _Expected:
        expected = self._expected.setdefault(key, _Expected())
        expected.expires_at = self._clock.monotonic() + _LIFETIME_SECONDS
        return expected
