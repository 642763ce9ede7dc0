"""How large an object may be, in bytes and in parts, so that validating it and telling what is wrong stay cheap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bascule.vocabulary import errors, objects

OBJECT_MAX_BYTES: Final = 3 * 1024 * 1024
ENTRIES_MAX: Final = 20_000
"""Entries of all of an object's lists together; rules look at each of them."""
MEMBERS_MAX: Final = 200_000
_ROOM: Final = 4
"""A quarter more for what is there already: the server adds defaults, conditions, finalizers, and must not lock it."""
_MARKS_MAX: Final = 5_000
_CAUSES_MAX: Final = 64
_CAUSE_MAX_CHARACTERS: Final = 1024
_NAME_MAX_CHARACTERS: Final = 253


def check_parts(obj: objects.Object, *, is_new: bool = True) -> None:
    """413 for an object of more parts than any is meant to have; one that is there has room to be changed in.

    Who owns its fields, which the server writes, is counted apart, and the fields of that against the sum of bytes.
    """
    metadata = obj.get("metadata")
    owned = metadata.get("managedFields") if isinstance(metadata, dict) else None
    room = 0 if is_new else 1
    entries_max = ENTRIES_MAX + room * (ENTRIES_MAX // _ROOM)
    _count([obj], owned, entries_max, MEMBERS_MAX + room * (MEMBERS_MAX // _ROOM))
    if isinstance(owned, (dict, list)):
        _count([owned], None, entries_max, OBJECT_MAX_BYTES)
    for field in ("labels", "annotations"):
        held = metadata.get(field) if isinstance(metadata, dict) else None
        if isinstance(held, dict) and len(held) > _MARKS_MAX:
            raise errors.too_large(f"an object may have {_MARKS_MAX} {field}")


def _count(waiting: list[Any], without: Any, entries_max: int, members_max: int) -> None:
    entries = members = 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            members += len(value)
            value = value.values()
        else:
            entries += len(value)
        waiting += [part for part in value if isinstance(part, (dict, list)) and part is not without]
        if entries > entries_max:
            raise errors.too_large(f"the lists of an object may have {entries_max} entries altogether")
        if members > members_max:
            raise errors.too_large(f"an object may have {members_max} fields altogether")


def check_bytes(size_bytes: int, before_bytes: int = 0) -> None:
    """413 for an object that grew beyond what is stored; one that shrinks is always welcome."""
    if size_bytes > max(OBJECT_MAX_BYTES, before_bytes):
        raise errors.too_large(f"limit is {OBJECT_MAX_BYTES} for an object as it is stored, and this has {size_bytes}")


def refusal(kind: str, group: str, name: str, causes: Sequence[errors.Cause]) -> errors.StatusError:
    """The 422: the first causes, each at a length that can be read."""
    shown = [cause._replace(field=_short(cause.field), message=_short(cause.message)) for cause in causes[:_CAUSES_MAX]]
    if len(causes) > _CAUSES_MAX:
        shown.append(errors.Cause("FieldValueInvalid", "", f"and {len(causes) - _CAUSES_MAX} further problems"))
    return errors.invalid(kind, group, name[:_NAME_MAX_CHARACTERS], shown)


def _short(text: str) -> str:
    return text if len(text) <= _CAUSE_MAX_CHARACTERS else f"{text[:_CAUSE_MAX_CHARACTERS]}…"
