"""The checksummed rows of the ledger: desired state, positions, the agent's memory."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable

from bascule.bridge import messages
from bascule.data.ledger import schema

_log = logging.getLogger(__name__)


class Rows:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._moved: set[str] = set()
        self.positions: dict[str, messages.Position] = {
            kind: messages.Position(installation, epoch, generation)
            for kind, installation, epoch, generation in connection.execute("SELECT * FROM positions")
        }

    def newest(self) -> messages.Position | None:
        return max(self.positions.values(), key=lambda position: position[1:], default=None)

    def _epoch(self) -> int:
        newest = self.newest()
        return newest.epoch if newest else 0

    def get(self, kind: str, name: str) -> messages.Desired | None:
        row = self._connection.execute(
            "SELECT name, version, body, checksum FROM desired WHERE kind = ? AND name = ?", (kind, name)
        ).fetchone()
        return next(iter(self._checked(kind, [row] if row else [])), None)

    def all(self, kind: str) -> list[messages.Desired]:
        rows = self._connection.execute("SELECT name, version, body, checksum FROM desired WHERE kind = ?", (kind,))
        return self._checked(kind, rows)

    def names(self, kind: str) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM desired WHERE kind = ?", (kind,))}

    def versions(self, kind: str) -> dict[str, str]:
        """What was set aside is claimed with a version that matches nothing, so that it is sent again."""
        broken = dict.fromkeys(self._corrupt_names(kind), "")
        return broken | dict(
            self._connection.execute(
                "SELECT name, version FROM desired WHERE kind = ? AND epoch = ?", (kind, self._epoch())
            )
        )

    def _corrupt_names(self, kind: str) -> set[str]:
        return {name for (name,) in self._connection.execute("SELECT name FROM corrupt WHERE kind = ?", (kind,))}

    def strays(self, kind: str) -> list[str]:
        return [
            name
            for (name,) in self._connection.execute(
                "SELECT name FROM desired WHERE kind = ? AND epoch < ? ORDER BY name", (kind, self._epoch())
            )
        ]

    def corrupt(self) -> list[tuple[str, str, str]]:
        return list(self._connection.execute("SELECT kind, name, reason FROM corrupt ORDER BY kind, name"))

    def set_corrupt_aside(self) -> None:
        """Reads every row once, as the ledger is opened."""
        for kind in [kind for (kind,) in self._connection.execute("SELECT DISTINCT kind FROM desired")]:
            self.all(kind)

    def apply(self, update: messages.Update) -> messages.Applied:
        """One transaction. Raises sqlite3.Error when nothing could be written. A step that changes nothing but how far
        along the same history the kind is waits for the next that does, and costs no disk."""
        kind = update.kind
        known_at = self.positions.get(kind)
        if not (update.put or update.removed) and known_at is not None and known_at[:2] == update.position[:2]:
            self.positions[kind] = update.position
            self._moved.add(kind)
            return messages.Applied(frozenset())
        known = (
            {
                name: (version, epoch)
                for name, version, epoch in self._connection.execute(
                    "SELECT name, version, epoch FROM desired WHERE kind = ?", (kind,)
                )
            }
            if update.removed or update.put
            else {}
        )
        put = {desired.name: desired for desired in update.put}
        going = [name for name in update.removed if name in known and name not in put]
        kept = frozenset(name for name in going if known[name][1] < update.position.epoch)
        removed = [name for name in going if name not in kept]
        broken = self._corrupt_names(kind).intersection(update.removed)
        with _Transaction(self._connection):
            self._put(update)
            self._connection.executemany(
                "DELETE FROM desired WHERE kind = ? AND name = ?", [(kind, name) for name in removed]
            )
            self._connection.executemany(
                "DELETE FROM corrupt WHERE kind = ? AND name = ?",
                [(kind, name) for name in (*put, *update.removed)],
            )
            self._write_positions({other: self.positions[other] for other in self._moved} | {kind: update.position})
        self._moved.clear()
        self.positions[kind] = update.position
        differing = {name for name in put if name not in known or known[name][0] != put[name].version}
        return messages.Applied(frozenset(differing.union(removed, broken)), kept)

    def close(self) -> None:
        """Writes how far along the kinds are, if the disk lets it."""
        try:
            with _Transaction(self._connection):
                self._write_positions({kind: self.positions[kind] for kind in self._moved})
        except sqlite3.Error as error:
            _log.info("positions not written", extra={"error": str(error)})

    def _write_positions(self, positions: dict[str, messages.Position]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)",
            [(kind, *position) for kind, position in positions.items()],
        )

    def _put(self, update: messages.Update) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO desired VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    desired.kind,
                    desired.name,
                    desired.version,
                    update.position.epoch,
                    desired.body,
                    _checksum(desired.kind, desired.name, desired.version, desired.body),
                )
                for desired in update.put
            ],
        )

    def _checked(self, kind: str, rows: Iterable[tuple[str, str, bytes, bytes]]) -> list[messages.Desired]:
        sound, broken = [], []
        try:
            for name, version, body, checksum in rows:
                if matches(kind, name, version, body, checksum):
                    sound.append(messages.Desired(kind, name, version, body))
                else:
                    broken.append((str(name), checksum))
        except sqlite3.DatabaseError as error:  # a page went bad under us; what was read is still right
            _log.error("ledger cannot be read to its end", extra={"kind": kind, "error": str(error)})
        for name, checksum in broken:
            self._set_aside(kind, name, checksum)
        return sound

    def _set_aside(self, kind: str, name: str, checksum: object) -> None:
        reason = "the row on disk does not match its checksum"
        _log.error("ledger row set aside", extra={"kind": kind, "object": name, "reason": reason})
        try:
            with _Transaction(self._connection):
                self._connection.execute("INSERT OR REPLACE INTO corrupt VALUES (?, ?, ?)", (kind, name, reason))
                # By its checksum too: the name itself may be what is broken.
                self._connection.execute(
                    "DELETE FROM desired WHERE kind = ? AND (name = ? OR checksum = ?)", (kind, name, checksum)
                )
        except sqlite3.Error as error:
            _log.error("broken ledger row stays", extra={"object": name, "error": str(error)})

    # The agent's memory.

    def remember(self, key: str, value: bytes) -> None:
        row = (key, value, schema.checksum(key.encode(), value))
        try:
            self._connection.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", row)
        except sqlite3.Error as error:
            raise OSError(f"the node cannot write its ledger: {error}") from error

    def recall(self, key: str) -> bytes | None:
        return self._memory("WHERE key = ?", key).get(key)

    def forget(self, key: str) -> None:
        self._connection.execute("DELETE FROM memory WHERE key = ?", (key,))

    def memories(self, prefix: str) -> dict[str, bytes]:
        return self._memory("WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key", prefix)

    def _memory(self, where: str, argument: str) -> dict[str, bytes]:
        rows = self._connection.execute(f"SELECT key, value, checksum FROM memory {where}", (argument,))
        return {key: value for key, value, check in rows if schema.checksum(key.encode(), value) == check}


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
                return
            except sqlite3.Error:
                self._rollback()
                raise
        self._rollback()

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _checksum(kind: str, name: str, version: str, body: bytes) -> bytes:
    return schema.checksum(kind.encode(), name.encode(), version.encode(), body)


def matches(kind: str, name: object, version: object, body: object, checksum: object) -> bool:
    return (
        isinstance(name, str)
        and isinstance(version, str)
        and isinstance(body, bytes)
        and _checksum(kind, name, version, body) == checksum
    )
