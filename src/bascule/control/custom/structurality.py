"""Is a schema structural? That is: does its outline, without any combination, say all about names and types.

What combinations (`allOf`, `anyOf`, `oneOf`, `not`) mention must be declared outside them, and they may only constrain
values. Texts and fields are upstream's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bascule.control.custom import patterns
from bascule.vocabulary import errors, quoting

Schema = dict[str, Any]

DEPTH_MAX = 100
"""How deep schemas may nest. Real ones stay below 40; what walks them recurses."""

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_IMPLIED = "must not specify anything other than name and generateName, but metadata is implicitly specified"
_UNSUPPORTED = ("id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions")


def problems(schema: Schema, path: str) -> list[errors.Cause]:
    """Why a schema is not structural, sorted by their texts; nothing if it is."""
    causes = [*_invariants(schema, path, "root"), *_completeness(schema, schema, path, path)]
    return sorted(set(causes), key=lambda cause: f"{cause.field}: {cause.message}")


def unsupported(schema: Schema) -> str:
    """The first thing anywhere in a schema that structural schemas do not have, in words; empty if there is none."""
    for below in walk(schema):
        for key in _UNSUPPORTED:
            if below.get(key):
                return f"OpenAPIV3Schema '{key.removeprefix('$') if key == '$schema' else key}' is not supported"
        if type(below.get("items")) is list:
            return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    return ""


def walk(schema: Schema) -> Iterator[Schema]:
    """A schema and all within it."""
    waiting = [schema]
    while waiting:
        below = waiting.pop()
        yield below
        waiting += children(below)


_SCHEMAS = ("not", "additionalProperties", "additionalItems", "items", "allOf", "anyOf", "oneOf")
_MAPS = ("properties", "patternProperties", "definitions", "dependencies")
_HOLDERS = frozenset((*_SCHEMAS, *_MAPS))


def children(schema: Schema) -> list[Schema]:
    """The schemas directly within one."""
    if _HOLDERS.isdisjoint(schema):  # As most are.
        return []
    found: list[Any] = []
    for key in _SCHEMAS:
        value = schema.get(key)
        found += value if type(value) is list else (value,)
    for key in _MAPS:
        value = schema.get(key)
        found += value.values() if type(value) is dict else ()
    return [child for child in found if type(child) is dict]


def named_children(schema: Schema) -> list[tuple[str, Schema]]:
    """The schemas directly within one, with the paths to them: `properties[name]`, `allOf[0]`, `items`."""
    if _HOLDERS.isdisjoint(schema):
        return []
    found: list[tuple[str, Any]] = []
    for key in _SCHEMAS:
        value = schema.get(key)
        found += [(f"{key}[{at}]", each) for at, each in enumerate(value)] if type(value) is list else [(key, value)]
    for key in _MAPS:
        value = schema.get(key)
        found += [(f"{key}[{name}]", member) for name, member in value.items()] if type(value) is dict else []
    return [(name, child) for name, child in found if type(child) is dict]


def _invariants(schema: Schema, path: str, level: str) -> Iterator[errors.Cause]:
    kind, items, additional = schema.get("type") or "", schema.get("items"), schema.get("additionalProperties")
    properties: dict[str, Schema] = schema.get("properties") or {}
    embedded = schema.get("x-kubernetes-embedded-resource") is True
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") is True
    if kind == "array" and items is None:
        yield errors.required(f"{path}.items", "must be specified")
    if type(items) is dict:
        yield from _invariants(items, f"{path}.items", "item")
    for name, below in properties.items():
        yield from _invariants(below, f"{path}.properties[{name}]", "field")
    if additional is not None:
        if level == "root":
            yield errors.forbidden_field(f"{path}.additionalProperties", "must not be used at the root")
        if type(additional) is dict:
            yield from _invariants(additional, f"{path}.additionalProperties", "field")
    yield from _extensions(schema, path)
    yield from _values(schema, path)
    yield from _kind(schema, path, level)
    if embedded and additional is not None:
        message = "must not be used if x-kubernetes-embedded-resource is set"
        yield errors.forbidden_field(f"{path}.additionalProperties", message)
    if level == "root" or embedded:
        for name in ("kind", "apiVersion"):
            if name in properties and properties[name].get("type") != "string":
                place = f"{path}.properties[{name}].type"
                yield errors.invalid_value(place, properties[name].get("type") or "", "must be string")
    if "metadata" in properties:
        yield from _metadata(properties["metadata"], f"{path}.properties[metadata]", level, embedded=embedded)
    if embedded and not keeps and not properties:
        yield errors.required(
            f"{path}.properties",
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
        )


def _kind(schema: Schema, path: str, level: str) -> Iterator[errors.Cause]:
    kind = schema.get("type") or ""
    if schema.get("x-kubernetes-embedded-resource") is True and kind != "object":
        message = "must be object if x-kubernetes-embedded-resource is true"
        if kind:
            yield errors.invalid_value(f"{path}.type", kind, message)
        else:
            yield errors.required(f"{path}.type", message)
    elif (
        not kind
        and schema.get("x-kubernetes-int-or-string") is not True
        and schema.get("x-kubernetes-preserve-unknown-fields") is not True
    ):
        where = {"root": "at the root", "item": "for specified array items", "field": "for specified object fields"}
        yield errors.required(f"{path}.type", f"must not be empty {where[level]}")
    if level == "root" and kind and kind != "object":
        yield errors.invalid_value(f"{path}.type", kind, "must be object at the root")


def _extensions(schema: Schema, path: str) -> Iterator[errors.Cause]:
    if schema.get("x-kubernetes-int-or-string") is True:
        for key in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
            if schema.get(key) is True:
                message = "must be false if x-kubernetes-int-or-string is true"
                yield errors.invalid_value(f"{path}.{key}", True, message)


def _metadata(schema: Schema, path: str, level: str, *, embedded: bool) -> Iterator[errors.Cause]:
    if (level == "root" or embedded) and schema.get("type") != "object":
        yield errors.invalid_value(f"{path}.type", schema.get("type") or "", "must be object")
    if level == "root":
        ignored = {"type", "default", "example", "externalDocs"}
        if set(schema.get("properties") or {}) <= {"name", "generateName"}:
            ignored.add("properties")
        if any(
            value not in (None, "", [], {}) and value is not False
            for key, value in schema.items()
            if key not in ignored
        ):
            yield errors.forbidden_field(path, _IMPLIED)


def _values(schema: Schema, path: str, *, skips_any_of: bool = False) -> Iterator[errors.Cause]:
    """The combinations of a schema, and its pattern. The two ways to write int-or-string are let through."""
    if not skips_any_of and schema.get("anyOf") != _INT_OR_STRING:
        for index, branch in enumerate(schema.get("anyOf") or ()):
            yield from _nested(branch, f"{path}.anyOf[{index}]")
    for index, branch in enumerate(schema.get("allOf") or ()):
        yield from _nested(
            branch, f"{path}.allOf[{index}]", skips_any_of=index == 0 and branch.get("anyOf") == _INT_OR_STRING
        )
    for index, branch in enumerate(schema.get("oneOf") or ()):
        yield from _nested(branch, f"{path}.oneOf[{index}]")
    if type(schema.get("not")) is dict:
        yield from _nested(schema["not"], f"{path}.not")
    pattern = schema.get("pattern")
    problem = patterns.problem(pattern) if pattern else ""
    if problem:
        message = f"must be a valid regular expression, but isn't: {problem}"
        yield errors.Cause(
            "FieldValueInvalid", f"{path}.pattern", f"Invalid value: {quoting.quoted(str(pattern))}: {message}"
        )


_EMPTY_IN_COMBINATIONS = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def _nested(schema: Schema, path: str, *, skips_any_of: bool = False) -> Iterator[errors.Cause]:
    """One branch of a combination, and what is within."""
    yield from _values(schema, path, skips_any_of=skips_any_of)
    if type(schema.get("items")) is dict:
        yield from _nested(schema["items"], f"{path}.items")
    properties = schema.get("properties") or {}
    for name, below in properties.items():
        yield from _nested(below, f"{path}.properties[{name}]")
    for key, message in _EMPTY_IN_COMBINATIONS.items():
        value = schema.get(key)
        empty = value is None or (value is False and key != "additionalProperties") or value in ("", [])
        if not empty or (key == "default" and value is not None):
            yield errors.forbidden_field(f"{path}.{key}", message)
    if "metadata" in properties:
        yield errors.forbidden_field(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _completeness(values: Schema, outline: Schema | None, at: str, why: str) -> Iterator[errors.Cause]:
    """What combinations mention and the outline does not declare."""
    if type(values.get("not")) is dict:
        yield from _declared(values["not"], outline, at, f"{why}.not")
    for key in ("allOf", "anyOf", "oneOf"):
        for index, branch in enumerate(values.get(key) or ()):
            yield from _declared(branch, outline, at, f"{why}.{key}[{index}]")


def _declared(branch: Schema, outline: Schema | None, at: str, why: str) -> Iterator[errors.Cause]:
    if outline is None:
        yield errors.required(at, f"because it is defined in {why}")
        return
    yield from _completeness(branch, outline, at, why)
    if type(branch.get("items")) is dict:
        items = outline.get("items")
        yield from _declared(branch["items"], items if type(items) is dict else None, f"{at}.items", f"{why}.items")
    declared = outline.get("properties") or {}
    for name, below in (branch.get("properties") or {}).items():
        place, reason = f"{at}.properties[{name}]", f"{why}.properties[{name}]"
        yield from _declared(below, declared.get(name), place, reason)
