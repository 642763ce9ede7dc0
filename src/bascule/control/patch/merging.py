"""Merging an applied configuration into a live object, by schema."""

from __future__ import annotations

from collections import deque
from typing import Any

from bascule.control.patch import field_tree
from bascule.control.schema import types


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
    """The live value with everything the applied one states. Shares unchanged parts with both.

    A null takes away a value that is owned whole (or is there instead, where a null may mean something), and leaves
    other containers as they are.
    """
    if schema.is_leaf(applied) or live is None or live.__class__ is not applied.__class__:
        return without_nulls(applied, schema)
    if isinstance(applied, dict):
        merged = dict(live)
        for name, member in applied.items():
            present = live.get(name)
            below = schema.field(name) or types.ANYTHING
            if member is None:
                is_container = present.__class__ in (dict, list)
                if is_container and not below.is_leaf(present):
                    continue
                if below.keeps_null:
                    merged[name] = None
                else:
                    merged.pop(name, None)
            elif present is None:
                merged[name] = without_nulls(member, below)
            elif present is not member and present != member:
                merged[name] = merge(present, member, below)
        return merged
    if isinstance(applied, list):
        return _merge_lists(live, applied, schema)
    return applied


def _merge_lists(live: list[Any], applied: list[Any], schema: types.TypeSchema) -> list[Any]:
    """Applied items in their order; items that are live only keep their place after what they follow.

    Of live items that have one label, an applied item of that label replaces them all.
    """
    element = schema.items or types.ANYTHING
    lefts, rights = field_tree.labels(live, schema), field_tree.labels(applied, schema)
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
