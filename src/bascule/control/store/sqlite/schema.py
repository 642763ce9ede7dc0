"""The file: its tables, its settings, its version.

``log`` has a row for each change, in order: appended, never updated, so that pages are written once and history is a
scan. Each row names the row it replaced (``previous``, 0 where the key was absent), which is how an older revision is
read back from the newest: no index over history is needed. ``current`` maps each living key to its row. ``meta`` holds
the installation, the epoch, the compacted revision and a floor: no revision up to it is given out again.
"""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from bascule.control.store import contract

VERSION = 1
APPLICATION_ID = 0x42617363  # "Basc"

_TABLES = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    previous INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    value BLOB
);
CREATE TABLE current (key TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE aside (id INTEGER, key TEXT, reason TEXT, value BLOB);
"""


def connect(file: Path, *, cache_kib: int = 1024) -> sqlite3.Connection:
    """A connection in autocommit mode: transactions are begun where they are meant."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = {-cache_kib}")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_file(file: Path) -> sqlite3.Connection:
    """The writer's connection, to a file that is made or migrated as needed. Raises StoreTooNew and StoreError."""
    try:
        new = not file.exists() or file.stat().st_size == 0
        if new:
            _create(file)
        connection = connect(file)
    except sqlite3.Error as error:
        raise unusable(file, error) from error
    try:
        _check_version(connection, file)
    except sqlite3.Error as error:
        connection.close()
        raise unusable(file, error) from error
    except contract.StoreError:
        connection.close()
        raise
    return connection


def unusable(file: Path, error: sqlite3.Error) -> contract.StoreError:
    """Why a file cannot serve, and what to do."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return contract.StoreFull(f"no space to open {file}: free some space, then start again")
    return contract.StoreError(
        f"{file} cannot be opened as a store ({error}): restore a snapshot, or move the file away to begin anew"
    )


def _create(file: Path) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        # The page size is fixed at birth; 8 KiB holds a few typical objects without overflow pages.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {VERSION};"
        )
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("installation", str(uuid.uuid4())), ("epoch", 1), ("compacted", 0), ("floor", 0)],
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def _check_version(connection: sqlite3.Connection, file: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise contract.StoreError(f"{file} is a database of some other program; give another data directory")
    if version > VERSION:
        raise contract.StoreTooNew(
            f"{file} has store version {version}, this Bascule reads up to {VERSION}: "
            "start the newer version, or restore a snapshot made by this one. Nothing was changed"
        )


def read_meta(connection: sqlite3.Connection) -> dict[str, str | int]:
    return dict(connection.execute("SELECT name, value FROM meta"))
