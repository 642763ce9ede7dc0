"""Does a value fit its type? Yes, nearly always; or no, for what has to be looked at more closely.

Every type is compiled once into a closure. Null fits everywhere and reads as absent; what no client means by saying it
(`zeros`), and nulls as elements of lists and maps, fit nowhere.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from typing import Any

import orjson

from bascule.control.schema import moments, types, zeros

Fits = Callable[[Any], bool]

_QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?").fullmatch
_REMEMBERED_MAX = 64
_REMEMBERED_BYTES_MAX = 4096
_INT32 = 1 << 31
_INT64 = 1 << 63


def fits(schema: types.TypeSchema) -> Fits:
    """The compiled check of a type: yes, or no for what has to be looked at more closely."""
    try:
        found: Fits = schema.compiled["fits"]
    except KeyError:
        found = schema.compiled["fits"] = _compile(schema)
    return found


def _compile(schema: types.TypeSchema) -> Fits:
    if schema.shape == "struct":
        return _remembering(_struct_fits(schema)) if schema.definition == types.POD_SPEC else _struct_fits(schema)
    if schema.shape == "map":
        return _map_fits(schema.additional or types.ANYTHING)
    if schema.shape == "list":
        return _list_fits(schema.items or types.ANYTHING)
    if schema.shape == "any":
        return lambda value: True
    if schema.shape == "integer":
        limit = _INT32 if schema.format == "int32" else _INT64
        return lambda value: value is None or (value.__class__ is int and -limit <= value < limit)
    if moments.is_micro(schema):
        return moments.is_stored_micro_form
    return _SCALARS[schema.shape] if schema.format != "byte" else _is_base64


def _remembering(below: Fits) -> Fits:
    """For values of which many are alike, as the specs of a workload's pods are: what fitted lately is known again."""
    known: set[bytes] = set()

    def check_remembering(value: Any) -> bool:
        try:
            encoded = orjson.dumps(value)
        except TypeError:
            return below(value)
        if encoded in known:
            return True
        if not below(value):
            return False
        if len(encoded) <= _REMEMBERED_BYTES_MAX and b"null" not in encoded:  # Which a number that is none is, too.
            if len(known) >= _REMEMBERED_MAX:
                known.clear()
            known.add(encoded)
        return True

    return check_remembering


def _struct_fits(schema: types.TypeSchema) -> Fits:
    fields = schema.fields
    # Strings are most of what there is: they are told apart without a call.
    strings = {name for name, member in fields.items() if member.shape == "string" and member.format != "byte"}
    unsaid = zeros.of(schema.definition)
    learned: dict[str, Fits] = {}

    def check_struct(value: Any) -> bool:
        if value.__class__ is not dict:
            return value is None
        for name, member in value.items():
            if not member and zeros.is_unsaid(name, member, unsaid):
                return False
            if member.__class__ is str and name in strings:
                continue
            below = learned.get(name)
            if below is None:
                if name not in fields:
                    return False
                below = learned[name] = fits(fields[name])
            if not below(member):
                return False
        return True

    return check_struct


def _map_fits(element: types.TypeSchema) -> Fits:
    if element.shape == "string" and element.format != "byte":
        allowed = {str}
        return lambda value: (
            value is None or (value.__class__ is dict and allowed.issuperset(map(type, value.values())))
        )

    def check_map(value: Any) -> bool:
        if value.__class__ is not dict:
            return value is None
        below = fits(element)
        return all(map(below, value.values())) and None not in value.values()

    return check_map


def _list_fits(element: types.TypeSchema) -> Fits:
    def check_list(value: Any) -> bool:
        if value.__class__ is not list:
            return value is None
        below = fits(element)
        return all(map(below, value)) and None not in value

    return check_list


def _is_base64(value: Any) -> bool:
    if value.__class__ is not str:
        return value is None
    try:
        binascii.a2b_base64(value.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        return False
    return True


def _is_int_or_string(value: Any) -> bool:
    return value.__class__ is str or value is None or (value.__class__ is int and -_INT32 <= value < _INT32)


def _is_quantity(value: Any) -> bool:
    if value.__class__ is str:
        return _QUANTITY(value) is not None
    return value is None or value.__class__ in (int, float)


_SCALARS: dict[str, Fits] = {
    "string": lambda value: value is None or value.__class__ is str,
    "boolean": lambda value: value is None or value.__class__ is bool,
    "number": lambda value: value is None or value.__class__ in (int, float),
    "int-or-string": _is_int_or_string,
    "quantity": _is_quantity,
    "time": moments.is_stored_form,
}
