"""Forgetting history, a slice at a time, so that commits never wait long for it.

What may go when everything up to a revision is forgotten is found from the rows up to it alone: what they replaced, and
those among them that are deletions. The cost is what happened since the last compaction, not what is stored.
"""

from __future__ import annotations

import sqlite3

from bascule.control.store.sqlite import rows

SLICE_REVISIONS = 1000

_REPLACED = """
DELETE FROM log WHERE id IN (SELECT previous FROM log WHERE id >= ? AND id < ? AND previous > 0)
"""
_DELETIONS = "DELETE FROM log WHERE id >= ? AND id < ? AND value IS NULL"


def compact(connection: sqlite3.Connection, compacted: int, revision: int) -> None:
    """Forgets from one revision to the next, in one transaction; no revision up to it is ever given out again."""
    span = (rows.first_id(compacted + 1), rows.first_id(revision + 1))
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_REPLACED, span)
    connection.execute(_DELETIONS, span)
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'compacted'", (revision,))
    connection.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'floor'", (revision,))
    connection.execute("COMMIT")
