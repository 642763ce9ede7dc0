"""When values are equal, and which comes first. Numbers compare across their types, other types never mix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bascule.control.cel import data
from bascule.control.cel.data import LISTS, MAPS, ListView, MapView, ObjectView
from bascule.control.cel.errors import EvaluationError, no_such_overload
from bascule.control.cel.values import Optional, Uint

_NUMBERS = frozenset({int, Uint, float})
_ABSENT = object()


def equals(left: Any, right: Any) -> bool:
    """Never an error: values of different types are not equal."""
    kind, other = type(left), type(right)
    if kind in _NUMBERS:
        return other in _NUMBERS and bool(left == right)
    if isinstance(left, LISTS):
        return isinstance(right, LISTS) and _lists_equal(left, right)
    if isinstance(left, MAPS):
        return isinstance(right, MAPS) and _maps_equal(left, right)
    if kind is Optional:
        if other is not Optional or left.present != right.present:
            return False
        return not left.present or equals(left.value, right.value)
    return kind is other and bool(left == right)


def _lists_equal(left: list[Any] | ListView, right: list[Any] | ListView) -> bool:
    if len(left) != len(right):
        return False
    if type(right) is ListView and type(left) is not ListView:
        left, right = right, left
    if type(left) is ListView:
        if left.declared.list_type:
            return _keyed_equal(left, right)
        if left.declared.plain and type(right) is ListView and right.declared is left.declared:
            return bool(left.raw == right.raw)
    return all(map(equals, left, right))


def _keyed_equal(left: ListView, right: list[Any] | ListView) -> bool:
    """Sets and maps of items: the same items, in any order."""
    element = left.declared.element
    if left.declared.list_type == "set" and type(right) is ListView and element is not None and element.wrap is None:
        return frozenset(left.raw) == frozenset(right.raw)
    items = {left.key(data.unwrapped(item)): item for item in left}
    for item in right:
        mine = items.get(left.key(item), _ABSENT)
        if mine is _ABSENT or not equals(mine, item):
            return False
    return True


def _maps_equal(left: Any, right: Any) -> bool:
    if len(left) != len(right):
        return False
    if type(left) is ObjectView and type(right) is ObjectView:
        return _objects_equal(left, right)
    if type(left) is ObjectView or type(right) is ObjectView:
        return False
    if type(left) is MapView and type(right) is MapView and left.declared is right.declared and left.declared.plain:
        return bool(left.raw == right.raw)
    for key in left:
        value = lookup(right, key, _ABSENT)
        if value is _ABSENT or not equals(left[key], value):
            return False
    return True


def _objects_equal(left: ObjectView, right: ObjectView) -> bool:
    if left.raw is right.raw or left.declared.plain:
        return bool(left.raw == right.raw)
    if left.raw.keys() != right.raw.keys():
        return False
    known = {found.raw_name: name for name, found in left.declared.fields.items()}
    return all(
        equals(left.get(known[key]), right.get(known[key]))
        if key in known and value is not None and right.raw[key] is not None
        else value == right.raw[key]
        for key, value in left.raw.items()
    )


def lookup(mapping: Any, key: Any, default: Any) -> Any:
    """A map's value; keys are found as `equals` has it, so ``1``, ``1u`` and ``1.0`` are one key, ``true`` another."""
    if type(mapping) is ObjectView:
        return mapping.get(key) if type(key) is str and mapping.has(key) else default
    kind = type(key)
    if kind is str:
        return _entry(mapping, key, default)
    try:
        found = key in mapping
    except TypeError:  # a list or a map is no key
        return default
    if not found:
        return default
    if kind is bool or (kind in _NUMBERS and key in (0, 1)):
        # Python takes True for 1; here they differ.
        for own in mapping:
            if own == key and (type(own) is bool) == (kind is bool):
                return mapping[own]
        return default
    return mapping[key]


def _entry(mapping: Any, key: str, default: Any) -> Any:
    if type(mapping) is dict:
        return mapping.get(key, default)
    return mapping[key] if key in mapping.raw else default


def contains(items: Iterable[Any], value: Any) -> bool:
    """``value in list``."""
    if type(value) is str and type(items) is list:
        return value in items  # text equals text only
    return any(equals(item, value) for item in items)


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1. Raises EvaluationError for what has no order, or when one is not a number."""
    kind, other = type(left), type(right)
    if kind is not other and not (kind in _NUMBERS and other in _NUMBERS):
        raise no_such_overload()
    try:
        if left < right:
            return -1
        if left > right:
            return 1
    except TypeError as error:
        raise no_such_overload() from error
    if left != right:
        raise EvaluationError("NaN values cannot be ordered")
    return 0


def extreme(items: Any, sign: int) -> Any:
    """The least (-1) or the greatest (1) of items; of equal ones the first. A single one must have an order too."""
    found = items[0]
    for item in items:
        if compare(item, found) == sign:
            found = item
    return found
