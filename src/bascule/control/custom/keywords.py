"""Is a schema a schema? Every keyword has a value of its JSON type, and nothing nests beyond measure.

Bodies are checked against the built-in types as they are read, but those do not look below `items` and
`additionalProperties`. All other rules rely on what is checked here.
"""

from __future__ import annotations

from typing import Any

from bascule.control.custom import structurality
from bascule.control.custom.structurality import Schema
from bascule.vocabulary import errors

_TEXTS = (
    *("id", "$schema", "$ref", "description", "type", "format", "title", "pattern"),
    *("x-kubernetes-list-type", "x-kubernetes-map-type"),
)
_COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
_NUMBERS = ("maximum", "minimum", "multipleOf", *_COUNTS)
_FLAGS = (
    *("exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "nullable"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"),
)
_LISTS = ("enum", "required", "x-kubernetes-list-map-keys", "allOf", "oneOf", "anyOf", "x-kubernetes-validations")
_MAPS = ("properties", "patternProperties", "definitions", "dependencies", "not", "externalDocs")
_EXPECTED: dict[str, tuple[tuple[type, ...], str]] = {
    **dict.fromkeys(_TEXTS, ((str,), "string")),
    **dict.fromkeys(_NUMBERS, ((int, float), "number")),
    **dict.fromkeys(_COUNTS, ((int,), "integer")),
    **dict.fromkeys(_FLAGS, ((bool,), "boolean")),
    **dict.fromkeys(_LISTS, ((list,), "array")),
    **dict.fromkeys(_MAPS, ((dict,), "object")),
    "items": ((dict, list), "object"),
    "additionalProperties": ((dict, bool), "object or boolean"),
    "additionalItems": ((dict, bool), "object or boolean"),
}
_KNOWN = frozenset((*_EXPECTED, "default", "example"))
_OF_TEXTS = ("required", "x-kubernetes-list-map-keys")
_OF_OBJECTS = ("allOf", "oneOf", "anyOf", "x-kubernetes-validations", "properties", "patternProperties", "definitions")


def drop_unknown(schema: Schema) -> None:
    """Drops what is no keyword, in place and everywhere within: upstream's types have no room for it."""
    for below in structurality.walk(schema):
        if not below.keys() <= _KNOWN:
            for key in [key for key in below if key not in _KNOWN]:
                del below[key]


def malformed(schema: Any, path: str) -> errors.Cause | None:
    """The first thing in a schema that has no business there by its mere JSON type, or too much depth."""
    waiting = [(path, schema)]
    level = 0
    while waiting:
        level += 1
        if level > structurality.DEPTH_MAX:
            return errors.forbidden_field(path, f"schemas may nest at most {structurality.DEPTH_MAX} levels deep")
        following = []
        for place, below in waiting:
            for key, value in below.items():
                problem = _misfit(key, value)
                if problem:
                    return errors.Cause("FieldValueTypeInvalid", f"{place}.{key}", f"Invalid value: {problem}")
            following += [(f"{place}.{name}", child) for name, child in structurality.named_children(below)]
        waiting = following
    return None


def _misfit(key: str, value: Any) -> str:
    expected = _EXPECTED.get(key)
    if expected is None or value is None:
        return ""
    if type(value) not in expected[0]:
        return f"must be of type {expected[1]}"
    members = value.values() if type(value) is dict else value if type(value) is list else ()
    if key in _OF_TEXTS and any(type(member) is not str for member in members):
        return "must be a list of strings"
    if key in _OF_OBJECTS and any(type(member) is not dict for member in members):
        return "must only have objects in it"
    return (
        "must only have objects in it"
        if key == "items" and type(value) is list and any(type(member) is not dict for member in value)
        else ""
    )
