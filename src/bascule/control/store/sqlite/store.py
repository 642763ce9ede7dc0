"""The contract over SQLite: one process, one writer thread, one reader thread, and the event loop between them."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from bascule.control.store import contract, feed
from bascule.control.store.sqlite import compaction, lock, reader, rows, schema, writer

_log = logging.getLogger(__name__)
_READER_CACHE_KIB = 512
T = TypeVar("T")


class SqliteStore:
    """Made by ``open_store``. Satisfies ``contract.Store``."""

    def __init__(self, file: Path, held: lock.Lock, connection: sqlite3.Connection) -> None:
        meta = schema.read_meta(connection)
        self.installation = str(meta["installation"])
        self.epoch = int(meta["epoch"])
        self.compacted = int(meta["compacted"])
        self.corrupt: list[contract.Corrupt] = [
            contract.Corrupt(key, rows.revision_of(id), reason)
            for id, key, reason in connection.execute("SELECT id, key, reason FROM aside ORDER BY id")
        ]
        self._file = file
        self._lock = held
        self._loop = asyncio.get_running_loop()
        self._feeds = feed.Feeds()
        self._read_connection = schema.connect(file, cache_kib=_READER_CACHE_KIB)
        self._reader = reader.Reader(self._read_connection, self._damaged)
        self._reads = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self.revision = max(int(meta["floor"]), self._reader.newest())
        self._writer = writer.Writer(connection, self.revision, self._loop, self._publish)
        self._writer.start()
        self._closing: asyncio.Future[None] | None = None

    def _publish(self, batches: list[contract.Batch], revision: int) -> None:
        self.revision = revision
        self._feeds.publish(batches)

    async def _read(self, work: Callable[[], T]) -> T:
        if self._closing is not None:
            raise contract.StoreClosed("the store is closed")
        try:
            return await self._loop.run_in_executor(self._reads, work)
        except sqlite3.Error as error:
            raise contract.StoreError(f"{self._file} could not be read: {error}") from error

    def _check_revision(self, revision: int) -> None:
        if revision < self.compacted:
            raise contract.Compacted(revision, self.compacted)
        if revision > self.revision:
            raise contract.Future(revision, self.revision)

    async def get(self, key: str) -> contract.Entry | None:
        return await self._read(lambda: self._reader.get(key))

    async def range(
        self, prefix: str, *, start: str = "", limit: int = 0, revision: int | None = None
    ) -> contract.Page:
        at = self.revision if revision is None else revision
        self._check_revision(at)
        return await self._read(lambda: self._reader.range(prefix, start, limit, at))

    async def commit(self, operations: Sequence[contract.Operation]) -> int:
        contract.check_operations(operations)
        return await self._writer.submit(operations)

    async def watch(self, prefix: str, *, after: int) -> feed.Feed:
        self._check_revision(after)
        watch = self._feeds.add(prefix, after)
        if after < self.revision:
            try:
                history, upto = await self._read(lambda: self._reader.history(prefix, after))
            except BaseException:
                watch.close()
                raise
            watch.begin(history, upto)
        return watch

    async def recent(self, changes: int) -> int:
        found = await self._read(lambda: self._reader.recent(changes))
        return min(max(found, self.compacted), self.revision)

    async def compact(self, revision: int) -> None:
        if revision > self.revision:
            raise contract.Future(revision, self.revision)
        while self.compacted < revision:
            upto = min(revision, self.compacted + compaction.SLICE_REVISIONS)
            await self._writer.call(partial(compaction.compact, compacted=self.compacted, revision=upto))
            self.compacted = max(self.compacted, upto)

    async def snapshot(self, file: Path) -> None:
        await asyncio.to_thread(_copy, self._file, file)

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._writer.stop()
        await asyncio.sleep(0)  # The last group's delivery is on the loop before the thread ends; let it run.
        self._feeds.close()
        await asyncio.to_thread(self._reads.shutdown)
        self._read_connection.close()
        self._lock.release()

    def _damaged(self, row: contract.Corrupt) -> None:
        """Called on the reader's thread."""
        self._loop.call_soon_threadsafe(self._set_aside, row)

    def _set_aside(self, row: contract.Corrupt) -> None:
        if row in self.corrupt:
            return
        self.corrupt.append(row)
        _log.error(
            "%s at revision %d is damaged (%s) and was set aside; the rest is served. Restore it from a snapshot",
            *row,
        )
        if self._closing is None:
            moved = self._writer.call(lambda connection: _move_aside(connection, row))
            moved.add_done_callback(_log_failure)


def _move_aside(connection: sqlite3.Connection, row: contract.Corrupt) -> None:
    low, high = rows.first_id(row.revision), rows.first_id(row.revision + 1)
    found = connection.execute(
        "SELECT id FROM current WHERE key = ? AND id >= ? AND id < ?", (row.key, low, high)
    ).fetchone()
    if found is None:
        return
    connection.execute("BEGIN IMMEDIATE")
    copied = "INSERT INTO aside SELECT ?, ?, ?, (SELECT value FROM log WHERE id = ?)"
    connection.execute(copied, (found[0], row.key, row.reason, found[0]))
    connection.execute("DELETE FROM current WHERE key = ?", (row.key,))
    connection.execute("COMMIT")


def _log_failure(moved: asyncio.Future[None]) -> None:
    if not moved.cancelled() and (error := moved.exception()) is not None:
        _log.error("a damaged row could not be moved aside: %s", error)


def _copy(source: Path, target: Path) -> None:
    """A snapshot appears under its name only when it is whole and on disk."""
    unfinished = target.with_name(target.name + ".partial")
    unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(f"file:{source}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    except sqlite3.Error as error:
        unfinished.unlink(missing_ok=True)
        raise writer.failure(error) from error
    finally:
        connection.close()
    sync(unfinished)
    os.replace(unfinished, target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Makes a file or a directory's entries durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def open_store(file: Path) -> SqliteStore:
    """Opens or makes the store in ``file``. Raises StoreLocked, StoreTooNew, StoreFull and StoreError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = lock.Lock(file)
    except OSError as error:
        raise contract.StoreError(f"{file} cannot be opened: {error}") from error
    connection: sqlite3.Connection | None = None
    try:
        connection = await asyncio.to_thread(schema.open_file, file)
        return SqliteStore(file, held, connection)
    except BaseException as error:
        if connection is not None:
            connection.close()
        held.release()
        if isinstance(error, sqlite3.Error):
            raise schema.unusable(file, error) from error
        raise
