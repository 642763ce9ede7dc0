"""Reports not yet acknowledged, the newest for each (kind, name), in the order they were made.

A report that replaces another takes a new sequence, so that the acknowledgement of the old one cannot drop it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable

from bascule.bridge import messages

_log = logging.getLogger(__name__)


class Outbox:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._unwritten: dict[tuple[str, str], bytes] = {}
        self._arrived = asyncio.Event()

    def put(self, reports: Iterable[tuple[str, str, bytes]]) -> None:
        """(kind, name, body) each, in one transaction."""
        for kind, name, body in reports:
            self._unwritten.pop((kind, name), None)
            self._unwritten[kind, name] = body
        if self._unwritten:
            self._write()
            self._arrived.set()

    def pending(self, limit: int) -> list[messages.Report]:
        self._write()
        rows = self._connection.execute(
            "SELECT sequence, kind, name, body FROM reports ORDER BY sequence LIMIT ?", (limit,)
        )
        return [messages.Report(*row) for row in rows]

    def acknowledge(self, sequence: int) -> None:
        try:
            self._connection.execute("DELETE FROM reports WHERE sequence = ?", (sequence,))
        except sqlite3.Error as error:  # it is sent again and acknowledged again
            _log.warning("acknowledgement not recorded", extra={"sequence": sequence, "error": str(error)})

    async def reported(self) -> None:
        await self._arrived.wait()
        self._arrived.clear()

    def _write(self) -> None:
        if not self._unwritten:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO reports (kind, name, body) VALUES (?, ?, ?)",
                    [(kind, name, body) for (kind, name), body in self._unwritten.items()],
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            _log.error("report not written, kept in memory", extra={"error": str(error)})
            return
        self._unwritten.clear()
