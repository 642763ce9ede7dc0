"""From a snapshot to a new data directory: the same installation, the next epoch, revisions well above the old ones.

What the lost store wrote after its snapshot had revisions too. ``above_epoch`` and ``above_revision`` are the last that
anyone is known to have seen of it; without them the next epoch and a wide step stand in.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bascule.control.store import contract
from bascule.control.store.sqlite import compaction, lock, rows, schema, store


def restore(snapshot: Path, file: Path, *, above_epoch: int = 0, above_revision: int = 0) -> None:
    """Makes ``file``, which must not exist; it appears only when it is whole. Raises StoreError."""
    if file.exists():
        raise contract.StoreError(f"{file} exists: restore into a new data directory, or move that one away")
    if not snapshot.is_file():
        raise contract.StoreError(f"there is no snapshot {snapshot}")
    file.parent.mkdir(parents=True, exist_ok=True)
    held = lock.Lock(file)
    partial = file.with_name(file.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        partial.write_bytes(snapshot.read_bytes())
        _renew(partial, above_epoch, above_revision)
        store.sync(partial)
        partial.rename(file)
        store.sync(file.parent)
    except sqlite3.Error as error:
        raise schema.unusable(snapshot, error) from error
    finally:
        for leftover in (partial, *(partial.with_name(partial.name + end) for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
        held.release()


def _renew(file: Path, above_epoch: int, above_revision: int) -> None:
    connection = schema.open_file(file)
    try:
        meta = schema.read_meta(connection)
        (id,) = connection.execute("SELECT max(id) FROM log").fetchone()
        newest = max(int(meta["floor"]), rows.revision_of(id or 0))
        floor = max(newest + contract.RESTORE_STEP, above_revision + 1)
        compaction.compact(connection, int(meta["compacted"]), floor)
        epoch = max(int(meta["epoch"]), above_epoch) + 1
        connection.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
