"""Merging an applied configuration into a live object and pruning what nobody owns any longer; by schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.control.patch import field_set, field_tree
from bascule.control.patch.field_set import Tree
from bascule.control.schema import types


def without_nulls(value: Any) -> Any:
    """The value without null members: to apply null is to say nothing."""
    if value.__class__ is dict:
        return {
            name: without_nulls(member) if member.__class__ is dict or member.__class__ is list else member
            for name, member in value.items()
            if member is not None
        }
    if value.__class__ is list:
        return [without_nulls(item) if item.__class__ is dict or item.__class__ is list else item for item in value]
    return value


def problems(value: Any, schema: types.TypeSchema, path: str = "") -> Iterator[str]:
    """What makes a value unfit to be applied: undeclared fields, wrong containers, unidentified list items."""
    if value is None or schema.is_scalar or schema.shape == "any":
        return
    if schema.shape == "list":
        if value.__class__ is not list:
            yield f"{path}: expected list, got {value!r}"
            return
        yield from _list_problems(value, schema, path)
        return
    if value.__class__ is not dict:
        yield f"{path}: expected map, got {value!r}"
        return
    for name, member in value.items():
        below = schema.field(name)
        if below is None:
            yield f"{path}.{name}: field not declared in schema"
        elif not below.is_scalar:
            yield from problems(member, below, f"{path}.{name}")


def _list_problems(items: list[Any], schema: types.TypeSchema, path: str) -> Iterator[str]:
    if schema.list_type == "map":
        for index, item in enumerate(items):
            if item.__class__ is not dict:
                yield f"{path}: element {index}: associative list with keys may not have non-map elements"
                return
            missing = [key for key in schema.map_keys if item.get(key) is None]
            if missing:
                missing = [key for key in missing if field_tree.key_default(schema, key) is None]
            if missing and len(missing) == len(schema.map_keys):
                yield (
                    f"{path}: element {index}: associative list with keys has an element that omits key "
                    f'field "{missing[0]}" (and doesn\'t have default value)'
                )
    if schema.list_type != "atomic":
        labels = field_tree.labels(items, schema)
        if len(set(labels)) != len(labels):
            twice = next(label for index, label in enumerate(labels) if label in labels[:index])
            yield f"{path}: duplicate entries for key {field_set.readable(twice)}"
    element = schema.items or types.ANYTHING
    if not element.is_scalar:
        for index, item in enumerate(items):
            yield from problems(item, element, f"{path}[{index}]")


def merge(live: Any, applied: Any, schema: types.TypeSchema) -> Any:
    """The live value with everything the applied one states. Shares unchanged parts with both."""
    if schema.is_leaf(applied) or live is None or live.__class__ is not applied.__class__:
        return applied
    if isinstance(applied, dict):
        merged = dict(live)
        for name, member in applied.items():
            present = live.get(name)
            if present is None:
                merged[name] = member
            elif present is not member and present != member:
                merged[name] = merge(present, member, schema.field(name) or types.ANYTHING)
        return merged
    if isinstance(applied, list):
        return _merge_lists(live, applied, schema)
    return applied


def _merge_lists(live: list[Any], applied: list[Any], schema: types.TypeSchema) -> list[Any]:
    """Applied items in their order; items that are live only keep their place among what surrounds them."""
    element = schema.items or types.ANYTHING
    lefts = field_tree.labels(live, schema)
    by_label = dict(zip(lefts, live, strict=True))
    rights = list(field_tree.labelled(applied, schema).items())
    wanted = {label for label, _ in rights}
    done: set[str] = set()
    merged: list[Any] = []
    left = right = 0
    while left < len(lefts) or right < len(rights):
        if left < len(lefts) and lefts[left] not in wanted:
            merged.append(live[left])
            left += 1
        elif left < len(lefts) and lefts[left] in done:
            left += 1
        else:
            label, item = rights[right]
            merged.append(merge(by_label[label], item, element) if label in by_label else item)
            done.add(label)
            right += 1
    return merged


def prune(value: Any, dropped: Tree, owned: Tree, schema: types.TypeSchema) -> Any:
    """The value without the `dropped` paths below which nothing is `owned`."""
    if schema.is_leaf(value) or not value or not isinstance(value, (dict, list)):
        return value
    if isinstance(value, dict):
        return _pruned_members(value, dropped, owned, schema)
    element = schema.items or types.ANYTHING
    kept = []
    changed = False
    for label, item in zip(field_tree.labels(value, schema), value, strict=True):
        before, still = dropped.get(label), owned.get(label)
        if before is None:
            kept.append(item)
        elif still is None and field_set.is_member(before):
            changed = True
        else:
            below = prune(item, before, still or {}, element)
            changed = changed or below is not item
            kept.append(below)
    return kept if changed else value


def _pruned_members(value: dict[str, Any], dropped: Tree, owned: Tree, schema: types.TypeSchema) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    changed = False
    for name, member in value.items():
        before, still = dropped.get("f:" + name), owned.get("f:" + name)
        if before is None:
            kept[name] = member
            continue
        declared = schema.fields.get(name)
        # A declared field goes with the last thing owned in it; an entry of a map goes if it was owned itself.
        if still is None and (declared is not None or field_set.is_member(before)):
            changed = True
            continue
        below = prune(member, before, still or {}, declared or schema.field(name) or types.ANYTHING)
        changed = changed or below is not member
        kept[name] = below
    return kept if changed else value
