"""Times of the built-in kinds: which can be read, and how they are stored.

A `Time` may be written with fractions of a second and with any offset, a `MicroTime` with any offset but six digits
exactly. Both are stored in UTC, with whole seconds and with microseconds, as Kubernetes answers them: a client that
reads strictly could not read a list in which one object has another form.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from bascule.control.schema import types, unreadable_times
from bascule.vocabulary import timestamps

_MICRO = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
_SIX_DIGITS = re.compile(r"[^.]*\.[0-9]{6}(Z|[+-][0-9]{2}:[0-9]{2})").fullmatch
_REMEMBERED_CHARACTERS_MAX = len("2006-01-02T15:04:05.000000000+00:00")


def is_micro(schema: types.TypeSchema) -> bool:
    return schema.definition == _MICRO


def is_stored_form(value: Any) -> bool:
    """Whether a `Time` is as it is stored, or null."""
    if value.__class__ is not str:
        return value is None
    return len(value) <= _REMEMBERED_CHARACTERS_MAX and _stored(value) == value


def is_stored_micro_form(value: Any) -> bool:
    """Whether a `MicroTime` is as it is stored, or null."""
    if value.__class__ is not str:
        return value is None
    return len(value) <= _REMEMBERED_CHARACTERS_MAX and _stored_micro(value) == value


def stored(text: str, schema: types.TypeSchema) -> str | None:
    """A time as it is stored; None for what cannot be read."""
    write = _stored_micro if is_micro(schema) else _stored
    return write(text) if len(text) <= _REMEMBERED_CHARACTERS_MAX else write.__wrapped__(text)


@functools.lru_cache(maxsize=4096)
def _stored(text: str) -> str | None:
    """One moment is said in many fields and objects, and again with each write of them."""
    try:
        return timestamps.format(timestamps.parse(text))
    except (ValueError, OverflowError):
        return None


@functools.lru_cache(maxsize=4096)
def _stored_micro(text: str) -> str | None:
    if not _SIX_DIGITS(text):
        return None
    try:
        return timestamps.format_micro(timestamps.parse(text))
    except (ValueError, OverflowError):
        return None


def problem(text: str, schema: types.TypeSchema) -> str:
    """What is said of a time that cannot be read."""
    return unreadable_times.said(text, micro=is_micro(schema))


def settle(value: Any, schema: types.TypeSchema) -> None:
    """Writes the times of an object as they are stored, in place; what does not fit its type stays as it is."""
    if value.__class__ is dict:
        for name, member in value.items():
            below = schema.field(name)
            if below is None:
                continue
            if below.shape == "time" and member.__class__ is str:
                value[name] = stored(member, below) or member
            elif member.__class__ is dict or member.__class__ is list:
                settle(member, below)
    elif value.__class__ is list and schema.items is not None and not schema.items.is_scalar:
        for item in value:
            settle(item, schema.items)
