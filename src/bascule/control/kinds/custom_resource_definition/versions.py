"""What one version of a definition says besides its schema: subresources, printer columns, selectable fields."""

from __future__ import annotations

import unicodedata
from typing import Any

from bascule.control.custom import structural
from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

SELECTABLE_MAX = 8
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SELECTABLE = (
    "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
)


def deprecation(version: Object, path: str) -> Causes:
    warning, place = version.get("deprecationWarning"), f"{path}.deprecationWarning"
    if type(warning) is not str:
        return
    if version.get("deprecated") is not True:
        yield errors.invalid_value(place, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode()) > 256:
        yield errors.invalid_value(place, warning, "must be <= 256 characters long")
    if not warning:
        yield errors.invalid_value(place, warning, "must not be an empty string")
    for char in warning:
        if char != " " and unicodedata.category(char)[0] in "CZ":
            at = len(warning[: warning.index(char)].encode())
            message = f"must only contain printable UTF-8 characters; non-printable character found at index {at}"
            yield errors.invalid_value(place, warning, message)
            break


def subresources(value: Any, path: str) -> Causes:
    scale = value.get("scale") if type(value) is dict else None
    if type(scale) is not dict:
        return
    for key, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        text, place = shape.text(scale, key), f"{path}.scale.{key}"
        if not text:
            yield errors.required(place, "")
        elif not text.startswith("."):
            yield from simple_path(text, place)
        elif not text.startswith(below):
            yield errors.invalid_value(place, text, f"should be a json path under {below.removesuffix('.')}")
    selector, place = shape.text(scale, "labelSelectorPath"), f"{path}.scale.labelSelectorPath"
    if selector and not selector.startswith("."):
        yield from simple_path(selector, place)
    elif selector and not selector.startswith((".spec.", ".status.")):
        yield errors.invalid_value(place, selector, "should be a json path under either .spec or .status")


def simple_path(text: str, path: str) -> Causes:
    if not text.startswith("."):
        yield errors.invalid_value(path, text, "must be a simple json path starting with .")


def columns(value: Any, path: str) -> Causes:
    for index, column in enumerate(value if type(value) is list else ()):
        yield from _column(column, f"{path}[{index}]")


def _column(column: Object, path: str) -> Causes:
    kind, form, where = (shape.text(column, key) for key in ("type", "format", "jsonPath"))
    if not column.get("name"):
        yield errors.required(f"{path}.name", "")
    if not kind:
        yield errors.required(f"{path}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
    elif kind not in _COLUMN_TYPES:
        yield errors.invalid_value(f"{path}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}")
    if form and form not in _COLUMN_FORMATS:
        yield errors.invalid_value(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not where:
        yield errors.required(f"{path}.JSONPath", "")
    else:
        yield from simple_path(where, f"{path}.JSONPath")


def selectable_fields(value: Any, schema: Any, path: str) -> Causes:
    fields = value if type(value) is list else []
    if not fields:
        return
    if type(schema) is not dict:
        message = "selectableFields may only be set when version.schema.openAPIV3Schema is not included"
        yield errors.invalid_value(path, "", message)
        return
    seen: set[str] = set()
    node = structural.parse(schema)
    for index, field in enumerate(fields):
        text, place = shape.text(field, "jsonPath"), f"{path}[{index}].jsonPath"
        if not text:
            yield errors.required(place, "")
            continue
        try:
            found, steps = _declared(text, node)
        except ValueError as error:
            yield errors.invalid_value(place, text, f"is an invalid path: {error}")
            continue
        if steps[:1] == ["metadata"]:
            yield errors.invalid_value(place, text, "must not point to fields in metadata")
        if found is None or found.type not in ("string", "boolean", "integer"):
            yield errors.invalid_value(place, text, _SELECTABLE)
        if text in seen:
            yield errors.duplicate(place, text)
        seen.add(text)
    if len(seen) > SELECTABLE_MAX:
        yield errors.too_many(path, len(seen), SELECTABLE_MAX)


def _declared(text: str, node: structural.Node) -> tuple[structural.Node | None, list[str]]:
    """The field a plain path `.spec.color` names, and its steps; ValueError says why there is none."""
    if not text.startswith("."):
        raise ValueError("array notation is not allowed" if text[0] == "[" else f"expected [ or . but got: {text}")
    found: structural.Node | None = node
    steps = text[1:].split(".")
    for step in steps:
        name = step.partition("[")[0]
        if not step:
            raise ValueError("unexpected end of JSON path")
        if found is not None and found.properties:
            found = found.properties.get(name)
            if found is None:
                raise ValueError("does not refer to a valid field")
        elif found is not None and (found.additional is not None or found.additional_allowed):
            found = found.additional
        else:
            raise ValueError("does not refer to a valid field")
        if "[" in step:
            raise ValueError("array notation is not allowed")
    return found, steps
