"""A client that watches one view, is cut off again and again, and goes on in every way a watch can begin."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

from tests.history import record, wire

_SHAPES: Final = {
    "object": "application/json",
    "table": "application/json;as=Table;g=meta.k8s.io;v=v1",
    "metadata": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
}
_ROWS: Final = "application/json;as=Table;g=meta.k8s.io;v=v1beta1"
_BOOKMARKS: Final = "allowWatchBookmarks=true"
_FORGETFUL: Final = 0.2
"""How often a client goes on from something older than what it heard, which may be too old."""


class Follower:
    """`at`: the version up to which everything was heard; None before the first, and after a 410."""

    def __init__(self, through: wire.Wire, view: record.View, history: record.History, source: random.Random) -> None:
        self._wire = through
        self.view = view
        self._history = history
        self._source = source
        self._accept = _ROWS if view.title == "rows' metadata" else _SHAPES[view.shape]
        self.at: int | None = None
        self.until: int | None = None
        """Once it is known: the version at which to be done."""
        self.expired = 0

    async def follow(self) -> None:
        """Until `until` is reached; a server that is gone is asked again."""
        while self.until is None or self.at is None or self.at < self.until:
            try:
                if self.at is None and self._source.random() < 0.4:
                    await self._list()
                await self._watch(self._source.randrange(4, 40))
            except wire.GONE:
                await asyncio.sleep(0.02)

    async def _list(self) -> None:
        floor = self._history.newest
        accept = self._accept.replace("Metadata;", "MetadataList;")
        body = await self._wire.shown(self._path(), accept)
        version = int(body["metadata"]["resourceVersion"])
        listed = [row["object"] for row in body["rows"]] if "rows" in body else body["items"]
        items = [self._shown(obj) for obj in listed]
        self._history.lists.append(record.Listed(self.view, version, items, floor))
        self.at = version

    def _path(self, *parameters: str) -> str:
        return f"{self.view.path}?{'&'.join(filter(None, (self.view.query, *parameters)))}"

    def _start(self) -> tuple[record.Start, tuple[str, ...]]:
        """How the next watch begins: after what was heard, or anew."""
        if self.at is not None and self._source.random() < 0.8:
            at = self.at
            if self._source.random() < _FORGETFUL:
                at = max(self._history.base.version, at - self._source.randrange(100))
            return at, (_BOOKMARKS, f"resourceVersion={at}")
        ways: list[tuple[record.Start, tuple[str, ...]]] = [
            ("fresh", ()),
            ("any", ("resourceVersion=0",)),
            ("initial", (_BOOKMARKS,)),  # As upstream: who allows bookmarks is told where the state ends.
            ("initial", (_BOOKMARKS, "sendInitialEvents=true", "resourceVersionMatch=NotOlderThan")),
        ]
        return self._source.choice(ways)

    async def _watch(self, count: int) -> None:
        """So many events, then the connection is cut."""
        start, parameters = self._start()
        stream = record.Stream(self.view, start, self._history.newest)
        path = self._path("watch=true", "timeoutSeconds=3", *parameters)
        knows = isinstance(start, int)
        async with self._wire.following(path, self._accept) as lines:
            self._history.streams.append(stream)
            async for line in lines:
                event = self.event(line)
                stream.events.append(event)
                if event.type == "ERROR":
                    self.expired += 1
                    self.at = None
                    return
                knows = knows or event.type == "BOOKMARK"
                if knows:
                    self.at = event.version
                    if self.until is not None and self.at >= self.until:
                        return
                count -= 1
                if count <= 0:
                    return

    def event(self, line: Any) -> record.Event:
        """A line of the stream as the history keeps it."""
        kind, obj = line["type"], line["object"]
        if kind == "ERROR":
            return record.Event(kind, obj["code"], text=obj["message"])
        if kind == "BOOKMARK":
            meta = (obj["rows"][0]["object"] if obj["kind"] == "Table" else obj)["metadata"]
            closes = (meta.get("annotations") or {}).get("k8s.io/initial-events-end") == "true"
            return record.Event(kind, int(meta["resourceVersion"]), closes=closes)
        if obj["kind"] == "Table":
            (row,) = obj["rows"]
            assert row["cells"][0] == row["object"]["metadata"]["name"]
            obj = row["object"]
        key, shown = self._shown(obj)
        return record.Event(kind, wire.version(shown), key, shown)

    def _shown(self, obj: record.Object) -> tuple[record.Key, record.Object]:
        return wire.key(obj), self.view.shown(obj)
