"""The ledger as another process of the node reads it (DNS): never written, never locked.

Invariant: what does not match its checksum is passed over; setting it aside is the agent's business. A reader works
whether or not an agent runs.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Self

from bascule.bridge import messages
from bascule.data.ledger import rows


class Reader:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises sqlite3.OperationalError while there is no ledger yet."""
        # Not mode=ro: a reader of a WAL database must be able to make its shared-memory file after a reboot.
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("SELECT 1 FROM desired LIMIT 1")
        return cls(connection)

    def close(self) -> None:
        self._connection.close()

    def change_counter(self) -> int:
        """A number that differs whenever another process has committed since; costs microseconds."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def memories(self, prefix: str) -> dict[str, bytes]:
        """What the agent remembers under keys that begin with ``prefix``."""
        return rows.Rows(self._connection).memories(prefix)

    def all(self, kind: str) -> list[messages.Desired]:
        found = self._connection.execute("SELECT name, version, body, checksum FROM desired WHERE kind = ?", (kind,))
        return [
            messages.Desired(kind, name, version, body)
            for name, version, body, checksum in found
            if rows.matches(kind, name, version, body, checksum)
        ]
