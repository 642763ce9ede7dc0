"""Reading from values: fields, indices, keys; with an error, a test or an optional when there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.control.cel import equality
from bascule.control.cel.data import LISTS, ListView, MapView, ObjectView
from bascule.control.cel.errors import EvaluationError, no_such_overload
from bascule.control.cel.values import NONE, Lazy, Optional, Uint

Frame = list[Any]
Evaluate = Callable[[Frame], Any]

UNSET: Any = object()
"""In a variable's place when it has no value."""
_ABSENT = object()
_SHOWN_MAX = 1000
_NUMBERS = frozenset({int, Uint, float})
_SETS = (frozenset({str}), frozenset({bool}), _NUMBERS)
"""Types whose values can be equal to each other."""


class Variables:
    """A set of lazy values, read like an object's fields: later ones may use earlier ones."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


def _field(frame: Frame, value: Any, name: str) -> Any:
    """The field or entry, or `_ABSENT`."""
    kind = type(value)
    if kind is ObjectView:
        return value.get(name) if value.has(name) else _ABSENT
    if kind is dict:
        return value.get(name, _ABSENT)
    if kind is MapView:
        return value[name] if name in value.raw else _ABSENT
    if kind is Variables:
        found = value.values.get(name, _ABSENT)
        return _forced(frame, found) if type(found) is Lazy else found
    raise no_such_overload()


def _forced(frame: Frame, value: Lazy) -> Any:
    found, cost = value.force()
    frame[0] += cost
    return found


def selected(operand: Evaluate, name: str) -> Evaluate:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        if type(value) is ObjectView:
            # The common case, without a call in between.
            found = value.declared.fields.get(name)
            raw = value.raw.get(found.raw_name) if found is not None else None
            if found is None or raw is None:
                raise EvaluationError(f"no such key: {name}")
            wrap = found.declared.wrap
            return raw if wrap is None else wrap(raw)
        if type(value) is Optional:
            return _within(frame, value, name)
        result = _field(frame, value, name)
        if result is _ABSENT:
            raise EvaluationError(f"no such key: {name}")
        return result

    return run


def _within(frame: Frame, value: Optional, name: str) -> Optional:
    if not value.present:
        return NONE
    result = _field(frame, value.value, name)
    return NONE if result is _ABSENT else Optional(result)


def tested(operand: Evaluate, name: str) -> Evaluate:
    """``has(operand.name)``."""

    def run(frame: Frame) -> bool:
        value = operand(frame)
        kind = type(value)
        if kind is ObjectView:
            found = value.declared.fields.get(name)
            return found is not None and value.raw.get(found.raw_name) is not None
        if kind is Optional:
            return value.present and _field(frame, value.value, name) is not _ABSENT
        if kind is Variables:
            return name in value.values
        return _field(frame, value, name) is not _ABSENT

    return run


def optional(operand: Evaluate, name: str) -> Evaluate:
    """``operand.?name``."""

    def run(frame: Frame) -> Optional:
        value = operand(frame)
        return _within(frame, value if type(value) is Optional else Optional(value), name)

    return run


def _item(value: Any, key: Any) -> Any:
    """The item or entry, or an EvaluationError that says what is missing; `_ABSENT` never leaves."""
    if isinstance(value, LISTS):
        if type(key) is float and key.is_integer():
            key = int(key)
        if type(key) is not int and type(key) is not Uint:
            raise no_such_overload()
        if not 0 <= key < len(value):
            raise _MissingError(f"index out of bounds: {int(key)}")
        return value[key]
    if type(value) is dict or type(value) is MapView or type(value) is ObjectView:
        if type(key) not in (str, int, Uint, bool, float):
            raise no_such_overload()
        found = equality.lookup(value, key, _ABSENT)
        if found is _ABSENT:
            raise _MissingError(f"no such key: {shown(key)}")
        return found
    raise no_such_overload()


class _MissingError(EvaluationError):
    """There is nothing at that index or key."""


def shown(key: Any) -> str:
    """A key as errors show it."""
    return str(key).lower() if type(key) is bool else str(key)[:_SHOWN_MAX]


def indexed(operand: Evaluate, key: Evaluate, *, optional: bool) -> Evaluate:
    def run(frame: Frame) -> Any:
        value, index = operand(frame), key(frame)
        chained = type(value) is Optional
        if chained:
            if not value.present:
                return NONE
            value = value.value
        if not optional and not chained:
            if type(value) is list and type(index) is int and 0 <= index < len(value):
                return value[index]
            return _item(value, index)
        try:
            return Optional(_item(value, index))
        except _MissingError:
            return NONE

    return run


def member_of(operand: Evaluate, items: Any) -> Evaluate | None:
    """``operand in [constants]``, with a set of them; None when they are not simple."""
    if type(items) is not list:
        return None
    kinds = {type(item) for item in items}
    kind = next((kind for kind in _SETS if kinds <= kind), None)
    if kind is None or not kinds:
        return None
    members = frozenset(items)

    def run(frame: Frame) -> bool:
        value = operand(frame)
        return type(value) in kind and value in members

    return run


def insert(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    """One more entry of a map being made. Raises EvaluationError when the key is there, or can be none."""
    if type(key) not in (str, int, Uint, bool):
        raise EvaluationError("unsupported key type")
    if equality.lookup(mapping, key, _ABSENT) is not _ABSENT:
        raise EvaluationError(f"insert failed: key {shown(key)} already exists")
    mapping[key] = value


def entries(value: Any) -> tuple[Any, Any]:
    """Keys (or indices) and values to loop over, as two sequences."""
    if isinstance(value, LISTS):
        return range(len(value)), value
    if type(value) is dict:
        return value.keys(), value.values()
    if type(value) is MapView:
        return value.raw.keys(), [value[key] for key in value.raw]
    raise no_such_overload()


def items(value: Any) -> Any:
    """What a loop with one variable runs over: a list's items, a map's keys."""
    if type(value) is list or type(value) is ListView:
        return value
    if type(value) is dict or type(value) is MapView:
        return list(value)
    raise no_such_overload()
