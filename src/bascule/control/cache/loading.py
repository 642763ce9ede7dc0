"""How a resource comes into memory: its state at one revision, then all that happened since, in order.

What was changed shortly before a restart is read as it was before those changes, which are then replayed from the
store's history: watches begun before the restart go on where they were instead of listing again.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

from bascule.control.cache import keys, record, resource
from bascule.control.store import contract
from bascule.vocabulary import objects

REPLAYED_CHANGES: Final = 5000
_CHUNK: Final = 20_000
_UNBROKEN: Final = 1000
"""So many entries are taken in at a time once others may be waiting."""
_NO_BUCKET: Final = "\0"

Make = Callable[[str, int, int], resource.ResourceCache]


class Loader:
    """Keeps what happens to resources that are not in memory: of all since ``open``, as long as it is only history.

    ``make`` is given the name, the revision the state is read at and the one since which changes are known.
    """

    def __init__(
        self,
        store: contract.Store,
        *,
        make: Make,
        apply: Callable[[resource.ResourceCache, contract.Change], object],
        set_aside: Callable[[str, ValueError], None],
        replayed_changes: int,
    ) -> None:
        self._store = store
        self._make = make
        self._apply = apply
        self._set_aside = set_aside
        self._opened_at = store.revision
        self._oldest = self._opened_at
        self._replayed_changes = replayed_changes
        self._missed: dict[str, list[contract.Change]] = {}
        self._loading: set[str] = set()
        self._lost: set[str] = set()

    async def open(self) -> contract.Watch:
        """All that happens, and what of history is to be replayed. Raises what the store raises."""
        self._oldest = min(self._opened_at, await self._store.recent(self._replayed_changes))
        try:
            return await self._store.watch("/", after=self._oldest)
        except contract.Compacted:  # Also where history is damaged.
            self._oldest = self._opened_at
            return await self._store.watch("/", after=self._oldest)

    def miss(self, name: str, happened: contract.Change) -> None:
        """A change of a resource that is not in memory."""
        if happened.revision <= self._opened_at or name in self._loading:
            self._missed.setdefault(name, []).append(happened)
        else:
            # Nobody has asked for it yet. Whoever does gets it as it is then, without history.
            self._missed.pop(name, None)
            self._lost.add(name)

    async def load(self, name: str) -> resource.ResourceCache:
        self._loading.add(name)
        # Nothing here is garbage: the collector would only walk over all that was loaded, again and again.
        collecting = gc.isenabled()
        gc.disable()
        try:
            made = await self._read_back(name)
            # The list may grow meanwhile; its end is the present, as nothing is awaited after it.
            for number, happened in enumerate(self._missed.get(name, ()), 1):
                self._apply(made, happened)
                if number % _UNBROKEN == 0:
                    await asyncio.sleep(0)
            return made
        finally:
            if collecting:
                gc.enable()
            self._loading.discard(name)
            self._missed.pop(name, None)

    async def _read_back(self, name: str) -> resource.ResourceCache:
        if name not in self._lost:
            try:
                return await self._read(name, self._oldest if name in self._missed else self._opened_at, self._oldest)
            except contract.Compacted:
                self._missed.pop(name, None)
        self._lost.discard(name)
        return await self._read(name, None, None)

    async def _read(self, name: str, revision: int | None, oldest: int | None) -> resource.ResourceCache:
        entries, at, following = await self._store.range(name, limit=_CHUNK, revision=revision)
        made = self._make(name, at, at if oldest is None else oldest)
        while True:
            # Not read ahead: two threads at once would mostly wait for each other.
            for start in range(0, len(entries), _UNBROKEN):
                self._take_in(made, entries[start : start + _UNBROKEN])
                await asyncio.sleep(0)
            if following is None:
                return made
            entries, _, following = await self._store.range(name, start=following, limit=_CHUNK, revision=at)

    def _take_in(self, made: resource.ResourceCache, entries: list[contract.Entry]) -> None:
        """Entries come in order: those of one namespace follow each other and are taken in together."""
        bucket, cluster, namespace = _NO_BUCKET, "", ""
        records: list[record.Record] = []
        new, key_class, loaded = tuple.__new__, objects.Key, record.loaded
        for text, value, revision in entries:
            try:
                if not text.startswith(bucket):
                    made.load(records)
                    records, bucket = [], _NO_BUCKET
                    cluster, namespace, name = keys.within(made.name, text)
                    bucket = text.removesuffix(name)
                key = new(key_class, (cluster, namespace, text[len(bucket) :]))
                records.append(loaded(key, revision, value))
            except ValueError as error:
                self._set_aside(text, error)
        made.load(records)
