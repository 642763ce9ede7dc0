"""What may be written in the schema of a CustomResourceDefinition, besides being structural with defaults that fit.

Texts and fields are upstream's. `Options` are what an update must not newly demand of a definition that already broke
it. That a schema is one at all (no number where a schema belongs) is `keywords`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bascule.control.custom import showing, structurality
from bascule.control.custom.structurality import Schema
from bascule.vocabulary import errors, quoting

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_META_FIELDS = ("metadata", "kind", "apiVersion")
_KEYED = "if parent array's x-kubernetes-list-type is map"


@dataclass(frozen=True, slots=True)
class Options:
    """What is demanded; on updates, only what the old definition kept to."""

    valid_types: bool = True
    atomic_sets: bool = True
    sound_keys: bool = True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the tree a schema is."""

    options: Options
    is_root: bool = True
    forbids_defaults: str | None = None
    """Why, if defaults may not be set here."""
    inside_meta: bool = False


def problems(schema: Schema, path: str, options: Options) -> list[errors.Cause]:
    """Every cause at and below a version's schema."""
    return list(_schema(schema, path, _Place(options)))


def _schema(schema: Schema, path: str, place: _Place) -> Iterator[errors.Cause]:
    yield from _keywords(schema, path, place)
    below = replace(place, is_root=False)
    yield from _members(schema, path, place, below)
    for key in ("not",):
        if type(schema.get(key)) is dict:
            yield from _schema(schema[key], f"{path}.{key}", below)
    for key in ("allOf", "oneOf", "anyOf"):
        for index, branch in enumerate(schema.get(key) or ()):
            yield from _schema(branch, f"{path}.{key}[{index}]", below)
    items = schema.get("items")
    if type(items) is dict:
        yield from _schema(items, f"{path}.items", below)
    elif type(items) is list:
        for index, item in enumerate(items):
            yield from _schema(item, f"{path}.items[{index}]", below)
    yield from _extensions(schema, path, place.options)


