"""What a watcher is told. An event's frame is made once and shared by all who get it."""

from __future__ import annotations

from typing import Literal

from bascule.control.cache import record

ADDED: Literal["ADDED"] = "ADDED"
MODIFIED: Literal["MODIFIED"] = "MODIFIED"
DELETED: Literal["DELETED"] = "DELETED"
BOOKMARK: Literal["BOOKMARK"] = "BOOKMARK"
Type = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


class Event:
    """``record`` is what to show: for DELETED the last content with the event's version. None for BOOKMARK alone.

    A BOOKMARK closes the initial events of a watch without a start version; kind and annotation are the API's to write.
    """

    __slots__ = ("_frame", "record", "revision", "type")

    def __init__(self, type: Type, revision: int, record: record.Record | None) -> None:
        self.type = type
        self.revision = revision
        self.record = record
        self._frame: bytes | None = None

    def frame(self) -> bytes:
        """The line a JSON watch sends, newline included. Not for BOOKMARK."""
        if self._frame is None:
            shown = self.record
            if shown is None:
                raise ValueError("a bookmark has no object to frame")
            prefix, suffix = shown.pieces()
            self._frame = b'{"type":"%b","object":%b"%d"%b}\n' % (self.type.encode(), prefix, shown.revision, suffix)
        return self._frame

    def __repr__(self) -> str:
        return f"Event({self.type}, {self.revision}, {self.record})"
