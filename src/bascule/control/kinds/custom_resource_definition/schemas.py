"""The schemas of a definition's versions: sound, structural, with defaults that fit and rules that compile."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from bascule.control.custom import (
    default_rules,
    keywords,
    rules,
    schema_rules,
    showing,
    structural,
    structurality,
)
from bascule.control.kinds import shape
from bascule.control.kinds.custom_resource_definition import places
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

# The fields a root may have beside a status subresource, in upstream's order and names.
_AT_ROOT = {
    "description": "Description",
    "type": "Type",
    "format": "Format",
    "title": "Title",
    "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum",
    "minimum": "Minimum",
    "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength",
    "minLength": "MinLength",
    "pattern": "Pattern",
    "maxItems": "MaxItems",
    "minItems": "MinItems",
    "uniqueItems": "UniqueItems",
    "multipleOf": "MultipleOf",
    "required": "Required",
    "items": "Items",
    "properties": "Properties",
    "externalDocs": "ExternalDocs",
    "example": "Example",
    "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
    "x-kubernetes-validations": "XValidations",
}


def problems(spec: Object, before: Object) -> Iterator[errors.Cause]:
    """Causes of every version's schema. `before` is the spec that an update replaces, or empty.

    A schema that did not change is not looked at again: it was accepted once. Of others no more is demanded than the
    old schemas kept to.
    """
    old_schemas = {shape.text(version, "name"): _schema(version) for version in shape.items(before, "versions")}
    versions = shape.items(spec, "versions")
    yield from _missing(versions, old_schemas)
    options = functools.cache(lambda: _options([schema for schema in old_schemas.values() if type(schema) is dict]))
    any_status = any(_has_status(version) for version in versions)
    for part in places.parts(spec, "schema"):
        version = versions[part.version or 0]
        schema, path = _schema(version), f"{part.field}.openAPIV3Schema"
        if type(schema) is not dict or old_schemas.get(shape.text(version, "name")) == schema:
            continue
        has_status = any_status if part.version is None else _has_status(version)
        yield from _version(schema, path, options(), has_status=has_status)


def _schema(version: Object) -> Any:
    return shape.mapping(version, "schema").get("openAPIV3Schema")


def _has_status(version: Object) -> bool:
    return type(shape.mapping(version, "subresources").get("status")) is dict


def _missing(versions: list[Object], old_schemas: Object) -> Iterator[errors.Cause]:
    if any(type(schema) is not dict for schema in old_schemas.values()):
        return
    for index, version in enumerate(versions):
        if type(_schema(version)) is not dict:
            yield errors.required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")


def _options(old_schemas: list[Object]) -> schema_rules.Options:
    kept = [schema_rules.kept(schema) for schema in old_schemas]
    return schema_rules.Options(
        valid_types=all(options.valid_types for options in kept),
        atomic_sets=all(options.atomic_sets for options in kept),
        sound_keys=all(options.sound_keys for options in kept),
    )


def _version(schema: Object, path: str, options: schema_rules.Options, *, has_status: bool) -> Iterator[errors.Cause]:
    problem = keywords.malformed(schema, path)
    if problem is not None:
        yield problem
        return
    causes: list[errors.Cause] = []
    if has_status:
        causes += _root(schema, path)
    if schema.get("nullable") is True:
        causes.append(errors.forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    unsupported, node = structurality.unsupported(schema), structural.parse(schema)
    shapeless = [] if unsupported else structurality.problems(schema, path)
    causes += shapeless
    if not shapeless and not unsupported:
        causes += default_rules.problems(node, path)
    causes += schema_rules.problems(schema, path, options)
    if not causes and unsupported:
        causes.append(errors.invalid_value(path, "", unsupported))
    if not causes:
        causes += rules.rule_problems(node, path)
    for one in structural.distinct(node):
        one.compiled.clear()  # What refers to its node would be there until somebody looks for such cycles.
    yield from causes


def _root(schema: Object, path: str) -> Iterator[errors.Cause]:
    for key, value in schema.items():
        if value is False or value in (None, "", [], {}):
            continue
        if key == "type" and value != "object":
            message = (
                'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            )
            yield errors.invalid_value(f"{path}.type", value, message)
            return
        if key not in _AT_ROOT:
            allowed = " ".join(_AT_ROOT.values())
            message = (
                f"only [{allowed}] fields are allowed at the root of the schema if the status subresource is enabled"
            )
            yield errors.Cause("FieldValueInvalid", path, f"Invalid value: {showing.json(schema)}: {message}")
            return
