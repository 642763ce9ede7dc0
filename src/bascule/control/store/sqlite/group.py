"""Many commits in one transaction, each judged by itself.

A commit whose expectations do not hold is left out and the others go on; later commits of the group see the earlier.
SQL statements take many rows at a time: each statement makes the thread give up the interpreter, and on a busy event
loop that handing over costs more than the statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from bascule.control.store import contract
from bascule.control.store.sqlite import rows

_CHUNKS = (64, 16, 4, 1)
_INSERT_LOG = {
    size: "INSERT INTO log (id, key, previous, checksum, value) VALUES " + ",".join(["(?,?,?,?,?)"] * size)
    for size in _CHUNKS
}
_UPSERT_CURRENT = {
    size: "INSERT OR REPLACE INTO current (key, id) VALUES " + ",".join(["(?,?)"] * size) for size in _CHUNKS
}
_FIND = "SELECT json_group_array(json_array(key, id)) FROM current WHERE key IN (SELECT value FROM json_each(?))"
_REMOVE = "DELETE FROM current WHERE key IN (SELECT value FROM json_each(?))"


class Result(NamedTuple):
    """``outcomes`` has, for each commit, its revision or why it was refused; ``batches`` what to tell watchers."""

    outcomes: list[int | contract.Mismatch]
    batches: list[contract.Batch]
    revision: int


def apply(connection: sqlite3.Connection, commits: Sequence[Sequence[contract.Operation]], revision: int) -> Result:
    """Does the group durably, or raises sqlite3.Error and does nothing. ``revision`` is the newest so far."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        judge = _Judge(connection, commits, revision)
        result = judge.run()
        judge.write()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


class _Judge:
    """Decides a group's commits in order over the rows it will write."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        commits: Sequence[Sequence[contract.Operation]],
        revision: int,
    ) -> None:
        self._connection = connection
        self._commits = commits
        self._revision = revision
        keys = list({operation.key for operations in commits for operation in operations})
        self._ids: dict[str, int] = dict(_query_pairs(connection, keys))
        self._rows: list[rows.Row] = []
        self._written: dict[str, rows.Row] = {}

    def run(self) -> Result:
        outcomes: list[int | contract.Mismatch] = []
        batches: list[contract.Batch] = []
        for operations in self._commits:
            refusal = self._refusal(operations)
            if refusal is not None:
                outcomes.append(refusal)
                continue
            changes = self._do(operations)
            if changes:
                batches.append(contract.Batch(self._revision, changes))
            outcomes.append(self._revision)
        return Result(outcomes, batches, self._revision)

    def _refusal(self, operations: Sequence[contract.Operation]) -> contract.Mismatch | None:
        for operation in operations:
            expected = operation.expected
            if expected is None:
                continue
            id = self._ids.get(operation.key, 0)
            if expected != rows.revision_of(id):
                return contract.Mismatch(operation.key, expected, self._entry(operation.key, id))
        return None

    def _entry(self, key: str, id: int) -> contract.Entry | None:
        if id == 0:
            return None
        row = self._written.get(key)
        value = row.value if row is not None else _read_value(self._connection, id)
        return None if value is None else contract.Entry(key, value, rows.revision_of(id))

    def _do(self, operations: Sequence[contract.Operation]) -> tuple[contract.Change, ...]:
        revision = self._revision + 1
        id = rows.first_id(revision)
        changes = []
        for operation in operations:
            key = operation.key
            previous = self._ids.get(key, 0)
            if isinstance(operation, contract.Put):
                row = rows.make(id, key, previous, operation.value)
                self._ids[key] = id
            elif previous:
                row = rows.make(id, key, previous, None)
                self._ids[key] = 0
            else:
                continue
            self._rows.append(row)
            self._written[key] = row
            changes.append(contract.Change(key, row.value, revision))
            id += 1
        if changes:
            self._revision = revision
        return tuple(changes)

    def write(self) -> None:
        insert(self._connection, self._rows)
        living = [(key, self._ids[key]) for key, row in self._written.items() if row.value is not None]
        _execute_chunks(self._connection, _UPSERT_CURRENT, living)
        removed = [key for key, row in self._written.items() if row.value is None]
        if removed:
            self._connection.execute(_REMOVE, (orjson.dumps(removed).decode(),))


def insert(connection: sqlite3.Connection, log: Sequence[rows.Row]) -> None:
    """Appends rows to the log."""
    _execute_chunks(connection, _INSERT_LOG, log)


def _query_pairs(connection: sqlite3.Connection, keys: list[str]) -> list[tuple[str, int]]:
    (found,) = connection.execute(_FIND, (orjson.dumps(keys).decode(),)).fetchone()
    pairs: list[tuple[str, int]] = orjson.loads(found)
    return pairs


def _read_value(connection: sqlite3.Connection, id: int) -> bytes | None:
    found = connection.execute("SELECT value FROM log WHERE id = ?", (id,)).fetchone()
    return found[0] if found else None


def _execute_chunks(
    connection: sqlite3.Connection, statements: dict[int, str], values: Sequence[tuple[object, ...]]
) -> None:
    at = 0
    for size, statement in statements.items():
        while len(values) - at >= size:
            connection.execute(statement, [column for value in values[at : at + size] for column in value])
            at += size
