"""The schema of a custom resource as a tree that can be walked: one `Node` for each place values may be.

Parsed from a version's `openAPIV3Schema` once; everything else in this package is compiled from it. `parse` expects a
schema that the API accepted; what is not a schema there reads as if it were absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VALIDATIONS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "enum",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
)


@dataclass(slots=True)
class Node:
    """One place of a structural schema."""

    type: str
    """`object`, `array`, `string`, `integer`, `number`, `boolean`; empty for int-or-string and unknown content."""
    properties: dict[str, Node]
    items: Node | None
    additional: Node | None
    """The schema of a map's values."""
    additional_allowed: bool
    """`additionalProperties: true`: a map of anything."""
    nullable: bool
    has_default: bool
    default: Any
    int_or_string: bool
    preserve_unknown: bool
    embedded_resource: bool
    list_type: str
    map_keys: tuple[str, ...]
    map_type: str
    format: str
    required: tuple[str, ...]
    validation: dict[str, Any]
    """Value validations as written (`VALIDATIONS`), the combinations raw."""
    rules: list[dict[str, Any]]
    """`x-kubernetes-validations` as written."""
    raw: dict[str, Any]
    """The schema as written."""
    compiled: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What other modules derive from the node and keep beside it."""


def parse(schema: dict[str, Any]) -> Node:
    """The tree of a schema that validated (one that nests deeper than `control.custom.depth` allows would not)."""
    additional = schema.get("additionalProperties")
    items = schema.get("items")
    return Node(
        type=_text(schema, "type"),
        properties={name: parse(member) for name, member in _mapping(schema, "properties").items()},
        items=parse(items) if type(items) is dict else None,
        additional=parse(additional) if type(additional) is dict else None,
        additional_allowed=additional is True,
        nullable=schema.get("nullable") is True,
        has_default=schema.get("default") is not None,
        default=schema.get("default"),
        int_or_string=schema.get("x-kubernetes-int-or-string") is True,
        preserve_unknown=schema.get("x-kubernetes-preserve-unknown-fields") is True,
        embedded_resource=schema.get("x-kubernetes-embedded-resource") is True,
        list_type=_text(schema, "x-kubernetes-list-type"),
        map_keys=tuple(_texts(schema, "x-kubernetes-list-map-keys")),
        map_type=_text(schema, "x-kubernetes-map-type"),
        format=_text(schema, "format"),
        required=tuple(_texts(schema, "required")),
        validation={key: schema[key] for key in VALIDATIONS if schema.get(key) is not None},
        rules=[rule for rule in schema.get("x-kubernetes-validations") or () if type(rule) is dict],
        raw=schema,
    )


def _text(schema: dict[str, Any], key: str) -> str:
    value = schema.get(key)
    return value if type(value) is str else ""


def _texts(schema: dict[str, Any], key: str) -> list[str]:
    value = schema.get(key)
    return [item for item in value if type(item) is str] if type(value) is list else []


def _mapping(schema: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    value = schema.get(key)
    return {name: member for name, member in value.items() if type(member) is dict} if type(value) is dict else {}
