"""Nulls inside lists and maps, read as upstream reads them: as the zero value of the element's type.

A null field is an absent field and stays as it is; only elements are filled in, so that no rule ever meets a container,
a taint or a label that is not one.
"""

from __future__ import annotations

from typing import Any

from bascule.control.schema import types

_ZEROS: dict[types.Shape, Any] = {
    "string": "",
    "boolean": False,
    "integer": 0,
    "number": 0,
    "int-or-string": 0,
    "quantity": "0",
}


def fill(value: Any, schema: types.TypeSchema) -> None:
    """In place; what does not fit its type is left to validation."""
    if value.__class__ is dict:
        for name, member in value.items():
            below = schema.field(name)
            if below is None:
                continue
            if member is None and schema.shape == "map":
                value[name] = _zero(below)
            elif member.__class__ in (dict, list):
                fill(member, below)
    elif value.__class__ is list and schema.items is not None:
        for index, item in enumerate(value):
            if item is None:
                value[index] = _zero(schema.items)
            elif item.__class__ in (dict, list):
                fill(item, schema.items)


def _zero(schema: types.TypeSchema) -> Any:
    if schema.shape in ("struct", "map"):
        return {}
    if schema.shape == "list":
        return []
    return _ZEROS.get(schema.shape)
