"""What an applied value states, found in the same walk as that it is fit to be applied.

Every type is compiled once into a closure for the usual value, which is fit. For any other it only says no, and may say
so of a fit one: `fitness.problems` then tells what is wrong, and `field_tree.applied` what is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bascule.control.patch import field_tree
from bascule.control.patch.field_set import SELF, Tree
from bascule.control.schema import types

Walk = Callable[[Any], Tree | None]
"""For a value that is not null: the paths it states, None if it has to be looked at more closely."""

_TEXTS: Final = frozenset((str,))
_CLASSES: Final = {
    "string": _TEXTS,
    "boolean": frozenset((bool,)),
    "integer": frozenset((int, float)),
    "number": frozenset((int, float)),
}
_CONTAINERS: Final = frozenset((dict, list))


def walker(schema: types.TypeSchema, *, keyed: bool = False) -> Walk:
    """The compiled form. `keyed`: the value is an item or a map's, which is in the set itself."""
    place = "states, keyed" if keyed else "states"
    try:
        found: Walk = schema.compiled[place]
    except KeyError:
        found = schema.compiled[place] = _compile(schema, keyed=keyed)
    return found


def _compile(schema: types.TypeSchema, *, keyed: bool) -> Walk:
    if schema.shape == "any":
        return _leaf if schema.is_atomic else lambda value: field_tree.applied(value, schema, keyed=keyed)
    if schema.is_scalar:
        return _scalar(_CLASSES.get(schema.shape))
    if schema.shape == "list":
        return _items_whole(schema) if schema.is_atomic else _items(schema, {SELF: {}} if keyed else {})
    return _members(schema, {SELF: {}} if keyed else {})


def _leaf(_: Any) -> Tree:
    return {}


def _scalar(classes: frozenset[type] | None) -> Walk:
    if classes is None:
        return lambda value: None if value.__class__ in _CONTAINERS else {}
    return lambda value: {} if value.__class__ in classes else None


def _members(schema: types.TypeSchema, opening: Tree) -> Walk:
    """Of a struct or map. `opening`: what its tree begins with."""
    is_whole = schema.is_atomic
    texts = {name: "f:" + name for name, member in schema.fields.items() if member.shape == "string"}
    is_of_texts = not schema.fields and schema.additional is not None and schema.additional.shape == "string"
    learned: dict[str, tuple[str, Walk, bool]] = {}

    def learn(name: str) -> tuple[str, Walk, bool] | None:
        below = schema.field(name)
        if below is None:
            return None
        is_declared = name in schema.fields
        known = ("f:" + name, walker(below, keyed=not is_declared), below.is_atomic or not is_declared)
        if is_declared:
            learned[name] = known
        return known

    def walk(value: Any) -> Tree | None:
        if value.__class__ is not dict:
            return None
        tree = opening.copy()
        if is_of_texts and _TEXTS.issuperset(map(type, value.values())):
            for name in value:
                tree["f:" + name] = {}
            return {} if is_whole or not value else tree
        for name, member in value.items():
            if member.__class__ is str and name in texts:
                tree[texts[name]] = {}
                continue
            known = learned.get(name) or learn(name)
            if known is None:
                return None
            label, below, is_always = known
            stated = {} if member is None else below(member)
            if stated is None:
                return None
            if stated or is_always or member is None or member == {}:
                tree[label] = stated
        return {} if is_whole or len(tree) == len(opening) else tree

    return walk


def _items_whole(schema: types.TypeSchema) -> Walk:
    element = schema.items or types.ANYTHING

    def walk(value: Any) -> Tree | None:
        if value.__class__ is not list:
            return None
        below = walker(element)
        return None if any(item is not None and below(item) is None for item in value) else {}

    return walk


def _items(schema: types.TypeSchema, opening: Tree) -> Walk:
    """Of a set or keyed list."""
    element = schema.items or types.ANYTHING
    keys = schema.map_keys if schema.list_type == "map" else ()
    has_default = any(field_tree.key_default(schema, key) is not None for key in keys)

    def is_told_apart(item: Any) -> bool:
        if item.__class__ is not dict:
            return False
        for key in keys:
            if item.get(key) is not None:
                return True
        return has_default

    def walk(value: Any) -> Tree | None:
        if value.__class__ is not list or (keys and not all(map(is_told_apart, value))):
            return None
        tree = opening.copy()
        below = walker(element, keyed=True)
        for label, item in zip(field_tree.labels(value, schema), value, strict=True):
            stated = {} if item is None else below(item)
            if stated is None or label in tree:
                return None
            tree[label] = stated
        return {} if len(tree) == len(opening) else tree

    return walk
