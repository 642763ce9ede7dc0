"""How large an object may be, in bytes and in parts, so that validating it and telling what is wrong stay cheap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bascule.vocabulary import errors, objects

OBJECT_MAX_BYTES: Final = 3 * 1024 * 1024
ENTRIES_MAX: Final = 20_000
"""Entries of all of an object's lists together; rules look at each of them."""
MEMBERS_MAX: Final = 200_000
_MARKS_MAX: Final = 5_000
_CAUSES_MAX: Final = 64
_CAUSE_MAX_CHARACTERS: Final = 1024
_NAME_MAX_CHARACTERS: Final = 253


def check_parts(obj: objects.Object) -> None:
    """413 for an object of more parts than any is meant to have."""
    entries = members = 0
    waiting: list[Any] = [obj]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            members += len(value)
            waiting += [part for part in value.values() if isinstance(part, (dict, list))]
        else:
            entries += len(value)
            waiting += [part for part in value if isinstance(part, (dict, list))]
        if entries > ENTRIES_MAX:
            raise errors.too_large(f"the lists of an object may have {ENTRIES_MAX} entries altogether")
        if members > MEMBERS_MAX:
            raise errors.too_large(f"an object may have {MEMBERS_MAX} fields altogether")
    metadata = obj.get("metadata")
    for field in ("labels", "annotations"):
        held = metadata.get(field) if isinstance(metadata, dict) else None
        if isinstance(held, dict) and len(held) > _MARKS_MAX:
            raise errors.too_large(f"an object may have {_MARKS_MAX} {field}")


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
