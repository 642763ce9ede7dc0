"""A resource's recent changes, in order: what a watch resumes from and an older revision is read back from.

Bounded by number and by the bytes of the versions that only it still holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from bascule.control.cache import change, record
from bascule.vocabulary import objects

CHANGES_MAX = 8192
SUPERSEDED_BYTES_MAX = 16 * 1024 * 1024


def _revision(recent: change.Change) -> int:
    return recent.revision


def _superseded_bytes(recent: change.Change) -> int:
    return recent.previous.size_bytes() if recent.previous is not None else 0


class Ring:
    """``oldest``: every change after that revision is here."""

    def __init__(
        self, oldest: int, *, changes_max: int = CHANGES_MAX, superseded_bytes_max: int = SUPERSEDED_BYTES_MAX
    ) -> None:
        self.oldest = oldest
        self._changes: list[change.Change] = []
        self._superseded_bytes = 0
        self._changes_max = changes_max
        self._superseded_bytes_max = superseded_bytes_max

    def __len__(self) -> int:
        return len(self._changes)

    def append(self, recent: change.Change) -> None:
        self._changes.append(recent)
        self._superseded_bytes += _superseded_bytes(recent)
        # A quarter goes at a time, as taking single ones from a list's front is dear.
        if len(self._changes) > self._changes_max + self._changes_max // 4:
            self._forget(len(self._changes) - self._changes_max)
        elif self._superseded_bytes > self._superseded_bytes_max and len(self._changes) > 1:
            self._forget(max(1, len(self._changes) // 4))

    def _forget(self, count: int) -> None:
        """Forgets the oldest, never a part of a commit."""
        self.oldest = self._changes[count - 1].revision
        count = bisect_right(self._changes, self.oldest, key=_revision)
        self._superseded_bytes -= sum(map(_superseded_bytes, self._changes[:count]))
        del self._changes[:count]

    def after(self, revision: int) -> Sequence[change.Change]:
        """All changes after a revision that is not below ``oldest``."""
        return self._changes[bisect_right(self._changes, revision, key=_revision) :]

    def since(self, revision: int) -> dict[objects.Key, record.Record | None]:
        """For each key changed after the revision, what was there at it."""
        before: dict[objects.Key, record.Record | None] = {}
        for recent in self.after(revision):
            before.setdefault(recent.key, recent.previous)
        return before
