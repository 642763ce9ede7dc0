"""What makes a value unfit to be applied: undeclared fields, wrong types, list items that nothing tells apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from bascule.control.patch import field_set, field_tree
from bascule.control.schema import types

_EXPECTED = {
    "string": ("string", (str,)),
    "boolean": ("boolean", (bool,)),
    "integer": ("numeric (int or float)", (int, float)),
    "number": ("numeric (int or float)", (int, float)),
}


def problems(value: Any, schema: types.TypeSchema, path: str = "") -> Iterator[str]:
    """Each begins with its path, as `.spec.containers[name="web"].image`."""
    if value is None or schema.shape == "any":
        return
    if schema.is_scalar:
        yield from _scalar_problems(value, schema, path)
    elif schema.shape == "list":
        if value.__class__ is not list:
            yield f"{path}: expected list, got {_shown(value)}"
        else:
            yield from _list_problems(value, schema, path)
    elif value.__class__ is not dict:
        yield f"{path}: expected map, got {_shown(value)}"
    else:
        for name, member in value.items():
            below = schema.field(name)
            if below is None:
                yield f"{path}.{name}: field not declared in schema"
            elif not (member.__class__ is str and below.shape == "string"):
                yield from problems(member, below, f"{path}.{name}")


def listed(found: list[str]) -> str:
    """Several problems in one message."""
    return found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {problem}" for problem in found)])


def _scalar_problems(value: Any, schema: types.TypeSchema, path: str) -> Iterator[str]:
    found = _EXPECTED.get(schema.shape)
    if found is None:
        if value.__class__ in (dict, list):
            yield f"{path}: expected scalar, got {_shown(value)}"
        return
    expected, classes = found
    if not isinstance(value, classes) or (value.__class__ is bool and bool not in classes):
        yield f"{path}: expected {expected}, got {_shown(value)}"


def _list_problems(items: list[Any], schema: types.TypeSchema, path: str) -> Iterator[str]:
    if schema.list_type == "map":
        for index, item in enumerate(items):
            if item.__class__ is not dict:
                yield f"{path}: element {index}: associative list with keys may not have non-map elements"
                return
            missing = [key for key in schema.map_keys if item.get(key) is None]
            if missing:
                missing = [key for key in missing if field_tree.key_default(schema, key) is None]
            if missing and len(missing) == len(schema.map_keys):
                yield (
                    f"{path}: element {index}: associative list with keys has an element that omits key "
                    f'field "{missing[0]}" (and doesn\'t have default value)'
                )
                return
    element = schema.items or types.ANYTHING
    steps: list[str] | range = range(len(items))
    if schema.list_type != "atomic":
        labels = field_tree.labels(items, schema)
        steps = [field_set.readable(label) for label in labels]
        if len(set(labels)) != len(labels):
            seen: set[str] = set()
            for label in labels:
                if label in seen:
                    yield f"{path}: duplicate entries for key {field_set.readable(label)}"
                seen.add(label)
    for step, item in zip(steps, items, strict=True):
        yield from problems(item, element, f"{path}[{step}]" if step.__class__ is int else f"{path}{step}")


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()[:200]
