"""Taking out of an object what its applier applied before, does not apply now, and nobody else owns.

A declared field that was left empty goes, too. An item of a list goes whole, unless somebody else owns the item
itself; what the applier never owned stays.
"""

from __future__ import annotations

from typing import Any

from bascule.control.patch import field_set, field_tree
from bascule.control.patch.field_set import Tree
from bascule.control.patch.versions import Version
from bascule.control.schema import types
from bascule.vocabulary.objects import Object


def prune(merged: Object, before: Tree, then: Version, kept: list[tuple[Version, Tree]]) -> Object:
    """`before`: what the applier had applied, in version `then`; `kept`: what is owned now, by version."""
    if all(version == then for version, _ in kept):
        return _pruned(merged, before, then.schema, [owned for _, owned in kept])
    pruned = then.back(without(then.there(merged), before, then.schema))
    for version, owned in kept:
        whole = version.there(merged)
        left = field_tree.applied(version.there(pruned), version.schema)
        lost = field_set.difference(field_tree.applied(whole, version.schema), field_set.union(left, owned))
        pruned = version.back(without(whole, lost, version.schema))
    whole = then.there(merged)
    left = field_tree.applied(then.there(pruned), then.schema)
    gone = field_set.intersection(field_set.difference(field_tree.applied(whole, then.schema), left), before)
    return then.back(without(whole, gone, then.schema)) if gone else merged


def _pruned(merged: Object, before: Tree, schema: types.TypeSchema, kept: list[Tree]) -> Object:
    """The same where nothing needs to be converted."""
    dropped = before
    for owned in kept:
        dropped = field_set.difference(dropped, owned)
    gone = field_set.intersection(dropped, field_tree.applied(merged, schema)) if dropped else dropped
    return without(merged, gone, schema) if gone else merged


def without(value: Any, gone: Tree, schema: types.TypeSchema) -> Any:
    """The value without everything at or below a path of `gone`; None for a container that held nothing else."""
    if not gone or schema.is_leaf(value) or not value or not isinstance(value, (dict, list)):
        return value
    if isinstance(value, list):
        return _without_items(value, gone, schema)
    kept: dict[str, Any] = {}
    remains = False
    for name, member in value.items():
        below = gone.get("f:" + name)
        if below is None:
            kept[name] = member
        elif field_set.is_member(below):
            continue
        else:
            rest = without(member, below, schema.field(name) or types.ANYTHING)
            if rest is not None:
                kept[name] = rest
            elif name in schema.fields:
                continue
        remains = True
    return kept if remains else None


def _without_items(items: list[Any], gone: Tree, schema: types.TypeSchema) -> list[Any] | None:
    element = schema.items or types.ANYTHING
    kept = []
    for label, item in zip(field_tree.labels(items, schema), items, strict=True):
        below = gone.get(label)
        if below is None:
            kept.append(item)
        elif not field_set.is_member(below):
            kept.append(without(item, below, element))
    return kept or None
