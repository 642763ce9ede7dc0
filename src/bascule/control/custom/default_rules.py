"""Defaults in a schema must be values that the schema itself would accept, with nothing in them it would prune."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bascule.control.custom import checking, coercing, pruning, showing, structural, validating
from bascule.vocabulary import errors, objects

_COMPILED_MAX: Final = 500


def problems(node: structural.Node, path: str) -> Iterator[errors.Cause]:
    """A cause for each default that does not fit."""
    known = _Known()
    yield from _defaults(node, path, known, is_resource=True, inside_meta=False)
    known.forget()


class _Known:
    """What was found out so far: places that are alike need not be looked at again.

    What was compiled for that goes after a while, as nobody uses it again and it would be large for a large schema.
    """

    __slots__ = ("checks", "looked_at", "sound")

    def __init__(self) -> None:
        self.checks: checking.Made = {}
        self.sound: tuple[set[int], set[int]] = set(), set()
        """Outside of metadata, and inside. Of numbers: of many thousand pairs the interpreter keeps some when all are
        gone, and with each the room around it."""
        self.looked_at: list[structural.Node] = []

    def note(self, node: structural.Node) -> None:
        self.looked_at.append(node)
        if len(self.looked_at) >= _COMPILED_MAX:
            self.forget()

    def forget(self) -> None:
        self.checks.clear()
        for one in structural.distinct(*self.looked_at):
            one.compiled.clear()
        self.looked_at.clear()


def _defaults(
    node: structural.Node, path: str, known: _Known, *, is_resource: bool, inside_meta: bool
) -> Iterator[errors.Cause]:
    if not node.has_defaults:
        return
    if node.embedded_resource:
        is_resource, inside_meta = True, False
    if node.has_default and id(node) not in known.sound[inside_meta]:
        found = list(_default(node, f"{path}.default", known.checks, is_pruned=inside_meta))
        yield from found
        known.note(node)
        if not found:
            known.sound[inside_meta].add(id(node))
    # Below additionalProperties nothing is looked at: a default there fills in no missing member.
    if node.items is not None:
        yield from _defaults(node.items, f"{path}.items", known, is_resource=False, inside_meta=inside_meta)
    for name, member in node.properties.items():
        if not member.has_defaults:
            continue
        meta = inside_meta or (is_resource and name in ("metadata", "apiVersion", "kind"))
        place = f"{path}.properties[{name}]"
        yield from _defaults(member, place, known, is_resource=False, inside_meta=meta)


def _default(node: structural.Node, path: str, checks: checking.Made, *, is_pruned: bool) -> Iterator[errors.Cause]:
    value = objects.deep_copy(node.default)
    if not is_pruned and pruning.prune_value(value, node):
        shown = showing.shown(node.default)
        yield errors.Cause("FieldValueInvalid", path, f"Invalid value: {shown}: must not have unknown fields")
    validator = validating.compile(node, made=checks)
    whole = [(path, value)] if node.embedded_resource and value.__class__ is dict else []
    embedded = [
        cause
        for place, resource in [*whole, *coercing.resources(value, node, path)]
        for cause in validating.resource_problems(place, resource)
    ]
    yield from embedded or validator.schema_problems(value, within=path)
