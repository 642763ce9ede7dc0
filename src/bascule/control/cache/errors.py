"""What a write or a read at a revision can meet, for the API's verbs to turn into statuses. No wire words here."""

from __future__ import annotations

from bascule.control.cache import record
from bascule.vocabulary import objects


class CacheError(Exception):
    """The base of all these."""


class AlreadyExists(CacheError):
    """The key to be created is taken by ``current``."""

    def __init__(self, key: objects.Key, current: record.Record) -> None:
        super().__init__(f"{key.text()} already exists at revision {current.revision}")
        self.key = key
        self.current = current


class Conflict(CacheError):
    """The object changed since it was read; ``current`` is what it is now."""

    def __init__(self, key: objects.Key, expected: int, current: record.Record) -> None:
        super().__init__(f"{key.text()} is at revision {current.revision}, not {expected}")
        self.key = key
        self.expected = expected
        self.current = current


class Missing(CacheError):
    """The object to be changed is not there (any more)."""

    def __init__(self, key: objects.Key) -> None:
        super().__init__(f"{key.text()} does not exist")
        self.key = key


class Expired(CacheError):
    """The revision is older than what is remembered: list again. ``oldest`` is the oldest that would be answered."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {revision} ({oldest})")
        self.revision = revision
        self.oldest = oldest


class Future(CacheError):
    """The revision has not happened yet."""

    def __init__(self, revision: int, newest: int) -> None:
        super().__init__(f"Too large resource version: {revision}, current: {newest}")
        self.revision = revision
        self.newest = newest
