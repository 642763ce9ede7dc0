"""The store's contract in its plainest form, for tests and simulations. Durable is what this process remembers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bascule.control.store import contract, feed


class _Snapshot(msgspec.Struct):
    installation: str
    epoch: int
    revision: int
    entries: list[contract.Entry]


class MemoryStore:
    """Keeps each key's versions as a list, newest last, and each commit as a batch."""

    def __init__(self, *, installation: str = "", epoch: int = 1, revision: int = 0) -> None:
        self.installation = installation or str(uuid.uuid4())
        self.epoch = epoch
        self.revision = revision
        self.compacted = revision
        self.corrupt: Sequence[contract.Corrupt] = ()
        self._versions: dict[str, list[contract.Change]] = {}
        self._history: list[contract.Batch] = []
        self._feeds = feed.Feeds()
        self._closed = False

    def _at(self, key: str, revision: int) -> contract.Entry | None:
        for version in reversed(self._versions.get(key, ())):
            if version.revision <= revision:
                if version.value is None:
                    return None
                return contract.Entry(key, version.value, version.revision)
        return None

    def _check_revision(self, revision: int) -> None:
        if revision < self.compacted:
            raise contract.Compacted(revision, self.compacted)
        if revision > self.revision:
            raise contract.Future(revision, self.revision)

    async def get(self, key: str) -> contract.Entry | None:
        return self._at(key, self.revision)

    async def range(
        self, prefix: str, *, start: str = "", limit: int = 0, revision: int | None = None
    ) -> contract.Page:
        at = self.revision if revision is None else revision
        self._check_revision(at)
        keys = sorted(key for key in self._versions if key.startswith(prefix) and key >= start)
        found = [entry for key in keys if (entry := self._at(key, at)) is not None]
        following = found[limit].key if limit and len(found) > limit else None
        return contract.Page(found[:limit] if limit else found, at, following)

    async def commit(self, operations: Sequence[contract.Operation]) -> int:
        contract.check_operations(operations)
        if self._closed:
            raise contract.StoreClosed("the store is closed")
        changes: list[contract.Change] = []
        revision = self.revision + 1
        for operation in operations:
            current = self._at(operation.key, self.revision)
            expected = operation.expected
            if expected is not None and expected != (current.revision if current else contract.ABSENT):
                raise contract.Mismatch(operation.key, expected, current)
            if isinstance(operation, contract.Put):
                changes.append(contract.Change(operation.key, operation.value, revision))
            elif current is not None:
                changes.append(contract.Change(operation.key, None, revision))
        if not changes:
            return self.revision
        self.revision = revision
        for change in changes:
            self._versions.setdefault(change.key, []).append(change)
        batch = contract.Batch(revision, tuple(changes))
        self._history.append(batch)
        self._feeds.publish((batch,))
        return revision

    async def watch(self, prefix: str, *, after: int) -> feed.Feed:
        self._check_revision(after)
        watch = self._feeds.add(prefix, after)
        watch.deliver(self._history)
        return watch

    async def recent(self, changes: int) -> int:
        for batch in reversed(self._history):
            changes -= len(batch.changes)
            if changes < 0:
                return batch.revision
        return self.compacted

    async def compact(self, revision: int) -> None:
        if revision > self.revision:
            raise contract.Future(revision, self.revision)
        if revision <= self.compacted:
            return
        self.compacted = revision
        self._history = [batch for batch in self._history if batch.revision > revision]
        for key, versions in list(self._versions.items()):
            kept = [version for version in versions if version.revision > revision]
            if (entry := self._at(key, revision)) is not None:
                kept.insert(0, contract.Change(*entry))
            if kept:
                self._versions[key] = kept
            else:
                del self._versions[key]

    async def snapshot(self, file: Path) -> None:
        page = await self.range("")
        state = _Snapshot(self.installation, self.epoch, self.revision, page.entries)
        await asyncio.to_thread(file.write_bytes, msgspec.msgpack.encode(state))

    async def close(self) -> None:
        self._closed = True
        self._feeds.close()


def restore(file: Path) -> MemoryStore:
    """A new store from a snapshot, in the next epoch."""
    state = msgspec.msgpack.decode(file.read_bytes(), type=_Snapshot)
    store = MemoryStore(
        installation=state.installation,
        epoch=state.epoch + 1,
        revision=state.revision + contract.RESTORE_STEP,
    )
    for entry in state.entries:
        store._versions[entry.key] = [contract.Change(*entry)]
    return store
