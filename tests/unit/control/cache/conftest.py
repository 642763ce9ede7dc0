from __future__ import annotations

import pytest

from bascule.control.cache import cache, record
from bascule.control.store import memory
from bascule.vocabulary import clock, objects


class Pods:
    """A cache over a memory store with short words for the tests."""

    def __init__(self, store, caches, records):
        self.store = store
        self.caches = caches
        self.records = records

    def key(self, path):
        """``name``, ``namespace/name`` or ``cluster/namespace/name``."""
        parts = path.split("/")
        return objects.Key(*["root", "default"][: 3 - len(parts)], *parts)

    def obj(self, path, labels=None, **spec):
        key = self.key(path)
        metadata = {"name": key.name, "namespace": key.namespace, "uid": f"uid-{key.name}"}
        if labels:
            metadata["labels"] = labels
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    def draft(self, path, labels=None, node="", **spec):
        return record.draft(self.obj(path, labels, **spec), {"spec.nodeName": node})

    async def create(self, path, *args, **options):
        return await self.records.create(self.key(path), self.draft(path, *args, **options))

    async def update(self, path, *args, **options):
        expected = self.records.get(self.key(path)).revision
        return await self.records.update(self.key(path), self.draft(path, *args, **options), expected)

    async def delete(self, path, final=None):
        return await self.records.delete(self.key(path), self.records.get(self.key(path)).revision, final)

    def names(self, *args, **options):
        return [shown.key.name for shown in self.records.list(*args, **options).records]

    async def another(self, **options):
        """A second cache over the same store."""
        return await open_cache(self.store, **options)


async def open_cache(store, **options):
    made = cache.Cache(store, clock.ManualClock(), **options)
    await made.start()
    return made


@pytest.fixture
async def pods():
    store = memory.MemoryStore()
    caches = await open_cache(store)
    yield Pods(store, caches, await caches.resource("", "pods"))
    await caches.close()
    await store.close()
