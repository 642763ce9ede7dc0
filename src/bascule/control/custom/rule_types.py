"""What a schema declares to expressions: types, names, and how large values can be.

What has no schema (unknown content, lists without items) is not declared; `declare` gives None for it. Sizes are those
from which upstream estimates costs: declared limits, else what fits into the largest request.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from collections.abc import Callable
from typing import Any

from bascule.control.cel import types
from bascule.control.cel.data import Declared, Field, ListView, MapView, ObjectView, Wrap
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import times
from bascule.control.custom import rule_names, structural

REQUEST_BYTES_MAX = 3 * 1024 * 1024
_TIME_LENGTH_MAX = 32
_DATE_LENGTH = 12
_LONG_UNITS = {"d": "24h", "w": "168h"}
_LONG_DURATION = re.compile(r"(\d+)\s*(d|w)", re.ASCII)


def declare(node: structural.Node, *, is_resource: bool = False, name: str = "selfType") -> Declared | None:
    """The declaration of a place. ``name`` names its type, and begins the names of those within."""
    if node.int_or_string:
        length = node.validation.get("maxLength")
        maximum = _zero_up(length) * 4 if length is not None else REQUEST_BYTES_MAX - 2
        return Declared(types.DYN, maximum, 1)
    if node.type == "array":
        return _list(node, name)
    if node.type == "object":
        if node.additional is not None and not (is_resource or node.embedded_resource):
            return _map(node, name)
        return _object(node, name, is_resource=is_resource or node.embedded_resource)
    if node.type == "string":
        return _text(node)
    simple = {
        "boolean": Declared(types.BOOL, 0, 4),
        "integer": Declared(types.INT, 0, 1),
        "number": Declared(types.DOUBLE, 0, 1, wrap=_number),
    }
    return simple.get(node.type)


def _zero_up(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, (int, float)) else 0


def _list(node: structural.Node, name: str) -> Declared | None:
    if node.items is None:
        return None
    element = declare(node.items, is_resource=node.items.embedded_resource, name=f"{name}.@idx")
    if element is None:
        return None
    limit = node.validation.get("maxItems")
    maximum = _zero_up(limit) if limit is not None else (REQUEST_BYTES_MAX - 2) // (element.minimum_json + 1)
    list_type = node.list_type if node.list_type in ("set", "map") else ""
    declared = Declared(types.list_of(element.type), maximum, 2, element=element)
    declared.list_type, declared.list_keys = list_type, node.map_keys
    declared.plain = element.plain and not list_type
    declared.wrap = functools.partial(_view, ListView, list, "array", declared)
    if element.wrap is None and not list_type:
        declared.wrap = None
    return declared


def _map(node: structural.Node, name: str) -> Declared | None:
    if node.additional is None:
        return None
    element = declare(node.additional, is_resource=node.additional.embedded_resource, name=f"{name}.@elem")
    if element is None:
        return None
    limit = node.validation.get("maxProperties")
    maximum = _zero_up(limit) if limit is not None else (REQUEST_BYTES_MAX - 2) // (element.minimum_json + 6)
    key = Declared(types.STRING, 0, 2)
    declared = Declared(types.map_of(types.STRING, element.type), maximum, 2, element=element, key=key)
    declared.plain = element.plain
    declared.wrap = functools.partial(_view, MapView, dict, "map", declared) if element.wrap is not None else None
    return declared


def _object(node: structural.Node, name: str, *, is_resource: bool) -> Declared:
    properties = _with_metadata(node.properties) if is_resource else node.properties
    declared = Declared(types.object_type(name, {}), 0, 2)
    fields: dict[str, types.Type] = {}
    for raw_name, member in properties.items():
        identifier = rule_names.escape(raw_name)
        found = declare(member, is_resource=member.embedded_resource, name=f"{name}.{raw_name}")
        if found is None:
            continue
        if identifier is not None:
            declared.fields[identifier] = Field(raw_name, found)
            fields[identifier] = found.type
            declared.plain = declared.plain and found.plain
        if raw_name in node.required and not member.has_default:
            declared.minimum_json += len(raw_name) + found.minimum_json + 4
    declared.type = types.object_type(name, fields)
    declared.wrap = functools.partial(_view, ObjectView, dict, "map", declared)
    return declared


_NAMING = structural.parse(
    {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
            },
        },
    }
).properties


def _with_metadata(properties: dict[str, structural.Node]) -> dict[str, structural.Node]:
    """A resource's identity is always there; of its metadata, only the name."""
    metadata = properties.get("metadata")
    named = metadata.properties if metadata is not None else {}
    if all(key in properties for key in _NAMING) and "name" in named and "generateName" in named:
        return properties
    return {**properties, **_NAMING}


def _text(node: structural.Node) -> Declared:
    length, choices = node.validation.get("maxLength"), node.validation.get("enum")
    if node.format == "duration":
        return Declared(types.DURATION, _TIME_LENGTH_MAX, 3, wrap=_parsed(_duration), plain=False)
    if node.format == "date":
        return Declared(types.TIMESTAMP, _DATE_LENGTH, _DATE_LENGTH, wrap=_parsed(times.parse_date), plain=False)
    if node.format == "date-time":
        return Declared(types.TIMESTAMP, _TIME_LENGTH_MAX, 21, wrap=_parsed(times.parse_timestamp), plain=False)
    if node.format == "byte":
        maximum = _zero_up(length) if length is not None else REQUEST_BYTES_MAX - 2
        return Declared(types.BYTES, maximum, 2, wrap=_parsed(_bytes), plain=False)
    if length is not None:
        maximum = _zero_up(length) * 4
    elif isinstance(choices, list) and choices:
        maximum = max((len(choice.encode()) for choice in choices if type(choice) is str), default=0)
    else:
        maximum = REQUEST_BYTES_MAX - 2
    return Declared(types.STRING, maximum, 2)


# From raw JSON to values. Null stays null: where it may be is the schema's, not ours to say.


def _view(view: Any, expected: type, shown: str, declared: Declared, raw: Any) -> Any:
    if type(raw) is expected:
        return view(raw, declared)
    if raw is None:
        return None
    raise EvaluationError(f"invalid data, expected {'an' if shown == 'array' else 'a'} {shown} for the provided schema")


def _number(raw: Any) -> Any:
    return float(raw) if type(raw) is int else raw


def _parsed(parse: Callable[[str], Any]) -> Wrap:
    def wrap(raw: Any) -> Any:
        if raw is None:
            return None
        if type(raw) is not str:
            raise EvaluationError("invalid data, expected string")
        return parse(raw)

    return wrap


def _duration(text: str) -> Any:
    """Go's durations, and days and weeks as formats have them."""
    match = _LONG_DURATION.fullmatch(text)
    if match is None:
        return times.parse_duration(text)
    hours = int(match[1][:12]) * int(_LONG_UNITS[match[2]].rstrip("h"))
    return times.parse_duration(f"{hours}h")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvaluationError(f"Invalid byte formatted string {text}: {error}") from error
