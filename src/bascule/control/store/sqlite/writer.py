"""The one thread that writes. Commits of some turns of the event loop, and those that arrive while it is busy, go into
its next transaction together: each transaction, and each handing over between threads, costs more than ten commits.

Results go back to the event loop in one call for each group: watchers first, then the commits' futures, so that whoever
learns that its write is done finds watchers already told.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bascule.control.store import contract
from bascule.control.store.sqlite import group

_log = logging.getLogger(__name__)
_GROUP_OPERATIONS_MAX = 512
_TURNS_MAX = 8
_GROUP_BYTES_MAX = 16 * 1024 * 1024

Publish = Callable[[list[contract.Batch], int], None]


class _Commit(NamedTuple):
    operations: Sequence[contract.Operation]
    future: asyncio.Future[int]


class _Call(NamedTuple):
    """Work of another kind for the same connection, in its place among the commits."""

    work: Callable[[sqlite3.Connection], None]
    future: asyncio.Future[None]


class Writer:
    """Owns ``connection`` from ``start`` until ``stop``. ``publish`` is called on the loop after each durable group."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        revision: int,
        loop: asyncio.AbstractEventLoop,
        publish: Publish,
    ) -> None:
        self._connection = connection
        self._revision = revision
        self._loop = loop
        self._publish = publish
        self._queue: queue.SimpleQueue[list[_Commit] | _Call | None] = queue.SimpleQueue()
        self._gathered: list[_Commit] = []
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._stopping = False

    def start(self) -> None:
        self._thread.start()

    def submit(self, operations: Sequence[contract.Operation]) -> asyncio.Future[int]:
        self._check_open()
        future: asyncio.Future[int] = self._loop.create_future()
        if not self._gathered:
            self._loop.call_soon(self._gather, 0, _TURNS_MAX)
        self._gathered.append(_Commit(operations, future))
        return future

    def _gather(self, before: int, turns: int) -> None:
        """Hands over what one turn of the loop brought, or, when that is more than one, when a turn brings no more."""
        count = len(self._gathered)
        if 1 < count < _GROUP_OPERATIONS_MAX and before < count and turns:
            self._loop.call_soon(self._gather, count, turns - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def call(self, work: Callable[[sqlite3.Connection], None]) -> asyncio.Future[None]:
        """Runs ``work`` on the writer's thread between groups."""
        self._check_open()
        future: asyncio.Future[None] = self._loop.create_future()
        self._hand_over()
        self._queue.put(_Call(work, future))
        return future

    def _check_open(self) -> None:
        if self._stopping:
            raise contract.StoreClosed("the store is closed")

    async def stop(self) -> None:
        """Finishes what was submitted before, then closes the connection."""
        if not self._stopping:
            self._stopping = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        item: list[_Commit] | _Call | None = self._queue.get()
        while item is not None:
            if isinstance(item, _Call):
                self._work(item)
                item = self._queue.get()
            else:
                item = self._commit_group(item)
        self._connection.close()

    def _commit_group(self, commits: list[_Commit]) -> list[_Commit] | _Call | None:
        """Commits all that waits, and returns the item after it."""
        while not self._queue.empty():  # Nobody else takes from it.
            item = self._queue.get()
            if not isinstance(item, list):
                self._do_parted(commits)
                return item
            commits += item
        self._do_parted(commits)
        return self._queue.get()

    def _do_parted(self, commits: list[_Commit]) -> None:
        """In as many transactions as it takes for none to be too large."""
        part: list[_Commit] = []
        operations = size_bytes = 0
        for commit in commits:
            if operations >= _GROUP_OPERATIONS_MAX or size_bytes >= _GROUP_BYTES_MAX:
                self._do(part)
                part, operations, size_bytes = [], 0, 0
            part.append(commit)
            operations += len(commit.operations)
            size_bytes += _size(commit)
        self._do(part)

    def _do(self, commits: list[_Commit]) -> None:
        try:
            result = group.apply(self._connection, [commit.operations for commit in commits], self._revision)
        except sqlite3.Error as error:
            _log.error("a group of %d commits was not done: %s", len(commits), failure(error))
            self._tell(commits, [failure(error) for _ in commits], [])
            return
        self._revision = result.revision
        self._tell(commits, result.outcomes, result.batches)

    def _tell(
        self,
        commits: list[_Commit],
        outcomes: Sequence[int | contract.StoreError],
        batches: list[contract.Batch],
    ) -> None:
        revision = self._revision

        def deliver() -> None:
            if batches:
                self._publish(batches, revision)
            for commit, outcome in zip(commits, outcomes, strict=True):
                if commit.future.done():
                    continue
                if isinstance(outcome, int):
                    commit.future.set_result(outcome)
                else:
                    commit.future.set_exception(outcome)

        self._on_loop(deliver)

    def _work(self, call: _Call) -> None:
        problem: contract.StoreError | None = None
        try:
            call.work(self._connection)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            problem = failure(error)

        def deliver() -> None:
            if call.future.done():
                return
            if problem is None:
                call.future.set_result(None)
            else:
                call.future.set_exception(problem)

        self._on_loop(deliver)

    def _on_loop(self, deliver: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(deliver)
        except RuntimeError:
            _log.debug("the event loop ended before the store did")


def _size(commit: _Commit) -> int:
    size_bytes = 0
    for operation in commit.operations:
        if isinstance(operation, contract.Put):
            size_bytes += len(operation.value)
    return size_bytes


def failure(error: sqlite3.Error) -> contract.StoreError:
    """What an engine's error means to those who wait."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        problem: contract.StoreError = contract.StoreFull(
            "the disk is full: the write was not done and nothing was lost. Free some space; no restart is needed"
        )
    else:
        problem = contract.StoreError(f"the store's file could not be written: {error}")
    problem.__cause__ = error
    return problem
