"""One object's change at one revision, and the events that watchers with different selectors see in it."""

from __future__ import annotations

from bascule.control.cache import event, record
from bascule.vocabulary import objects


class Change:
    """``record`` is there now, ``previous`` was before; ``final`` is what a deletion shows as its last content."""

    __slots__ = ("_events", "final", "key", "previous", "record", "revision")

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
        self._events: dict[str, event.Event] | None = None
        """By type, once somebody was told: thousands of changes are kept that nobody asks about."""

    def settle(self) -> None:
        """Lets go of what was made for those who watched: who resumes from here later has it made anew."""
        self._events = None
        if self.record is not None:
            self.record.settle()
        if self.final is not None:
            self.final.pieces = None

    def seen(self, *, before: bool, after: bool) -> event.Event | None:
        """For a watcher whose selection matched ``before`` and matches ``after``. Shared by all such watchers."""
        if after:
            return self._shown(event.MODIFIED if before else event.ADDED)
        return self.removal() if before else None

    def _shown(self, type: event.Type) -> event.Event:
        made = self._events.get(type) if self._events is not None else None
        return made or self._keep(event.Event(type, self.revision, self.record))

    def removal(self) -> event.Event:
        """The previous content under this change's version, whether the object is gone or only out of sight."""
        made = self._events.get(event.DELETED) if self._events is not None else None
        if made is not None:
            return made
        if self.final is not None and self.record is None:
            shown: record.Record | None = record.Record(self.key, self.revision, self.final)
        else:
            shown = self.previous.at(self.revision) if self.previous is not None else None
        return self._keep(event.Event(event.DELETED, self.revision, shown))

    def _keep(self, made: event.Event) -> event.Event:
        if self._events is None:
            self._events = {}
        self._events[made.type] = made
        return made
