"""Filling in a schema's defaults, on requests and whenever an object is read from the store.

Null stands for absent where the schema does not allow null: it is replaced by the default, or dropped. Every node is
compiled once, at first use; nodes below which there is nothing to fill in and no null are passed in one look.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import orjson

from bascule.control.custom import effort, structural
from bascule.vocabulary import errors, objects
from bascule.vocabulary.objects import Object

Default = Callable[[Any], bool]
_MEMBER_BYTES: Final = 16
_BYTES_PER_UNIT: Final = 64


FILLED_MAX_BYTES: Final = 3 * 1024 * 1024
_filled: ContextVar[list[int] | None] = ContextVar("filled", default=None)


def default(obj: Object, node: structural.Node) -> bool:
    """Fills in defaults in place; returns whether that changed anything. Idempotent.

    413 for an object that would grow beyond all bounds: each of many items can have large defaults.
    """
    token = _filled.set([0])
    try:
        return defaulter(node)(obj)
    finally:
        _filled.reset(token)


def _fill(default: Any, size_bytes: int) -> Any:
    filled = _filled.get()
    if filled is not None:
        filled[0] += size_bytes
        if filled[0] > FILLED_MAX_BYTES:
            raise errors.too_large(f"limit is {FILLED_MAX_BYTES} for an object, and its defaults alone are larger")
        effort.spend(1 + size_bytes // _BYTES_PER_UNIT)
    return objects.deep_copy(default) if default.__class__ in (dict, list) else default


def _size_bytes(default: Any) -> int:
    """About what it takes in an object."""
    return len(orjson.dumps(default)) + _MEMBER_BYTES


def defaulter(node: structural.Node) -> Default:
    """The compiled form for values at this node."""
    try:
        found: Default = node.compiled["default"]
    except KeyError:
        found = node.compiled["default"] = _compile(node)
    return found


def _compile(node: structural.Node) -> Default:
    if node.items is None:
        return _members(node, _unchanged)
    items = node.items
    size_bytes = _size_bytes(items.default) if items.has_default else 0

    def default_list(value: list[Any]) -> bool:
        below = defaulter(items)
        changed = False
        for index, item in enumerate(value):
            if item is None and items.has_default and not items.nullable:
                value[index] = item = _fill(items.default, size_bytes)
                changed = True
            if (item.__class__ is dict or item.__class__ is list) and below(item):
                changed = True
        return changed

    return _members(node, default_list)


def _members(node: structural.Node, default_list: Default) -> Default:
    properties, additional = node.properties, node.additional
    defaults = {name: member.default for name, member in properties.items() if member.has_default}
    sizes = {name: _size_bytes(filled) + len(name) for name, filled in defaults.items()}
    others = defaulter(additional) if additional is not None else _unchanged
    learned: dict[str, Default] = {}

    def default_any(value: Any) -> bool:
        if value.__class__ is not dict:
            return value.__class__ is list and default_list(value)
        changed = None in value.values() and _without_nulls(value, node)
        if not defaults.keys() <= value.keys():
            for name, filled in defaults.items():
                if name not in value:
                    value[name] = _fill(filled, sizes[name])
                    changed = True
        for name, member in value.items():
            kind = member.__class__
            if (kind is dict or kind is list) and (learned.get(name) or _learn(name, learned, properties, others))(
                member
            ):
                changed = True
        return changed

    return default_any


def _learn(name: str, learned: dict[str, Default], properties: dict[str, structural.Node], others: Default) -> Default:
    below = properties.get(name)
    if below is None:
        return others
    learned[name] = defaulter(below)
    return learned[name]


def _unchanged(value: Any) -> bool:
    return False


def _without_nulls(value: dict[str, Any], node: structural.Node) -> bool:
    """Nulls that the schema does not allow are replaced by the default, or dropped."""
    changed = False
    for name in [name for name, member in value.items() if member is None]:
        below = node.properties.get(name) or node.additional
        if below is not None and not below.nullable:
            changed = True
            if below.has_default:
                value[name] = _fill(below.default, _size_bytes(below.default))
            else:
                del value[name]
    return changed
