"""The ledger's file: opening it, its version, one owner at a time, and saving what can be saved of a broken one."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import sqlite3
from pathlib import Path

SCHEMA_VERSION = 1
MEMORY = Path(":memory:")

_TABLES = """
CREATE TABLE IF NOT EXISTS desired (
    kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, epoch INTEGER NOT NULL,
    body BLOB NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (
    kind TEXT PRIMARY KEY, installation TEXT NOT NULL, epoch INTEGER NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS corrupt (
    kind TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL,
    UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS memory (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL);
"""

_log = logging.getLogger(__name__)


class LedgerError(Exception):
    """The ledger cannot be opened; the message says why and what to do."""


def checksum(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def lock(path: Path) -> int | None:
    """A file descriptor that holds the ledger for this process; None for a ledger in memory."""
    if path == MEMORY:
        return None
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LedgerError(f"{path} is in use by another agent; stop that one first") from error
    return descriptor


def connect(path: Path) -> tuple[sqlite3.Connection, bool]:
    """The open database, and whether it had to be rebuilt because the file was broken."""
    try:
        connection = _open(path)
        if _sound(connection):
            return connection, False
        connection.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise LedgerError(f"cannot open {path}: {error}; check permissions and free space") from error
        _log.error("ledger file is broken", extra={"path": str(path), "error": str(error)})
    return _rebuild(path), True


def _open(path: Path) -> sqlite3.Connection:
    if path != MEMORY:
        # It holds Secrets. SQLite gives its other files the rights of this one.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            os.chmod(path, 0o600)
        except OSError as error:
            raise LedgerError(f"cannot open {path}: {error.strerror}; check permissions and free space") from error
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.text_factory = _text
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"{path} was written by a newer version of Bascule (format {version}, this one knows "
                f"{SCHEMA_VERSION}); start the newer version, or give this node a new data directory"
            )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-1024")
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _text(raw: bytes) -> str:
    """Broken text must reach the checksum, not raise on the way."""
    return raw.decode("utf-8", "replace")


def _sound(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))


def _rebuild(path: Path) -> sqlite3.Connection:
    """Puts the broken file aside and carries over every row that can still be read."""
    broken = path.with_name(path.name + ".broken")
    for suffix in ("", "-wal", "-shm"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            os.replace(source, broken.with_name(broken.name + suffix))
    fresh = _open(path)
    try:
        old = sqlite3.connect(broken, isolation_level=None)
        old.text_factory = _text
    except sqlite3.DatabaseError:
        return fresh
    try:
        for table, columns in (("desired", 6), ("positions", 4), ("reports", 4), ("memory", 3)):
            saved = _carry(old, fresh, table, columns)
            _log.warning("ledger rebuilt", extra={"table": table, "rows": saved, "broken": str(broken)})
    finally:
        old.close()
    return fresh


def _carry(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str, columns: int) -> int:
    saved = 0
    insert = f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * columns)})"
    for order in ("", "DESC"):  # a broken page in the middle: read towards it from both sides
        try:
            key = "kind" if table == "desired" else "1"
            for row in old.execute(f"SELECT * FROM {table} ORDER BY {key} {order}"):
                try:
                    fresh.execute(insert, row)
                    saved += 1
                except sqlite3.DatabaseError:
                    continue
        except sqlite3.DatabaseError:
            continue
    return saved
