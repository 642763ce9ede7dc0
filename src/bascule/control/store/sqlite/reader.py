"""Reads, on a thread of their own with a connection of their own, so that they neither wait for writes nor delay them.

An older revision is read from the newest by going back: for each key changed since, the first change names the row that
was in force before it. The cost is the answer plus what changed since.

A damaged row is left out of the answer and handed to ``damaged``; where a whole page is unreadable, rows are read one
by one so that the others are still served.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from bascule.control.store import contract
from bascule.control.store.sqlite import rows

Damaged = Callable[[contract.Corrupt], None]

_MAPPED_FROM = 1000
"""Answers of this many entries are read through a memory map, which is given back afterwards."""

_SPAN = """
SELECT c.key, c.id, l.key, l.previous, l.checksum, l.value
FROM current c LEFT JOIN log l ON l.id = c.id WHERE c.key >= ? AND c.key < ? ORDER BY c.key
"""
_LIVING = """
SELECT c.key, c.id, l.previous, l.checksum, l.value
FROM current c LEFT JOIN log l ON l.id = c.id AND l.key = c.key WHERE c.key >= ? AND c.key < ? ORDER BY c.key
"""
_CHANGES = "SELECT id, key, previous FROM log WHERE id >= ? AND key >= ? AND key < ? ORDER BY id DESC"
_ROW = "SELECT id, key, previous, checksum, value FROM log WHERE id = ?"
_BACK = "SELECT id FROM log ORDER BY id DESC LIMIT 1 OFFSET ?"
_COMPACTED = "SELECT value FROM meta WHERE name = 'compacted'"
_HISTORY = "SELECT id, key, previous, checksum, value FROM log WHERE id >= ? ORDER BY id"


class Reader:
    """Not for concurrent use: its owner runs one call at a time."""

    def __init__(self, connection: sqlite3.Connection, damaged: Damaged) -> None:
        self._connection = connection
        self._damaged = damaged

    def get(self, key: str) -> contract.Entry | None:
        found = self._connection.execute("SELECT id FROM current WHERE key = ?", (key,)).fetchone()
        return self._entry(key, found[0]) if found else None

    def newest(self) -> int:
        """The revision of the newest row, 0 where there is none."""
        (id,) = self._connection.execute("SELECT max(id) FROM log").fetchone()
        return rows.revision_of(id or 0)

    def recent(self, changes: int) -> int:
        """The oldest revision with no more than so many rows after it; 0 where there are no more."""
        found = self._connection.execute(_BACK, (changes,)).fetchone()
        return rows.revision_of(found[0]) if found else 0

    def range(self, prefix: str, start: str, limit: int, revision: int) -> contract.Page:
        """Entries at a durable revision. Raises Compacted."""
        low, high = max(prefix, start), contract.prefix_end(prefix)
        if not limit or limit >= _MAPPED_FROM:
            self._connection.execute("PRAGMA mmap_size = 1073741824").fetchone()
        self._connection.execute("BEGIN")
        try:
            self._check_kept(revision)
            try:
                changed = self._changed_since(revision, low, high)
                page = self._sound_page(low, high, limit, revision) if not changed else None
                return page or self._page(self._span(low, high, changed), limit, revision)
            except sqlite3.DatabaseError:
                changed = self._changed_since(revision, low, high)
                return self._page(self._span_singly(low, high, changed), limit, revision)
        finally:
            self._connection.execute("ROLLBACK")
            self._connection.execute("PRAGMA mmap_size = 0").fetchone()

    def _check_kept(self, revision: int) -> None:
        (compacted,) = self._connection.execute(_COMPACTED).fetchone()
        if revision < compacted:
            raise contract.Compacted(revision, compacted)

    def _page(self, entries: Iterator[contract.Entry], limit: int, revision: int) -> contract.Page:
        if not limit:
            return contract.Page(list(entries), revision, None)
        taken: list[contract.Entry] = []
        for entry in entries:
            if len(taken) == limit:
                return contract.Page(taken, revision, entry.key)
            taken.append(entry)
        return contract.Page(taken, revision, None)

    def _sound_page(self, low: str, high: str, limit: int, revision: int) -> contract.Page | None:
        """Where nothing changed since, in as few steps as can be, as a start reads all. None where a row is damaged."""
        living = self._connection.execute(_LIVING, (low, high))
        found = living.fetchmany(limit + 1) if limit else living.fetchall()
        following = found.pop()[0] if limit and len(found) > limit else None
        entries = rows.sound_entries(found)
        return None if entries is None else contract.Page(entries, revision, following)

    def _span(self, low: str, high: str, changed: dict[str, int]) -> Iterator[contract.Entry]:
        pending = sorted((key for key, id in changed.items() if id), reverse=True)
        for key, id, row_key, previous, checksum, value in self._connection.execute(_SPAN, (low, high)):
            while pending and pending[-1] <= key:
                earlier = pending.pop()
                if (entry := self._entry(earlier, changed[earlier])) is not None:
                    yield entry
            if key in changed:
                continue
            if row_key == key and value is not None and rows.sound(id, key, previous, checksum, value):
                yield contract.Entry(key, value, rows.revision_of(id))
            else:
                self._report(key, id, row_key is None)
        while pending:
            earlier = pending.pop()
            if (entry := self._entry(earlier, changed[earlier])) is not None:
                yield entry

    def _span_singly(self, low: str, high: str, changed: dict[str, int]) -> Iterator[contract.Entry]:
        living = dict(self._connection.execute("SELECT key, id FROM current WHERE key >= ? AND key < ?", (low, high)))
        for key, id in sorted((living | changed).items()):
            if id and (entry := self._entry(key, id)) is not None:
                yield entry

    def _changed_since(self, revision: int, low: str, high: str) -> dict[str, int]:
        """For each key changed after the revision, the row in force at it; 0 where it was absent."""
        newer = self._connection.execute(_CHANGES, (rows.first_id(revision + 1), low, high))
        return {key: previous for _, key, previous in newer}

    def _entry(self, key: str, id: int) -> contract.Entry | None:
        """One row's entry, None where it is damaged."""
        try:
            found = self._connection.execute(_ROW, (id,)).fetchone()
        except sqlite3.DatabaseError:
            found = None
        row = rows.Row(*found) if found else None
        if row is None or row.key != key or row.value is None or not row.sound():
            self._report(key, id, row is None)
            return None
        return contract.Entry(key, row.value, row.revision)

    def _report(self, key: str, id: int, unreadable: bool) -> None:
        reason = "unreadable" if unreadable else "checksum does not match"
        self._damaged(contract.Corrupt(key, rows.revision_of(id), reason))

    def history(self, prefix: str, after: int) -> tuple[list[contract.Batch], int]:
        """Batches after the revision, and the revision they reach. Raises Compacted, also where a row is damaged."""
        self._connection.execute("BEGIN")
        try:
            self._check_kept(after)
            return self._history(prefix, after)
        finally:
            self._connection.execute("ROLLBACK")

    def _history(self, prefix: str, after: int) -> tuple[list[contract.Batch], int]:
        reached = after
        batches: list[contract.Batch] = []
        changes: list[contract.Change] = []
        for found in self._connection.execute(_HISTORY, (rows.first_id(after + 1),)):
            row = rows.Row(*found)
            if not row.sound():
                self._report(str(row.key), row.id, False)
                raise contract.Compacted(after, self.newest())
            if row.revision != reached:
                _close(batches, reached, changes)
                reached = row.revision
            if row.key.startswith(prefix):
                changes.append(contract.Change(row.key, row.value, row.revision))
        _close(batches, reached, changes)
        return batches, reached


def _close(batches: list[contract.Batch], revision: int, changes: list[contract.Change]) -> None:
    if changes:
        batches.append(contract.Batch(revision, tuple(changes)))
        changes.clear()
