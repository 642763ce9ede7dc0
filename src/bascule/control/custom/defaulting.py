"""Filling in a schema's defaults, on requests and whenever an object is read from the store.

Null stands for absent where the schema does not allow null: it is replaced by the default, or dropped. Every node is
compiled once, at first use; nodes below which there is nothing to fill in and no null are passed in one look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.control.custom import structural
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

Default = Callable[[Any], bool]


def default(obj: Object, node: structural.Node) -> bool:
    """Fills in defaults in place; returns whether that changed anything. Idempotent."""
    return defaulter(node)(obj)


def defaulter(node: structural.Node) -> Default:
    """The compiled form for values at this node."""
    try:
        found: Default = node.compiled["default"]
    except KeyError:
        found = node.compiled["default"] = _compile(node)
    return found


def _compile(node: structural.Node) -> Default:
    items = node.items

    def default_list(value: list[Any]) -> bool:
        if items is None:
            return False
        below = defaulter(items)
        changed = False
        for index, item in enumerate(value):
            if item is None and items.has_default and not items.nullable:
                value[index] = item = objects.deep_copy(items.default)
                changed = True
            if (item.__class__ is dict or item.__class__ is list) and below(item):
                changed = True
        return changed

    return _members(node, default_list)


def _members(node: structural.Node, default_list: Default) -> Default:
    properties, additional = node.properties, node.additional
    defaults = {name: member.default for name, member in properties.items() if member.has_default}
    others = defaulter(additional) if additional is not None else _unchanged
    learned: dict[str, Default] = {}

    def learn(name: str) -> Default:
        below = properties.get(name)
        if below is None:
            return others
        learned[name] = defaulter(below)
        return learned[name]

    def default_any(value: Any) -> bool:
        if value.__class__ is not dict:
            return value.__class__ is list and default_list(value)
        changed = None in value.values() and _without_nulls(value, node)
        if not defaults.keys() <= value.keys():
            for name, filled in defaults.items():
                if name not in value:
                    value[name] = objects.deep_copy(filled) if filled.__class__ in (dict, list) else filled
                    changed = True
        for name, member in value.items():
            kind = member.__class__
            if (kind is dict or kind is list) and (learned.get(name) or learn(name))(member):
                changed = True
        return changed

    return default_any


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
                value[name] = objects.deep_copy(below.default)
            else:
                del value[name]
    return changed
