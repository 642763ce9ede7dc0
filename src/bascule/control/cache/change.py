"""One object's change at one revision, and the events that watchers with different selectors see in it."""

from __future__ import annotations

from bascule.control.cache import event, record
from bascule.vocabulary import objects


class Change:
    """``record`` is there now, ``previous`` was before; ``final`` is what a deletion shows as its last content."""

    __slots__ = ("_added", "_deleted", "_modified", "final", "key", "previous", "record", "revision")

    def __init__(
        self,
        revision: int,
        key: objects.Key,
        new: record.Record | None,
        previous: record.Record | None,
        final: record.Draft | None = None,
    ) -> None:
        self.revision = revision
        self.key = key
        self.record = new
        self.previous = previous
        self.final = final
        self._added: event.Event | None = None
        self._modified: event.Event | None = None
        self._deleted: event.Event | None = None

    def settle(self) -> None:
        """Lets go of what was made for those who watched: who resumes from here later has it made anew."""
        self._added = self._modified = self._deleted = None
        if self.record is not None:
            self.record.settle()
        if self.final is not None:
            self.final.pieces = None

    def seen(self, *, before: bool, after: bool) -> event.Event | None:
        """For a watcher whose selection matched ``before`` and matches ``after``. Shared by all such watchers."""
        if after:
            return self._shown_modified() if before else self._shown_added()
        return self.removal() if before else None

    def _shown_added(self) -> event.Event:
        if self._added is None:
            self._added = event.Event(event.ADDED, self.revision, self.record)
        return self._added

    def _shown_modified(self) -> event.Event:
        if self._modified is None:
            self._modified = event.Event(event.MODIFIED, self.revision, self.record)
        return self._modified

    def removal(self) -> event.Event:
        """The previous content under this change's version, whether the object is gone or only out of sight."""
        if self._deleted is None:
            if self.final is not None and self.record is None:
                shown: record.Record | None = record.Record(self.key, self.revision, self.final)
            else:
                shown = self.previous.at(self.revision) if self.previous is not None else None
            self._deleted = event.Event(event.DELETED, self.revision, shown)
        return self._deleted
