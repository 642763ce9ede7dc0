"""Objects that keep failing, set aside by name so that the others go on.

A key is set aside after `after_failures` failures in a row and then tried again only now and then; its own next
success frees it. Pure bookkeeping: who sets aside and who reports is `controller`.
"""

from dataclasses import dataclass

from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import timestamps


@dataclass(frozen=True)
class Entry:
    """Why and since when a key is set aside; `tries` counts all failures in a row."""

    reason: str
    since: str
    tries: int
    last_try_seconds: float


class Quarantine:
    def __init__(
        self,
        clock: clocks.Clock,
        *,
        after_failures: int = 3,
        first_seconds: float = 30.0,
        longest_seconds: float = 300.0,
        event_seconds: float = 5.0,
    ) -> None:
        self._clock = clock
        self._after_failures = after_failures
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._event_seconds = event_seconds
        self._failures: dict[Request, int] = {}
        self.entries: dict[Request, Entry] = {}

    def failed(self, key: Request, reason: str, *, at_once: bool = False) -> bool:
        """Counts a failure; True if it was this one that set the key aside."""
        tries = self._failures[key] = self._failures.get(key, 0) + 1
        if not at_once and tries < self._after_failures and key not in self.entries:
            return False
        known = self.entries.get(key)
        since = known.since if known else timestamps.format(self._clock.now())
        self.entries[key] = Entry(reason, since, tries, self._clock.monotonic())
        return known is None

    def succeeded(self, key: Request) -> bool:
        """Forgets the key's failures; True if it was set aside."""
        self._failures.pop(key, None)
        return self.entries.pop(key, None) is not None

    def pause_seconds(self, key: Request) -> float:
        """How long a key that is set aside waits for its next try of its own accord."""
        over = max(0, self.entries[key].tries - self._after_failures)
        return min(self._longest_seconds, self._first_seconds * 2.0 ** min(over, 10))

    def delay_seconds(self, key: Request) -> float:
        """How long a *change* of the key must wait: somebody may have mended it, or it may change in a loop."""
        entry = self.entries.get(key)
        if entry is None:
            return 0.0
        return max(0.0, entry.last_try_seconds + self._event_seconds - self._clock.monotonic())
