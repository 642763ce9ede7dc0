"""All resources of the API server over one store, fed by one watch of it.

A write is answered only after the cache has seen it, so that whoever was answered reads it everywhere. Drafts wait in
``_drafts`` for their commit to come back by the watch, so that what this process wrote is never decoded again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bascule.control.cache import change, errors, keys, loading, record, write
from bascule.control.cache import resource as resources
from bascule.control.store import contract
from bascule.vocabulary import clock

_log = logging.getLogger(__name__)
INDEXED: Mapping[str, tuple[str, ...]] = {keys.prefix("", "pods"): ("spec.nodeName",)}
"""Selectable fields that are indexed, by resource."""

Write = write.Write


class Cache:
    """``await cache.start()`` first, ``await cache.close()`` last; between them from one event loop."""

    def __init__(
        self,
        store: contract.Store,
        clock: clock.Clock,
        *,
        indexed: Mapping[str, tuple[str, ...]] = INDEXED,
        replayed_changes: int = loading.REPLAYED_CHANGES,
    ) -> None:
        """``replayed_changes``: how many before ``start`` watches may begin."""
        self._store = store
        self._clock = clock
        self._indexed = indexed
        self._replayed_changes = replayed_changes
        self._revision = 0
        self._resources: dict[str, resources.ResourceCache] = {}
        self._loading: dict[str, asyncio.Task[resources.ResourceCache]] = {}
        self._indexing: set[asyncio.Task[None]] = set()
        self._unindexed: list[resources.ResourceCache] | None = None
        self._drafts: dict[int, Write] = {}
        self._finals: dict[tuple[str, int], record.Draft] = {}
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._feeding: asyncio.Task[None] | None = None
        self._watch: contract.Watch | None = None
        self.unreadable: list[str] = []
        """Store keys whose values could not be read as objects; the rest is served."""

    async def start(self, *, settled: bool = True) -> None:
        """Raises what the store raises. Unless ``settled``, nothing is indexed before ``settle``."""
        self._unindexed = None if settled else []
        self._revision = self._store.revision
        self._loader = loading.Loader(
            self._store,
            make=self._make,
            apply=self._apply,
            set_aside=self._set_aside,
            replayed_changes=self._replayed_changes,
        )
        self._watch = await self._loader.open()
        self._feeding = asyncio.create_task(self._feed(self._watch), name="cache-feed")

    async def close(self) -> None:
        """Ends all watches. The store stays open: it is its opener's to close."""
        if self._watch is not None:
            self._watch.close()
        working = (*self._loading.values(), *self._indexing)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        if self._feeding is not None:
            await self._feeding
        for loaded in self._resources.values():
            loaded.close()

    @property
    def revision(self) -> int:
        """The store revision all loaded resources are fresh as of."""
        return self._revision

    # Resources

    async def resource(self, group: str, plural: str) -> resources.ResourceCache:
        """Loaded at the first call, once; ``group`` "" is core."""
        name = keys.prefix(group, plural)
        loaded = self._resources.get(name)
        if loaded is not None:
            return loaded
        task = self._loading.get(name)
        if task is None:
            task = self._loading[name] = asyncio.create_task(self._load(name), name=f"cache-load {name}")
            task.add_done_callback(lambda _: self._loading.pop(name, None))
        return await asyncio.shield(task)

    def loaded(self, group: str, plural: str) -> resources.ResourceCache | None:
        """The resource if it is in memory already: for synchronous readers."""
        return self._resources.get(keys.prefix(group, plural))

    async def _load(self, name: str) -> resources.ResourceCache:
        made = self._resources[name] = await self._loader.load(name)
        if self._unindexed is None:
            self._index(made)
        else:
            self._unindexed.append(made)
        return made

    def settle(self) -> None:
        """What was to be loaded soon is loaded: time to index it."""
        unindexed, self._unindexed = self._unindexed or (), None
        for made in unindexed:
            self._index(made)

    def _index(self, made: resources.ResourceCache) -> None:
        indexing = asyncio.create_task(made.index(), name=f"cache-index {made.name}")
        self._indexing.add(indexing)
        indexing.add_done_callback(self._indexing.discard)

    def _make(self, name: str, at: int, oldest: int) -> resources.ResourceCache:
        return resources.ResourceCache(
            name,
            store=self._store,
            commit=self.commit,
            newest=lambda: self._revision,
            indexed=self._indexed.get(name, ()),
            loaded_at=at,
            oldest=oldest,
        )

    def _set_aside(self, text: str, error: ValueError) -> None:
        self.unreadable.append(text)
        _log.error("%s is left out: %s", text, error)

    # Feeding

    async def _feed(self, watch: contract.Watch) -> None:
        while True:
            try:
                batches = await watch.next_batches()
            except StopAsyncIteration:
                return
            for batch in batches:
                for happened in batch.changes:
                    self._route(happened)
                self._revision = max(self._revision, batch.revision)  # History comes first.
            self._answer()

    def _route(self, happened: contract.Change) -> None:
        own = self._drafts.get(id(happened.value))
        loaded = None if own is None else self._resources.get(own.resource)
        if own is not None and loaded is not None:
            loaded.apply(own.key, happened.revision, own.draft, None)
            return
        slash = happened.key.index("/", happened.key.index("/", 1) + 1) + 1
        name = happened.key[:slash]
        loaded = self._resources.get(name)
        if loaded is not None:
            self._apply(loaded, happened)
        else:
            self._loader.miss(name, happened)

    def _apply(self, to: resources.ResourceCache, happened: contract.Change) -> change.Change | None:
        text, value, revision = happened
        try:
            key = keys.within(to.name, text)
            if value is not None:
                own = self._drafts.get(id(value))
                return to.apply(key, revision, (own and own.draft) or record.load(value), None)
        except ValueError as error:
            self._set_aside(text, error)
            return None
        final = None
        if self._finals:
            gone = to.get(key)
            final = self._finals.get((text, gone.revision)) if gone is not None else None
        return to.apply(key, revision, None, final)

    def _answer(self) -> None:
        if self._waiting:
            due = [waiter for revision, waiter in self._waiting if revision <= self._revision]
            self._waiting = [entry for entry in self._waiting if entry[0] > self._revision]
            for waiter in due:
                if not waiter.done():
                    waiter.set_result(None)

    async def _reach(self, revision: int) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((revision, waiter))
        await waiter

    # Writing

    async def commit(self, writes: Sequence[Write]) -> list[record.Record | None]:
        """All or nothing, at one revision. Raises AlreadyExists, Conflict or Missing of the first that fails.

        Answers with each write's record: what was written, or a deletion's last content under its revision, None where
        there was nothing to delete. StoreFull and StoreClosed come through as they are.
        """
        operations = [self._operation(one) for one in writes]
        before = [self._before(one) for one in writes]
        try:
            revision = await self._store.commit(operations)
            if self._revision < revision:
                await self._reach(revision)
        except contract.Mismatch as mismatch:
            if self._revision < (newest := self._store.revision):
                await self._reach(newest)  # Who is refused then reads why.
            raise _refusal(writes, mismatch) from mismatch
        finally:
            self._let_go(writes)
        return [self._written(one, shown, revision) for one, shown in zip(writes, before, strict=True)]

    def _operation(self, one: Write) -> contract.Operation:
        text = keys.text(one.resource, one.key)
        draft = one.draft
        if draft is None:
            if one.final is not None and one.expected:
                self._finals[text, one.expected] = one.final
            return contract.Delete(text, one.expected)
        # The write is kept as long as it is found here, and so is its value: nothing else has that one's id.
        self._drafts[id(draft.value)] = one
        return contract.Put(text, draft.value, one.expected)

    def _let_go(self, writes: Sequence[Write]) -> None:
        for one in writes:
            if one.draft is not None:
                self._drafts.pop(id(one.draft.value), None)
            elif one.final is not None and one.expected:
                self._finals.pop((keys.text(one.resource, one.key), one.expected), None)

    def _before(self, one: Write) -> record.Record | None:
        """What a deletion will have removed, as the deletion's expectation, once it held, proves."""
        if one.draft is not None:
            return None
        loaded = self._resources.get(one.resource)
        return loaded.get(one.key) if loaded is not None else None

    def _written(self, one: Write, before: record.Record | None, revision: int) -> record.Record | None:
        shown = one.draft or one.final
        if shown is not None:
            loaded = self._resources.get(one.resource)
            kept = loaded.get(one.key) if loaded is not None else None
            if kept is not None and kept.revision == revision:
                return kept
            return record.Record(one.key, revision, shown)
        return before.at(revision) if before is not None else None

    def statistics(self) -> dict[str, Any]:
        return {
            "revision": self._revision,
            "unreadable": len(self.unreadable),
            "resources": {name: loaded.statistics() for name, loaded in sorted(self._resources.items())},
        }


def _refusal(writes: Sequence[Write], mismatch: contract.Mismatch) -> errors.CacheError:
    refused = next(one for one in writes if keys.text(one.resource, one.key) == mismatch.key)
    if mismatch.current is None:
        return errors.Missing(refused.key)
    value = record.load(mismatch.current.value)
    current = record.Record(refused.key, mismatch.current.revision, value)
    if mismatch.expected == contract.ABSENT:
        return errors.AlreadyExists(refused.key, current)
    return errors.Conflict(refused.key, mismatch.expected, current)
