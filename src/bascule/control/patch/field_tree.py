"""The field sets of values: which paths a value has, and which paths differ between two values.

Schemas decide how lists are identified and what is owned whole. Walking is compiled to one closure for each type,
because every create runs it; comparing walks only where the two values differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from bascule.control.patch import standing
from bascule.control.patch.field_set import SELF, Tree
from bascule.control.schema import types

Walk = Callable[[Any], Tree]
_CONTAINERS: Final = frozenset((dict, list))


class Difference(NamedTuple):
    """`changed`: paths added or modified. `removed`: tops of what is gone, everything below included."""

    changed: Tree
    removed: Tree


def complete(value: Any, schema: types.TypeSchema) -> Tree:
    """Every path of a value that was not there before, containers included."""
    walk = walker(schema)
    return {} if walk is None else walk(value)


def present(value: Any, schema: types.TypeSchema) -> Tree:
    """Every path of a value whose container was there, but empty."""
    if schema.shape != "struct" or schema.is_atomic:
        tree = complete(value, schema)
        tree.pop(SELF, None)
        return tree
    try:
        walk: Walk = schema.compiled["present"]
    except KeyError:
        walk = schema.compiled["present"] = _filling_walk(schema)
    return walk(value)


def walker(schema: types.TypeSchema) -> Walk | None:
    """The compiled form of `complete`; none for types whose values are always leaves."""
    try:
        found: Walk | None = schema.compiled["walk"]
    except KeyError:
        found = schema.compiled["walk"] = _compile(schema)
    return found


def _compile(schema: types.TypeSchema) -> Walk | None:
    if schema.is_atomic:
        return None
    if schema.shape == "list":
        return _list_walk(schema)
    if schema.shape == "map":
        return _map_walk(schema.additional or types.ANYTHING)
    return _struct_walk(schema)


def _struct_walk(schema: types.TypeSchema) -> Walk:
    members: dict[str, tuple[str, Walk | None]] = {}

    def learn(name: str) -> tuple[str, Walk | None]:
        member = schema.field(name)
        known = ("f:" + name, walker(member) if member else None)
        if name in schema.fields:
            members[name] = known
        return known

    def walk(value: Any) -> Tree:
        if not value or value.__class__ is not dict:
            return {}
        tree: Tree = {SELF: {}}
        for name, member in value.items():
            label, below = members.get(name) or learn(name)
            tree[label] = {} if below is None else below(member)
        return tree

    return walk


def _filling_walk(schema: types.TypeSchema) -> Walk:
    """As `_struct_walk`, but for the struct itself and its standing members."""
    stands = standing.members(schema)
    members: dict[str, tuple[str, Walk | None, types.TypeSchema | None]] = {}

    def learn(name: str) -> tuple[str, Walk | None, types.TypeSchema | None]:
        member = schema.field(name)
        known = ("f:" + name, walker(member) if member else None, member if name in stands else None)
        if name in schema.fields:
            members[name] = known
        return known

    def walk(value: Any) -> Tree:
        if not value or value.__class__ is not dict:
            return {}
        tree: Tree = {}
        for name, member in value.items():
            label, below, stander = members.get(name) or learn(name)
            if stander is None:
                tree[label] = {} if below is None else below(member)
            elif (filled := present(member, stander)) or (member and stander.is_leaf(member)):
                tree[label] = filled
        return tree

    return walk


def _map_walk(element: types.TypeSchema) -> Walk:
    below = None if element.is_atomic else walker(element)

    def walk(value: Any) -> Tree:
        if not value or value.__class__ is not dict:
            return {}
        tree: Tree = {SELF: {}}
        for name, member in value.items():
            tree["f:" + name] = {} if below is None else below(member)
        return tree

    return walk


def _list_walk(schema: types.TypeSchema) -> Walk:
    element = schema.items or types.ANYTHING
    below = None if element.is_atomic else walker(element)

    def walk(value: Any) -> Tree:
        if not value or value.__class__ is not list:
            return {}
        tree: Tree = {SELF: {}}
        for label, item in labelled(value, schema).items():
            tree[label] = {} if below is None else below(item)
        return tree

    return walk


def labelled(items: list[Any], schema: types.TypeSchema) -> dict[str, Any]:
    """The items of a set or keyed list by label. Items that share a label are one value, a tuple, owned whole."""
    found = labels(items, schema)
    by_label = dict(zip(found, items, strict=True))
    if len(by_label) != len(items):
        by_label.clear()
        shared: set[str] = set()
        for label, item in zip(found, items, strict=True):
            if label in shared:
                by_label[label] += (item,)
            elif label in by_label:
                by_label[label] = (by_label[label], item)
                shared.add(label)
            else:
                by_label[label] = item
    return by_label


def labels(items: list[Any], schema: types.TypeSchema) -> list[str]:
    """The label of each item of a set or keyed list."""
    if schema.list_type == "set":
        return ["v:" + orjson.dumps(item).decode() for item in items]
    if len(schema.map_keys) == 1:
        key = schema.map_keys[0]
        prefix = _prefix(key)
        try:
            return [f"{prefix}{orjson.dumps(item[key]).decode()}}}" for item in items]
        except (KeyError, TypeError):
            pass
    return [_label(item, index, schema) for index, item in enumerate(items)]


def _prefix(key: str) -> str:
    return 'k:{"' + key + '":'


def _known_label(prefix: str, key: str) -> str:
    return f"{prefix}{orjson.dumps(key).decode()}}}"


def _label(item: Any, index: int, schema: types.TypeSchema) -> str:
    if not isinstance(item, dict):
        return f"i:{index}"
    identity = {}
    for key in sorted(schema.map_keys):
        value = item.get(key)
        if value is None:
            value = key_default(schema, key)
        if value is not None:
            identity[key] = value
    return "k:" + orjson.dumps(identity).decode() if identity else f"i:{index}"


def key_default(schema: types.TypeSchema, key: str) -> Any:
    """What an absent key of a list item stands for (a port's protocol is TCP), or nothing."""
    member = schema.items.field(key) if schema.items is not None else None
    return None if member is None else member.default


def applied(value: Any, schema: types.TypeSchema, *, keyed: bool = False) -> Tree:
    """The paths a manager states by applying a value: leaves and list items, not the containers between.

    A null and an empty object are leaves; an empty list states nothing unless it is owned whole.
    """
    if schema.is_leaf(value) or not value or not isinstance(value, (dict, list)):
        return {}
    tree: Tree = {SELF: {}} if keyed else {}
    if isinstance(value, list):
        element = schema.items or types.ANYTHING
        for label, item in labelled(value, schema).items():
            tree[label] = applied(item, element, keyed=True)
    else:
        for name, member in value.items():
            declared = schema.fields.get(name)
            below = declared or schema.field(name) or types.ANYTHING
            if below.is_leaf(member) or member is None or member == {}:
                tree["f:" + name] = {}
                continue
            stated = applied(member, below, keyed=declared is None)
            if stated or declared is None:
                tree["f:" + name] = stated
    return {} if len(tree) == 1 and SELF in tree else tree


def compare(before: Any, after: Any, schema: types.TypeSchema, *, ignoring: frozenset[str] = frozenset()) -> Difference:
    """What a write changed between two containers of one type, but for the members called as in `ignoring`."""
    changed: Tree = {}
    removed: Tree = {}
    if isinstance(before, list):
        element = schema.items or types.ANYTHING
        if keys := _same_keys(before, after, schema):
            prefix = _prefix(schema.map_keys[0])
            for key, old, item in zip(keys, before, after, strict=True):
                if old != item:
                    compare_member(old, item, _known_label(prefix, key), element, changed, removed)
            return Difference(changed, removed)
        olds, news = labelled(before, schema), labelled(after, schema)
        for label, item in news.items():
            compare_member(olds.get(label, ABSENT), item, label, element, changed, removed)
        removed.update({label: {} for label in olds if label not in news})
        return Difference(changed, removed)
    fields = schema.fields
    for name, member in after.items():
        old = before.get(name, ABSENT)
        if old is member or name in ignoring:
            continue
        if member.__class__ is str and old.__class__ not in _CONTAINERS:
            if old != member:
                changed["f:" + name] = {}
            continue
        if old is ABSENT and name in standing.members(schema):
            old = None
        compare_member(
            old, member, "f:" + name, fields.get(name) or schema.field(name) or types.ANYTHING, changed, removed
        )
    if before.keys() != after.keys():
        removed.update({"f:" + name: {} for name in before if name not in after and name not in ignoring})
    return Difference(changed, removed)


def _same_keys(before: list[Any], after: list[Any], schema: types.TypeSchema) -> list[str]:
    """The keys of both lists, where these are strings, each only once and in one order: so are most, as conditions."""
    if len(schema.map_keys) != 1 or schema.list_type == "set" or len(before) != len(after):
        return []
    name = schema.map_keys[0]
    try:
        keys = [item[name] for item in after]
        if [item[name] for item in before] != keys or set(map(type, keys)) != {str} or len(set(keys)) != len(keys):
            return []
    except (KeyError, TypeError):
        return []
    return keys


ABSENT: Any = object()


def compare_member(old: Any, new: Any, label: str, schema: types.TypeSchema, changed: Tree, removed: Tree) -> None:
    """Adds to `changed` and `removed` what differs in one member, which was ABSENT if it is new."""
    if old is ABSENT:
        changed[label] = complete(new, schema)
    elif old != new:
        comparable = not schema.is_leaf(new) and old and new and old.__class__ is new.__class__
        if comparable and isinstance(new, (dict, list)):
            below = compare(old, new, schema)
            if below.changed:
                changed[label] = below.changed
            if below.removed:
                removed[label] = below.removed
        elif isinstance(new, (dict, list)) and new and not old:
            # An empty or null container was filled: its members are new, the container is not.
            below_new = present(new, schema)
            if below_new or schema.is_leaf(new):
                changed[label] = below_new
        elif old is None and not new and isinstance(new, (dict, list)):
            pass
        else:
            emptied = isinstance(old, (dict, list)) and old and not schema.is_leaf(old)
            if not emptied or new:
                changed[label] = {}
            if emptied:
                removed[label] = {k: {} for k in complete(old, schema) if k != SELF}
