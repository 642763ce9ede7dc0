"""A row's number and its checksum.

A row's id is its revision and its place within the commit, so that order by id is order of events. The checksum covers
everything else the row says; it is checked at each read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple

from bascule.control.store import contract

_PLACE_BITS = 12
assert 1 << _PLACE_BITS == contract.OPERATIONS_MAX


class Row(NamedTuple):
    """As ``log`` has it."""

    id: int
    key: str
    previous: int
    checksum: int
    value: bytes | None

    @property
    def revision(self) -> int:
        return self.id >> _PLACE_BITS

    def sound(self) -> bool:
        return sound(*self)


def first_id(revision: int) -> int:
    """The lowest id a row of the revision can have."""
    return revision << _PLACE_BITS


def revision_of(id: int) -> int:
    return id >> _PLACE_BITS


def checksum(id: int, key: str, previous: int, value: bytes | None) -> int:
    seed = (id ^ (id >> 32) ^ (previous * 31) ^ (previous >> 27) ^ (value is None)) & 0xFFFFFFFF
    return zlib.crc32(value or b"", zlib.crc32(key.encode(), seed))


def sound(id: int, key: str, previous: int, claimed: int, value: bytes | None) -> bool:
    """Whether the row is what was written; damage may have changed the columns' types too."""
    if type(key) is not str or type(previous) is not int or not (value is None or type(value) is bytes):
        return False
    return checksum(id, key, previous, value) == claimed


def sound_entries(found: Iterable[tuple[str, int, int, int, bytes]]) -> list[contract.Entry] | None:
    """The entries of rows given as key, id, previous, checksum and value; None where any is not what was written."""
    crc32, entry, new = zlib.crc32, contract.Entry, tuple.__new__
    entries = []
    try:
        for key, id, previous, claimed, value in found:
            seed = (id ^ (id >> 32) ^ (previous * 31) ^ (previous >> 27)) & 0xFFFFFFFF
            if crc32(value, crc32(key.encode(), seed)) != claimed:
                return None
            entries.append(new(entry, (key, value, id >> _PLACE_BITS)))
    except (TypeError, AttributeError):  # Damage may have changed the columns' types too.
        return None
    return entries


def make(id: int, key: str, previous: int, value: bytes | None) -> Row:
    return Row(id, key, previous, checksum(id, key, previous, value), value)