def _keywords(schema: Schema, path: str, place: _Place) -> Iterator[errors.Cause]:
    """Keywords that are not supported, at all or here."""
    kind = schema.get("type") or ""
    if place.options.valid_types and kind and kind not in _TYPES:
        yield errors.not_supported(f"{path}.type", kind, _TYPES)
    if schema.get("default") is not None and place.forbids_defaults is not None:
        yield errors.forbidden_field(f"{path}.default", f"must not be set {place.forbids_defaults}")
    for key in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        if schema.get(key) is not None and (key in ("$ref", "additionalItems", "dependencies") or schema[key]):
            yield errors.forbidden_field(f"{path}.{key}", f"{key} is not supported")
    if kind == "null":
        yield errors.forbidden_field(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if type(schema.get("items")) is list and schema["items"]:
        yield errors.forbidden_field(f"{path}.items", "items must be a schema object and not an array")
    if place.inside_meta and schema.get("x-kubernetes-embedded-resource") is True:
        place_of = f"{path}.x-kubernetes-embedded-resource"
        yield errors.forbidden_field(place_of, "must not be used inside of resource meta")
    if schema.get("uniqueItems") is True:
        message = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield errors.forbidden_field(f"{path}.uniqueItems", message)


def _members(schema: Schema, path: str, place: _Place, below: _Place) -> Iterator[errors.Cause]:
    additional, properties = schema.get("additionalProperties"), schema.get("properties") or {}
    if additional is not None:
        if properties and additional is not True:
            message = "additionalProperties and properties are mutual exclusive"
            yield errors.forbidden_field(f"{path}.additionalProperties", message)
        if type(additional) is dict:
            inside = below
            if place.inside_meta:
                reason = "inside additionalProperties applying to object metadata"
                inside = replace(below, forbids_defaults=reason)
            yield from _schema(additional, f"{path}.additionalProperties", inside)
    is_resource = place.is_root or schema.get("x-kubernetes-embedded-resource") is True
    for name, member in properties.items():
        inside = below
        if is_resource and name in _META_FIELDS:
            inside = replace(below, inside_meta=True)
            if place.is_root:
                inside = replace(inside, forbids_defaults=f"in top-level {name}")
        yield from _schema(member, f"{path}.properties[{name}]", inside)


def _extensions(schema: Schema, path: str, options: Options) -> Iterator[errors.Cause]:
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        field = f"{path}.x-kubernetes-preserve-unknown-fields"
        yield errors.invalid_value(field, False, "must be true or undefined")
    yield from _map_type(schema, path)
    yield from _list_type(schema, path, options)
    keys, list_type = schema.get("x-kubernetes-list-map-keys") or [], schema.get("x-kubernetes-list-type")
    if keys and list_type != "map":
        message = "must be map if x-kubernetes-list-map-keys is non-empty"
        if list_type is None:
            yield errors.required(f"{path}.x-kubernetes-list-type", message)
        else:
            yield errors.invalid_value(f"{path}.x-kubernetes-list-type", list_type, message)
    if list_type == "map":
        yield from _keyed_list(schema, path, keys)
    if options.sound_keys:
        yield from unsound_keys(schema, path)


def _map_type(schema: Schema, path: str) -> Iterator[errors.Cause]:
    map_type, kind = schema.get("x-kubernetes-map-type"), schema.get("type") or ""
    if map_type is None:
        return
    if kind != "object":
        yield _wrong_type(path, kind, "must be object if x-kubernetes-map-type is specified")
    if map_type not in ("atomic", "granular"):
        yield _unsupported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular"))


def _list_type(schema: Schema, path: str, options: Options) -> Iterator[errors.Cause]:
    list_type, kind = schema.get("x-kubernetes-list-type"), schema.get("type") or ""
    if list_type is None:
        return
    if kind != "array":
        yield _wrong_type(path, kind, "must be array if x-kubernetes-list-type is specified")
    elif options.atomic_sets:
        yield from not_atomic(schema, path)
    if list_type not in ("atomic", "set", "map"):
        yield _unsupported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map"))


def _wrong_type(path: str, kind: str, message: str) -> errors.Cause:
    return errors.invalid_value(f"{path}.type", kind, message) if kind else errors.required(f"{path}.type", message)


def _unsupported(path: str, value: str, supported: tuple[str, ...]) -> errors.Cause:
    listed = ", ".join(quoting.quoted(item) for item in supported)
    message = f"Unsupported value: {quoting.quoted(value)}: supported values: {listed}"
    return errors.Cause("FieldValueNotSupported", path, message)


def not_atomic(schema: Schema, path: str) -> Iterator[errors.Cause]:
    """The items of a set must be compared whole."""
    items = schema.get("items")
    if schema.get("x-kubernetes-list-type") != "set" or type(items) is not dict:
        return
    message = "must be atomic as item of a list with x-kubernetes-list-type=set"
    list_type = items.get("x-kubernetes-list-type")
    shown = showing.shown(list_type)
    if items.get("type") == "array" and list_type not in (None, "atomic"):
        field = f"{path}.items.x-kubernetes-list-type"
        yield errors.Cause("FieldValueInvalid", field, f"Invalid value: {shown}: {message}")
    elif items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        field = f"{path}.items.x-kubernetes-map-type"
        yield errors.Cause("FieldValueInvalid", field, f"Invalid value: {shown}: {message}")


def _keyed_list(schema: Schema, path: str, keys: list[str]) -> Iterator[errors.Cause]:
    items, place = schema.get("items"), f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        yield errors.required(place, "must not be empty if x-kubernetes-list-type is map")
    if items is None:
        yield errors.required(f"{path}.items", "must have a schema if x-kubernetes-list-type is map")
    elif type(items) is not dict:
        message = "must only have a single schema if x-kubernetes-list-type is map"
        yield errors.invalid_value(f"{path}.items", items, message)
    elif items.get("type") != "object":
        yield errors.invalid_value(f"{path}.items.type", items.get("type") or "", f"must be object {_KEYED}")
    else:
        properties = items.get("properties") or {}
        for index, key in enumerate(keys):
            if key not in properties:
                yield errors.invalid_value(place, keys, "entries must all be names of item properties")
            elif properties[key].get("type") in ("array", "object"):
                field = f"{path}.items.properties[{key}].type"
                yield errors.invalid_value(field, "object", f"must be a scalar type {_KEYED}")
            if key in keys[:index]:
                yield errors.invalid_value(place, keys, "must not contain duplicate entries")


def unsound_keys(schema: Schema, path: str) -> Iterator[errors.Cause]:
    """Items of sets and keyed lists are never null, and keys are always there."""
    list_type, items = schema.get("x-kubernetes-list-type"), schema.get("items")
    if list_type not in ("set", "map") or type(items) is not dict:
        return
    if items.get("nullable") is True:
        message = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        yield errors.forbidden_field(f"{path}.items.nullable", message)
    if list_type != "map":
        return
    named = "this property is in x-kubernetes-list-map-keys, so it"
    for key in schema.get("x-kubernetes-list-map-keys") or ():
        member = (items.get("properties") or {}).get(key)
        if type(member) is not dict:
            continue
        place = f"{path}.items.properties[{key}]"
        if key not in (items.get("required") or ()) and member.get("default") is None:
            yield errors.required(f"{place}.default", f"{named} must have a default or be a required property")
        if member.get("nullable") is True:
            yield errors.forbidden_field(f"{place}.nullable", f"{named} cannot be nullable")


def kept(schema: Schema) -> Options:
    """What a schema that is already there keeps to."""
    schemas = list(structurality.walk(schema))
    return Options(
        valid_types=all(not below.get("type") or below["type"] in _TYPES for below in schemas),
        atomic_sets=not any(any(not_atomic(below, "")) for below in schemas),
        sound_keys=not any(any(unsound_keys(below, "")) for below in schemas),
    )
