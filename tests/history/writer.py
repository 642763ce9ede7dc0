"""A client that writes at random: creates, updates, patches, applies, deletes with and without finalizers.

All that is acknowledged goes into the history; every write carries a mark of its own. Losing a race is fine.
"""

from __future__ import annotations

import random

from bascule.vocabulary import objects
from tests.history import kind as kinds
from tests.history import record, wire

NAMES = 5
PLACES = (("", "default"), ("", "default"), ("", "kube-public"), ("east", "default"))
_ACTIONS = (
    *("create",) * 5,
    *("update",) * 3,
    *("patch",) * 4,
    *("apply",) * 3,
    *("delete",) * 3,
    *("status",) * 2,
    "hold",
    "sweep",
    "nothing",
    "dry",
    "read",
    "list",
)
_LOST = (404, 409, 422)
_HELD = ["example.com/hold"]


class Writer:
    def __init__(
        self, title: str, through: wire.Wire, kind: kinds.Kind, history: record.History, source: random.Random
    ) -> None:
        self._title = title
        self._wire = through
        self._kind = kind
        self._history = history
        self._source = source
        self._count = 0

    async def write(self, times: int) -> None:
        """Raises one of `wire.GONE` when the server dies."""
        for _ in range(times):
            cluster, namespace = self._source.choice(PLACES)
            name = f"n{self._source.randrange(NAMES)}"
            version = self._source.randrange(len(self._kind.roots))
            collection = self._kind.collection(cluster, namespace, version)
            await getattr(self, f"_{self._source.choice(_ACTIONS)}")(collection, name, version)

    def _mark(self) -> str:
        self._count += 1
        mark = f"{self._title}-{self._count}"
        self._history.marks.add(mark)
        return mark

    def _body(self, name: str, version: int) -> record.Object:
        return self._kind.body(name, self._source.choice(kinds.COLORS), self._mark(), version)

    async def _send(
        self, method: str, path: str, body: record.Object, media: str = "json", *, changes: bool = True
    ) -> record.Object | None:
        """The answer of a write that succeeded, which is remembered."""
        floor = self._history.newest
        answer = await self._wire.ask(method, path, body, media)
        assert answer.code in (200, 201, *_LOST), answer
        if answer.code in _LOST:
            return None
        written: record.Object = answer.body
        self._history.writes.append(record.Written(wire.key(written), written, floor, changes))
        self._history.acknowledge(wire.version(written))
        return written

    async def _create(self, collection: str, name: str, version: int) -> None:
        await self._send("POST", collection, self._body(name, version))

    async def _update(self, collection: str, name: str, version: int) -> None:
        held = await self._read(collection, name, version)
        if held is not None:
            body = self._body(name, version)
            body["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
            body["metadata"]["finalizers"] = held["metadata"].get("finalizers", [])
            await self._send("PUT", f"{collection}/{name}", body)

    async def _patch(self, collection: str, name: str, version: int) -> None:
        await self._send("PATCH", f"{collection}/{name}", self._body(name, version), "merge")

    async def _apply(self, collection: str, name: str, version: int) -> None:
        path = f"{collection}/{name}?fieldManager={self._title}&force=true"
        await self._send("PATCH", path, self._body(name, version), "apply")

    async def _status(self, collection: str, name: str, version: int) -> None:
        if self._kind.has_status:
            await self._send("PATCH", f"{collection}/{name}/status", {"status": {"mark": self._mark()}}, "merge")

    async def _nothing(self, collection: str, name: str, version: int) -> None:
        await self._send("PATCH", f"{collection}/{name}", {}, "merge", changes=False)

    async def _dry(self, collection: str, name: str, version: int) -> None:
        """A mark that was never attempted: nobody may see it."""
        body = self._kind.body(name, "red", "dry", version)
        for method, path in (("POST", collection), ("PATCH", f"{collection}/{name}")):
            answer = await self._wire.ask(method, f"{path}?dryRun=All", body, "json" if method == "POST" else "merge")
            assert answer.code in (200, 201, *_LOST), answer

    async def _read(self, collection: str, name: str, version: int) -> record.Object | None:
        floor = self._history.newest
        answer = await self._wire.ask("GET", f"{collection}/{name}")
        assert answer.code in (200, 404), answer
        found: record.Object | None = answer.body if answer.code == 200 else None
        self._history.reads.append(record.Read(_key(collection, name), found, floor))
        return found

    async def _delete(self, collection: str, name: str, version: int) -> None:
        floor = self._history.newest
        answer = await self._wire.ask("DELETE", f"{collection}/{name}")
        assert answer.code in (200, 202, *_LOST), answer
        if answer.code in _LOST:
            return
        is_status = answer.body["kind"] == "Status"
        uid = answer.body["details"]["uid"] if is_status else answer.body["metadata"]["uid"]
        self._history.deletions.append(record.Deleted(_key(collection, name), uid, floor))

    async def _hold(self, collection: str, name: str, version: int) -> None:
        """An object with a finalizer: deleted, changed while it waits for its end, let go."""
        body = self._body(name, version)
        body["metadata"]["finalizers"] = _HELD
        if await self._send("POST", collection, body) is not None:
            await self._delete(collection, name, version)
            await self._patch(collection, name, version)
        await self._wire.ask("PATCH", f"{collection}/{name}", {"metadata": {"finalizers": None}}, "merge")

    async def _sweep(self, collection: str, name: str, version: int) -> None:
        floor = self._history.newest
        answer = await self._wire.ask("DELETE", f"{collection}?labelSelector=color=blue")
        assert answer.code == 200, answer
        for item in answer.body["items"]:
            self._history.deletions.append(record.Deleted(wire.key(item), item["metadata"]["uid"], floor))

    async def _list(self, collection: str, name: str, version: int) -> None:
        """In pages, at whatever is newest or exactly at a version that was there; given up where it is forgotten."""
        view = record.View("pages", collection, cluster=_key(collection, "").cluster, namespace=_namespace(collection))
        floor, after, token, asked = self._history.newest, None, "", 0
        query = "limit=3"
        if self._source.random() < 0.5 and floor:
            asked = max(self._history.base.version, floor - self._source.randrange(30))
            query += f"&resourceVersion={asked}&resourceVersionMatch=Exact"
        while True:
            answer = await self._wire.ask("GET", f"{collection}?{token or query}")
            if answer.code == 410:
                if not (token := answer.body["metadata"].get("continue", "")):
                    return
                floor, asked, token = self._history.newest, 0, f"limit=3&continue={token}"
                continue
            assert answer.code == 200, answer
            meta, items = answer.body["metadata"], [(wire.key(item), item) for item in answer.body["items"]]
            shown = [(key, record.content(item)) for key, item in items]
            more = meta.get("continue", "")
            page = record.Listed(
                view, int(meta["resourceVersion"]), shown, 0 if asked else floor, after, not more, asked
            )
            self._history.lists.append(page)
            if not more:
                return
            # What comes next is of the same version, and may be older than what is acknowledged meanwhile.
            after, asked, token = items[-1][0], page.version, f"limit=3&continue={more}"


def _key(collection: str, name: str) -> record.Key:
    cluster = collection.split("/")[2] if collection.startswith("/clusters/") else objects.ROOT
    return record.Key(cluster, _namespace(collection), name)


def _namespace(collection: str) -> str:
    return collection.rpartition("/namespaces/")[2].partition("/")[0]
