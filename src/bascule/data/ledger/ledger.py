"""A node's ledger: desired state by (kind, name), reports not yet acknowledged, the agent's own memory.

What `apply` accepted is on disk when it returns; what it refused changed nothing. A row that does not match its
checksum is set aside and named in `corrupt`; everything else is used. Synchronous, for one thread. It decides
nothing about what to do: agent, network, proxy and DNS act on what it holds, connected or not.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Self

from bascule.bridge import messages
from bascule.bridge.session import guard
from bascule.data.ledger import changes, outbox, rows, schema


class Ledger:
    def __init__(self, connection: sqlite3.Connection, lock: int | None, *, rebuilt: bool) -> None:
        self._connection = connection
        self._lock = lock
        self._rows = rows.Rows(connection)
        self._outbox = outbox.Outbox(connection)
        self._changes = changes.Changes()
        self._rows.set_corrupt_aside()
        self.rebuilt = rebuilt
        """The file was broken and only what could be read was carried over: absence from this ledger is no
        evidence that a thing is not desired, until `synced` says so."""

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Creates the file when there is none; ":memory:" keeps nothing. Raises LedgerError."""
        path = Path(path)
        if path != schema.MEMORY:
            path.parent.mkdir(parents=True, exist_ok=True)
        held = schema.lock(path)
        try:
            connection, rebuilt = schema.connect(path)
        except BaseException:
            if held is not None:
                os.close(held)
            raise
        return cls(connection, held, rebuilt=rebuilt)

    def close(self) -> None:
        self._rows.close()
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Desired state.

    @property
    def position(self) -> messages.Position | None:
        """The newest position any kind has reached; None before the node was told anything."""
        return self._rows.newest()

    def position_of(self, kind: str) -> messages.Position | None:
        return self._rows.positions.get(kind)

    def synced(self, kind: str) -> bool:
        """Whether this ledger was ever told the state of the kind; before that, absence means nothing."""
        return kind in self._rows.positions

    @property
    def corrupt(self) -> list[tuple[str, str, str]]:
        """(kind, name, reason) of what was set aside and not yet been sent again."""
        return self._rows.corrupt()

    def get(self, kind: str, name: str) -> messages.Desired | None:
        return self._rows.get(kind, name)

    def all(self, kind: str) -> list[messages.Desired]:
        return self._rows.all(kind)

    def versions(self, kind: str) -> dict[str, str]:
        """What the node may claim to have: names and versions of the newest epoch only, so that what an
        earlier epoch left behind is sent again if it is still wanted, and never removed by inference."""
        return self._rows.versions(kind)

    def strays(self, kind: str) -> list[str]:
        """Names that the newest epoch of the store has not confirmed: kept, and worth reporting."""
        return self._rows.strays(kind)

    def apply(self, update: messages.Update) -> messages.Applied | messages.Refused:
        """All of the update or nothing. A refusal says why; see `bridge.session.guard`."""
        refused = self._objection(update)
        if refused is not None:
            return refused
        try:
            applied = self._rows.apply(update)
        except sqlite3.Error as error:
            return messages.Refused(
                messages.Objection.STORAGE, f"the node cannot write its ledger: {error}; free space on its disk"
            )
        self._changes.publish((update.kind, name) for name in applied.changed)
        return applied

    def _objection(self, update: messages.Update) -> messages.Refused | None:
        known = self._rows.positions.get(update.kind)
        refused = guard.position_objection(known, update.position)
        newest = self._rows.newest()
        if refused is None and known is None and newest is not None:
            refused = guard.position_objection(newest._replace(generation=0), update.position)
        if refused is not None:
            return refused
        for desired in update.put:
            reason = guard.content_objection(desired)
            if reason is not None:
                return messages.Refused(messages.Objection.CONTENT, f"{update.kind} {desired.name}: {reason}")
        if update.confirmed or not update.removed:
            return None
        held = self._rows.names(update.kind)
        removed = held.intersection(update.removed)
        remaining = (held - removed).union(desired.name for desired in update.put)
        return guard.removal_objection(len(held), len(removed), len(remaining))

    def subscribe(self) -> AsyncIterator[set[changes.Change]]:
        """Yields the (kind, name) pairs that changed since the last ones taken, merged."""
        return self._changes.subscribe()

    # Actual state, kept until it is acknowledged.

    def report(self, kind: str, name: str, body: bytes) -> None:
        """Replaces an unacknowledged report of the same kind and name. Never raises for a full disk: the
        report is then kept in memory until it can be written."""
        self._outbox.put([(kind, name, body)])

    def report_all(self, reports: Iterable[tuple[str, str, bytes]]) -> None:
        """As `report`, (kind, name, body) each, at the cost of one."""
        self._outbox.put(reports)

    def pending(self, limit: int = 100) -> list[messages.Report]:
        """The oldest unacknowledged reports."""
        return self._outbox.pending(limit)

    def acknowledge(self, sequence: int) -> None:
        """Forgets that very report; one that has replaced it since stays."""
        self._outbox.acknowledge(sequence)

    async def reported(self) -> None:
        """Returns once something was reported since the last return."""
        await self._outbox.reported()

    # The agent's own memory.

    def remember(self, key: str, value: bytes) -> None:
        """On disk when it returns. Raises OSError when the disk refuses."""
        self._rows.remember(key, value)

    def recall(self, key: str) -> bytes | None:
        return self._rows.recall(key)

    def forget(self, key: str) -> None:
        self._rows.forget(key)

    def memories(self, prefix: str = "") -> dict[str, bytes]:
        """Everything remembered under keys that begin with `prefix`."""
        return self._rows.memories(prefix)
