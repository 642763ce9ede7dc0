"""Dropping what a schema does not declare, as a custom resource is read.

Every node is compiled once, at first use, to a closure that prunes one value in place and returns the paths it dropped,
or nothing. `apiVersion`, `kind` and `metadata` of resources (the root, and those embedded) are not the schema's: they
are brought into their own shape by `coercing`. How deep the walk goes is bounded by the schema, not by the object.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from bascule.control.custom import coercing, numbers, structural
from bascule.vocabulary.objects import Object

Prune = Callable[[Any], list[str] | None]

_RESOURCE = frozenset(("apiVersion", "kind", "metadata"))


def prune(obj: Object, node: structural.Node) -> list[str]:
    """Prunes a resource in place, its numbers settled; returns the paths of what was dropped, `spec.list[0].field`.

    Those of the metadata come first, then the schema's, then those of embedded metadata, each sorted. Raises a
    StatusError (400) where the metadata of a resource is not metadata.
    """
    try:
        whole: Prune = node.compiled["prune-root"]
    except KeyError:
        whole = node.compiled["prune-root"] = _compile(node, keeps=node.preserve_unknown, resource=True)
    dropped = coercing.coerce_root(obj)
    pruned = whole(obj)
    if pruned:
        dropped += sorted(pruned)
    numbers.settle(obj)
    return dropped + sorted(coercing.coerce_embedded(obj, node)) if node.embeds else dropped


def prune_value(value: Any, node: structural.Node) -> list[str]:
    """Prunes any value of a schema (a default), without looking into metadata."""
    return pruner(node)(value) or []


def pruner(node: structural.Node) -> Prune:
    """The compiled form for values at this node."""
    try:
        found: Prune = node.compiled["prune"]
    except KeyError:
        found = node.compiled["prune"] = _compile(node, keeps=node.preserve_unknown, resource=node.embedded_resource)
    return found


def _kept(node: structural.Node) -> Prune:
    """For items of a list whose unknown content is kept: theirs is, too."""
    try:
        found: Prune = node.compiled["prune-kept"]
    except KeyError:
        found = node.compiled["prune-kept"] = _compile(node, keeps=True, resource=node.embedded_resource)
    return found


def _compile(node: structural.Node, *, keeps: bool, resource: bool) -> Prune:
    """The closure of a node; `keeps`: undeclared members stay as they are."""
    if node.items is None:
        return _members(node, _untouched if keeps else _nothing, keeps=keeps, resource=resource)
    listed = node.items
    items: list[Prune] = []

    def learn() -> Prune:
        items.append(_kept(listed) if keeps else pruner(listed))
        return items[0]

    def prune_list(value: list[Any]) -> list[str] | None:
        dropped = None
        below = items[0] if items else learn()
        for index, item in enumerate(value):
            if item.__class__ is dict or item.__class__ is list:
                found = below(item)
                if found:
                    dropped = dropped or []
                    dropped += [_joined(f"[{index}]", path) for path in found]
        return dropped

    return _members(node, prune_list, keeps=keeps, resource=resource)


def _members(node: structural.Node, prune_list: Prune, *, keeps: bool, resource: bool) -> Prune:
    properties = node.properties
    skipped = _RESOURCE if resource else frozenset()
    declared: AbstractSet[str] = frozenset(properties) | skipped if resource else properties.keys()
    # Also `additionalProperties: false` keeps a member here: the validator refuses it.
    open_ended = keeps or node.raw.get("additionalProperties") is not None
    others = pruner(node.additional) if node.additional is not None else _untouched if keeps else _nothing
    learned: dict[str, Prune] = dict.fromkeys(skipped, _untouched)

    def prune_any(value: Any) -> list[str] | None:
        if value.__class__ is not dict:
            return prune_list(value) if value.__class__ is list else None
        dropped = None
        if not open_ended and not value.keys() <= declared:
            dropped = [name for name in value if name not in declared]
            for name in dropped:
                del value[name]
        for name, member in value.items():
            kind = member.__class__
            if kind is dict or kind is list:
                found = (learned.get(name) or _learn(name, learned, properties, others))(member)
                if found:
                    dropped = dropped or []
                    dropped += [_joined(name, path) for path in found]
        return dropped

    return prune_any


def _learn(name: str, learned: dict[str, Prune], properties: dict[str, structural.Node], others: Prune) -> Prune:
    below = properties.get(name)
    if below is None:
        return others
    learned[name] = pruner(below)
    return learned[name]


def _untouched(value: Any) -> list[str] | None:
    return None


def _nothing(value: Any) -> list[str] | None:
    """Prunes by no schema at all: containers remain, empty."""
    dropped: list[str] = []
    waiting = [("", value)]
    while waiting:
        path, container = waiting.pop()
        if container.__class__ is dict:
            dropped += [_joined(path, name) for name in container]
            container.clear()
        elif container.__class__ is list:
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(container)]
    return dropped


def _joined(name: str, path: str) -> str:
    return f"{name}{path}" if path[0:1] == "[" or not name else f"{name}.{path}"
