"""Merging an applied configuration into a live object, by schema."""

from __future__ import annotations

import operator
from collections import deque
from typing import Any, Final

from bascule.control.patch import field_tree
from bascule.control.patch.field_set import Tree
from bascule.control.schema import types

_CONTAINERS: Final = frozenset((dict, list))


def without_nulls(value: Any, schema: types.TypeSchema) -> Any:
    """The value without null members, but for those where a null may mean something: nullable and undescribed ones."""
    if schema.shape == "any":
        return value
    if value.__class__ is dict:
        kept = {}
        for name, member in value.items():
            below = schema.field(name) or types.ANYTHING
            if member is not None or below.keeps_null:
                is_container = member.__class__ is dict or member.__class__ is list
                kept[name] = without_nulls(member, below) if is_container else member
        return kept
    if value.__class__ is list:
        items = schema.items or types.ANYTHING
        return [without_nulls(one, items) if one.__class__ is dict or one.__class__ is list else one for one in value]
    return value


def merge(live: Any, applied: Any, schema: types.TypeSchema) -> Any:
    """The live value with everything the applied one states. Shares parts with both; the live value if nothing changed.

    A null takes away a value that is owned whole (or is there instead, where a null may mean something), and leaves
    other containers as they are.
    """
    if schema.is_leaf(applied) or live is None or live.__class__ is not applied.__class__:
        return without_nulls(applied, schema)
    if applied.__class__ is dict:
        return _merge_members(live, applied, schema)
    if applied.__class__ is list:
        return _merge_lists(live, applied, schema)
    return applied


def nulled(applied: Any, schema: types.TypeSchema) -> Tree:
    """The values owned whole for which the configuration states null: that takes them from their owners."""
    tree: Tree = {}
    if applied.__class__ is dict and not schema.is_leaf(applied):
        for name, member in applied.items():
            below = schema.field(name) or types.ANYTHING
            if member is None and below.is_atomic and not below.keeps_null:
                tree[f"f:{name}"] = {}
            elif member.__class__ in _CONTAINERS and (taken := nulled(member, below)):
                tree[f"f:{name}"] = taken
    elif applied.__class__ is list and not schema.is_leaf(applied):
        for label, item in field_tree.labelled(applied, schema).items():
            if taken := nulled(item, schema.items or types.ANYTHING):
                tree[label] = taken
    return tree


def _merge_members(live: dict[str, Any], applied: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    merged = live
    for name, member in applied.items():
        present = live.get(name)
        value = member
        if member is None:
            below = schema.field(name) or types.ANYTHING
            if present.__class__ in _CONTAINERS and not below.is_leaf(present):
                continue
            if not below.keeps_null:
                if name in merged:
                    merged = {key: merged[key] for key in merged if key != name}
                continue
            if name in live and present is None:
                continue
        elif present is member or present == member:
            continue
        elif member.__class__ is not str:
            value = merge(present, member, schema.field(name) or types.ANYTHING)
            if value is present:
                continue
        if merged is live:
            merged = dict(live)
        merged[name] = value
    return merged


def _merge_lists(live: list[Any], applied: list[Any], schema: types.TypeSchema) -> list[Any]:
    element = schema.items or types.ANYTHING
    lefts, rights = field_tree.labels(live, schema), field_tree.labels(applied, schema)
    if lefts == rights and len(set(rights)) == len(rights):
        merged = [merge(one, other, element) for one, other in zip(live, applied, strict=True)]
    else:
        merged = interleaved(live, applied, lefts, rights, element)
    return live if len(merged) == len(live) and all(map(operator.is_, merged, live)) else merged


def interleaved(
    live: list[Any], applied: list[Any], lefts: list[str], rights: list[str], element: types.TypeSchema
) -> list[Any]:
    """Applied items in their order; items that are live only keep their place after what they follow.

    Of live items that have one label, an applied item of that label replaces them all. `lefts` and `rights`: the
    labels of either.
    """
    stated = dict(zip(rights, applied, strict=True))
    lived: dict[str, Any] = {}
    for label, item in zip(lefts, live, strict=True):
        lived[label] = None if label in lived else item
    shared = deque(label for label in rights if label in lived)
    done: set[str] = set()
    merged: list[Any] = []
    left = right = 0
    while left < len(lefts) or right < len(rights):
        more = right < len(rights)
        if left < len(lefts):
            label = lefts[left]
            if label not in stated:
                merged.append(live[left])
                left += 1
                continue
            is_next = more and label == rights[right]
            if more and not is_next and shared and label != shared[0]:
                left += 1  # It comes, or came, where the applied list has it.
                continue
            left += is_next or label in done
        if more:
            label = rights[right]
            merged.append(merge(lived.get(label), stated[label], element))
            done.add(label)
            if shared and shared[0] == label:
                shared.popleft()
            right += 1
    return merged
