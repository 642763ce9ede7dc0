"""Lists that are sets have no item twice, and lists that are maps no key.

Compiled to closures that only visit places where such lists may be; most schemas have few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bascule.control.custom import showing, structural
from bascule.vocabulary import errors

Check = Callable[[Any, str], list[errors.Cause]]
Sound = Callable[[Any], bool]


def problems(value: Any, node: structural.Node) -> list[errors.Cause]:
    """A cause for each item that repeats an earlier one (its second appearance)."""
    sound = _sound(node)
    if sound is None or sound(value):
        return []
    check = _checker(node)
    return check(value, "") if check is not None else []


def _sound(node: structural.Node) -> Sound | None:
    """A quick look that says yes where surely nothing repeats; none where nothing could."""
    try:
        found: Sound | None = node.compiled["sound"]
    except KeyError:
        found = node.compiled["sound"] = _compile_sound(node)
    return found


def _compile_sound(node: structural.Node) -> Sound | None:
    members = tuple((name, found) for name, below in node.properties.items() if (found := _sound(below)) is not None)
    others = _sound(node.additional) if node.additional is not None else None
    items = _sound(node.items) if node.items is not None else None
    kind, keys = node.list_type if node.list_type in ("set", "map") else "", node.map_keys
    if not members and others is None and items is None and not kind:
        return None

    def sound(value: Any) -> bool:
        if value.__class__ is dict:
            for name, below in members:
                if name in value and not below(value[name]):
                    return False
            return others is None or all(map(others, value.values()))
        if value.__class__ is not list:
            return True
        if kind and len(value) > 1:
            try:
                if kind == "set":
                    different = set(value)
                elif len(keys) == 1:
                    different = {item[keys[0]] for item in value}
                else:
                    different = {tuple([item[key] for key in keys]) for item in value}
            except (KeyError, TypeError):
                return False
            if len(different) != len(value):
                return False
        elif kind == "map" and value and value[0].__class__ is not dict:
            return False
        return items is None or all(map(items, value))

    return sound


def _checker(node: structural.Node) -> Check | None:
    try:
        found: Check | None = node.compiled["unique"]
    except KeyError:
        found = node.compiled["unique"] = _compile(node)
    return found


def _compile(node: structural.Node) -> Check | None:
    members = {name: found for name, below in node.properties.items() if (found := _checker(below)) is not None}
    others = _checker(node.additional) if node.additional is not None else None
    items = _checker(node.items) if node.items is not None else None
    kind = node.list_type if node.list_type in ("set", "map") else ""
    if not members and others is None and items is None and not kind:
        return None

    listed, properties = tuple(members.items()), node.properties

    def check(value: Any, path: str) -> list[errors.Cause]:
        causes: list[errors.Cause] = []
        if value.__class__ is dict:
            for name, below in listed:
                member = value.get(name)
                if member.__class__ is dict or member.__class__ is list:
                    causes += below(member, f"{path}.{name}" if path else name)
            if others is not None:
                for name, member in value.items():
                    if name not in properties and (member.__class__ is dict or member.__class__ is list):
                        causes += others(member, f"{path}[{name}]")
        elif value.__class__ is list:
            if kind == "set":
                causes += [errors.Cause("FieldValueDuplicate", f"{path}[{at}]", text) for at, text in _twice(value)]
            elif kind == "map":
                causes += _keyed(value, node.map_keys, path)
            if items is not None:
                for index, item in enumerate(value):
                    if item.__class__ is dict or item.__class__ is list:
                        causes += items(item, f"{path}[{index}]")
        return causes

    return check


def _twice(values: list[Any]) -> list[tuple[int, str]]:
    """Index and message of each second appearance."""
    if len(values) < 2:
        return []
    seen: dict[Any, int] = {}
    found = []
    for index, value in enumerate(values):
        identity = (value.__class__, showing.json(value) if value.__class__ in (dict, list) else value)
        seen[identity] = seen.get(identity, 0) + 1
        if seen[identity] == 2:
            found.append((index, f"Duplicate value: {showing.shown(value)}"))
    return found


def _keyed(values: list[Any], keys: tuple[str, ...], path: str) -> list[errors.Cause]:
    for index, item in enumerate(values):
        if item is not None and item.__class__ is not dict:
            message = f"Invalid value: {showing.shown(item)}: must be an object for an array of list-type map"
            return [errors.Cause("FieldValueInvalid", f"{path}[{index}]", message)]
    if len(values) < 2:
        return []
    identities = [{key: item[key] for key in keys if key in item} if item else {} for item in values]
    return [errors.Cause("FieldValueDuplicate", f"{path}[{at}]", text) for at, text in _twice(identities)]
