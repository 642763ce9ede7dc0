"""A structural schema as the tree that apply and managed fields walk (`control.schema.types`).

The root and embedded resources have `apiVersion`, `kind` and the built-in ObjectMeta, whatever the schema says of them.
"""

from __future__ import annotations

from bascule.control.custom import coercing, structural
from bascule.control.schema import types

_SCALARS: dict[str, types.Shape] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}

_Made = dict[int, types.TypeSchema]
"""By the identity of their nodes: places that are alike share one."""


def of(node: structural.Node, group_version_kind: tuple[str, str, str]) -> types.TypeSchema:
    """The tree of a version. Its `definition` ends in the kind, which messages speak of."""
    group, version, kind = group_version_kind
    root = _resource(node, {})
    root.definition = ".".join([*reversed(group.split(".")), version, kind])
    return root


def _resource(node: structural.Node, shared: _Made) -> types.TypeSchema:
    made = _struct(node, shared)
    made.fields["apiVersion"] = made.fields["kind"] = types.TypeSchema("string")
    made.fields["metadata"] = coercing.object_meta()
    return made


def _type(node: structural.Node, made: _Made) -> types.TypeSchema:
    found = made.get(id(node))
    if found is None:
        found = made[id(node)] = _make(node, made)
    return found


def _make(node: structural.Node, shared: _Made) -> types.TypeSchema:
    if node.embedded_resource:
        return _resource(node, shared)
    if node.int_or_string:
        made = types.TypeSchema("int-or-string")
    elif node.type == "array" and node.items is not None:
        made = types.TypeSchema("list")
        made.items = _type(node.items, shared)
    elif node.type == "object":
        made = _object(node, shared)
    elif node.type in _SCALARS:
        made = types.TypeSchema(_SCALARS[node.type])
        made.format = node.format
    else:
        return types.DEDUCED
    made.nullable = node.nullable
    made.direct(node.raw)
    if node.has_default and not isinstance(node.default, (dict, list)):
        made.default = node.default
    return made


def _object(node: structural.Node, shared: _Made) -> types.TypeSchema:
    if node.properties:
        return _struct(node, shared)
    if node.additional is not None:
        made = types.TypeSchema("map")
        made.additional = _type(node.additional, shared)
        return made
    if node.additional_allowed or node.preserve_unknown:
        made = types.TypeSchema("map")
        made.additional = types.DEDUCED
        return made
    return types.TypeSchema("struct")


def _struct(node: structural.Node, shared: _Made) -> types.TypeSchema:
    made = types.TypeSchema("struct")
    made.fields = {name: _type(member, shared) for name, member in node.properties.items()}
    made.required = node.required
    if node.preserve_unknown or node.additional_allowed:
        made.additional = types.DEDUCED
    made.direct(node.raw)
    return made
