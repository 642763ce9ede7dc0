"""The store's contract: an ordered, versioned map from text keys to opaque bytes.

Revisions are one integer for the whole store. Each commit takes the next one; none is ever used twice, not across a
crash and not across a restore, which starts a new epoch at a higher revision. A commit is atomic, is durable when it
is acknowledged, and reaches watchers as one batch, in order, only after it is durable. History is kept until it is
compacted.

The store knows nothing of objects: what the bytes mean is the cache's business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

ABSENT = 0
"""As an operation's ``expected``: the key must not exist."""


class Entry(NamedTuple):
    """A key's value and the revision that last wrote it."""

    key: str
    value: bytes
    revision: int


class Put(NamedTuple):
    """Writes a value. ``expected``: None for whatever is there, ``ABSENT``, or the entry's revision."""

    key: str
    value: bytes
    expected: int | None = None


class Delete(NamedTuple):
    """Removes a key, which is no error where it is absent and ``expected`` is None."""

    key: str
    expected: int | None = None


Operation = Put | Delete

OPERATIONS_MAX = 4096
"""The most operations one commit may have."""

RESTORE_STEP = 1_000_000_000
"""How far a restore moves the revision on: further than the lost store can have got since its snapshot."""


class Change(NamedTuple):
    """One key's part in a commit; ``value`` is None where it was deleted."""

    key: str
    value: bytes | None
    revision: int


class Batch(NamedTuple):
    """All the changes of one commit under a watched prefix."""

    revision: int
    changes: tuple[Change, ...]


class Page(NamedTuple):
    """Entries in key order at ``revision``; ``next`` is the key to start the following page at, None at the end."""

    entries: list[Entry]
    revision: int
    next: str | None


class Corrupt(NamedTuple):
    """A row that failed its checksum and was set aside."""

    key: str
    revision: int
    reason: str


class StoreError(Exception):
    """Whatever keeps the store from doing what was asked."""


class Mismatch(StoreError):
    """An ``expected`` did not hold; nothing of its commit was done. ``current`` is None where the key is absent."""

    def __init__(self, key: str, expected: int, current: Entry | None) -> None:
        found = "absent" if current is None else f"at revision {current.revision}"
        super().__init__(f"{key} is {found}, not {'absent' if expected == ABSENT else f'at {expected}'}")
        self.key = key
        self.expected = expected
        self.current = current


class Compacted(StoreError):
    """The revision asked for is older than the history that is kept."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"revision {revision} is gone; the oldest still kept is {oldest}. Read again from now")
        self.revision = revision
        self.oldest = oldest


class Future(StoreError):
    """The revision asked for has not happened yet."""

    def __init__(self, revision: int, newest: int) -> None:
        super().__init__(f"revision {revision} has not happened yet; the newest is {newest}")
        self.revision = revision
        self.newest = newest


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreTooNew(StoreError):
    """The store was written by a newer version of Bascule."""


class StoreFull(StoreError):
    """The disk is full: the commit was not done. The store goes on by itself once there is space."""


class StoreClosed(StoreError):
    """The store was closed before the commit was done."""


class Watch(Protocol):
    """An ordered stream of batches. Ends when it or the store is closed."""

    def __aiter__(self) -> AsyncIterator[Batch]: ...

    async def __anext__(self) -> Batch: ...

    async def next_batches(self) -> list[Batch]:
        """All that is waiting, at least one; raises StopAsyncIteration at the end."""
        ...

    def close(self) -> None: ...


def check_operations(operations: Sequence[Operation]) -> None:
    """Refuses what no engine accepts: raises ValueError."""
    if not operations:
        raise ValueError("a commit needs at least one operation")
    if len(operations) > OPERATIONS_MAX:
        raise ValueError(f"a commit may have at most {OPERATIONS_MAX} operations, not {len(operations)}")
    if len(operations) > 1 and len({operation.key for operation in operations}) < len(operations):
        raise ValueError("a commit may name each key once")


def prefix_end(prefix: str) -> str:
    """A key above all keys with the prefix."""
    return prefix + "\U0010ffff"


class Store(Protocol):
    """All methods are called from one event loop."""

    @property
    def installation(self) -> str:
        """A UUID made when the installation was; a restore keeps it."""
        ...

    @property
    def epoch(self) -> int:
        """From 1, one more after each restore."""
        ...

    @property
    def revision(self) -> int:
        """The newest durable revision; 0 before the first commit."""
        ...

    @property
    def compacted(self) -> int:
        """Reads and watches at this revision or later are answered; older ones are not."""
        ...

    @property
    def corrupt(self) -> Sequence[Corrupt]:
        """What was found damaged and set aside since the store was opened."""
        ...

    async def get(self, key: str) -> Entry | None: ...

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int | None = None) -> Page:
        """Entries whose keys have the prefix and are not below ``start``; ``limit`` 0 is all, ``revision`` None is now.

        Raises Compacted and Future.
        """
        ...

    async def commit(self, operations: Sequence[Operation]) -> int:
        """The commit's revision, once durable. Each key may appear once. Raises Mismatch, StoreFull, StoreClosed.

        A commit that changes nothing (it only deletes absent keys) takes no revision and returns the newest.
        Cancelling the caller does not undo the commit.
        """
        ...

    async def watch(self, prefix: str, *, after: int) -> Watch:
        """Everything under the prefix after the revision. Raises Compacted and Future."""
        ...

    async def recent(self, changes: int) -> int:
        """The oldest revision that is kept and has no more than so many changes after it."""
        ...

    async def compact(self, revision: int) -> None:
        """Forgets what only reads before the revision need; a no-op when that is already forgotten. Raises Future."""
        ...

    async def snapshot(self, file: Path) -> None:
        """A consistent copy of everything, durable on return. The engine's module has ``restore``, its inverse."""
        ...

    async def close(self) -> None:
        """Finishes the commits that wait, then ends all watches."""
        ...
