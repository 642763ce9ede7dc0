"""The schema of a custom resource as a tree that can be walked: a `Node` stands for the places values may be.

Parsed from a version's `openAPIV3Schema` once; everything else in this package is compiled from it. Places whose
schemas are equal but for the words in them share a node, and with it all that is compiled: schemas repeat themselves.
`parse` expects a schema that the API accepted; what is not a schema there reads as if it were absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

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

_WORDS: Final = frozenset(("description", "title", "externalDocs", "example"))
_DIGEST_BYTES: Final = 16
_EMPTY: Final[dict[str, Any]] = {}
_NONE: Final[list[dict[str, Any]]] = []
"""Shared by all nodes that have none; nobody adds to what a node has."""


@dataclass(slots=True, eq=False)
class Node:
    """One place of a structural schema, or several that are alike."""

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
    """The schema as written, without words that describe it."""
    has_rules: bool
    """At its place or below, as `has_defaults`."""
    has_defaults: bool
    embeds: bool
    """Whether resources may be embedded below (that it is one itself does not count)."""
    compiled: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What other modules derive from the node and keep beside it."""


def parse(schema: dict[str, Any]) -> Node:
    """The tree of a schema that validated (one that nests deeper than `control.custom.depth` allows would not)."""
    return _parse(schema, {})


def _parse(schema: dict[str, Any], made: dict[Any, Node]) -> Node:
    """`made` has the nodes so far, by their content."""
    properties = {name: _parse(member, made) for name, member in _mapping(schema, "properties").items()} or _EMPTY
    items, additional = schema.get("items"), schema.get("additionalProperties")
    item = _parse(items, made) if type(items) is dict else None
    other = _parse(additional, made) if type(additional) is dict else None
    own = {key: value for key, value in schema.items() if key not in _WORDS}
    below: dict[str, Any] = {}
    if type(schema.get("properties")) is dict:
        below["properties"] = {name: member.raw for name, member in properties.items()}
    if item is not None:
        below["items"] = item.raw
    if other is not None:
        below["additionalProperties"] = other.raw
    try:
        ids = [id(member) for member in (*properties.values(), item, other)]
        content = orjson.dumps([{**own, **dict.fromkeys(below)}, list(properties), ids])
        known: object = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
    except TypeError:  # What no JSON is: in what never was a definition.
        known = object()
    found = made.get(known)
    if found is None:
        found = made[known] = _node({**own, **below}, properties, item, other)
    return found


def _node(raw: dict[str, Any], properties: dict[str, Node], items: Node | None, additional: Node | None) -> Node:
    rules = raw.get("x-kubernetes-validations")
    below = [*properties.values(), *(child for child in (items, additional) if child is not None)]
    return Node(
        type=_text(raw, "type"),
        properties=properties,
        items=items,
        additional=additional,
        additional_allowed=raw.get("additionalProperties") is True,
        nullable=raw.get("nullable") is True,
        has_default=raw.get("default") is not None,
        default=raw.get("default"),
        int_or_string=raw.get("x-kubernetes-int-or-string") is True,
        preserve_unknown=raw.get("x-kubernetes-preserve-unknown-fields") is True,
        embedded_resource=raw.get("x-kubernetes-embedded-resource") is True,
        list_type=_text(raw, "x-kubernetes-list-type"),
        map_keys=tuple(_texts(raw, "x-kubernetes-list-map-keys")),
        map_type=_text(raw, "x-kubernetes-map-type"),
        format=_text(raw, "format"),
        required=tuple(_texts(raw, "required")),
        validation={key: raw[key] for key in VALIDATIONS if raw.get(key) is not None} or _EMPTY,
        rules=[rule for rule in rules if type(rule) is dict] if rules else _NONE,
        raw=raw,
        has_rules=bool(rules) or any(child.has_rules for child in below),
        has_defaults=raw.get("default") is not None or any(child.has_defaults for child in below),
        embeds=any(child.embedded_resource or child.embeds for child in below),
    )


def distinct(*nodes: Node) -> Iterator[Node]:
    """Nodes and all within them, each once however many places it stands for."""
    waiting = list({id(node): node for node in nodes}.values())
    seen = {id(node) for node in waiting}
    while waiting:
        one = waiting.pop()
        yield one
        for below in (*one.properties.values(), one.items, one.additional):
            if below is not None and id(below) not in seen:
                seen.add(id(below))
                waiting.append(below)


def _text(schema: dict[str, Any], key: str) -> str:
    value = schema.get(key)
    return value if type(value) is str else ""


def _texts(schema: dict[str, Any], key: str) -> list[str]:
    value = schema.get(key)
    return [item for item in value if type(item) is str] if type(value) is list else []


def _mapping(schema: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    value = schema.get(key)
    return {name: member for name, member in value.items() if type(member) is dict} if type(value) is dict else {}
