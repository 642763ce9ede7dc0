"""From one simple type to another. What does not fit is an error, nothing is rounded silently but doubles to ints."""

from __future__ import annotations

import decimal
import math
import re
from typing import Any

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import standard
from bascule.control.cel.values import Uint

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_UNSIGNED = re.compile(r"[0-9]{1,40}")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:[iI]nf(?:inity)?|[nN]a[nN])")
_DIGITS_MAX = 1000
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


def _failed(source: str, target: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from '{source}' to '{target}'")


def _int_of_double(value: float) -> int:
    if not -(2.0**63) < value < 2.0**63:
        raise EvaluationError("integer overflow")
    return math.trunc(value)


def _uint_of_double(value: float) -> Uint:
    if not 0 <= value < 2.0**64:
        raise EvaluationError("unsigned integer overflow")
    return Uint(math.trunc(value))


def _int_of_text(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise _failed("string", "int")
    try:
        return standard.integer(int(text))
    except EvaluationError as error:
        raise _failed("string", "int") from error


def _uint_of_text(text: str) -> Uint:
    if not _UNSIGNED.fullmatch(text):
        raise _failed("string", "uint")
    try:
        return standard.unsigned(int(text))
    except EvaluationError as error:
        raise _failed("string", "uint") from error


def _double_of_text(text: str) -> float:
    if len(text) > _DIGITS_MAX or not _DOUBLE.fullmatch(text):
        raise _failed("string", "double")
    value = float(text)
    if math.isinf(value) and text[-1].isdigit():
        raise _failed("string", "double")
    return value


def _bool_of_text(text: str) -> bool:
    if text not in _TRUE and text not in _FALSE:
        raise _failed("string", "bool")
    return text in _TRUE


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from error


def _bytes_of_text(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def double_text(value: float) -> str:
    """The shortest text that reads back the same; with an exponent below 1e-4 and from 1e6 on, as upstream's."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1 if value else 0
    minus = "-" if sign else ""
    if not -5 < power < 6:
        fraction = f".{text[1:]}" if text[1:] else ""
        return f"{minus}{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{text}"
    whole, fraction = text[: power + 1].ljust(power + 1, "0"), text[power + 1 :]
    return f"{minus}{whole}.{fraction}" if fraction else f"{minus}{whole}"


def _bool_text(value: bool) -> str:
    return "true" if value else "false"


def _same(value: Any) -> Any:
    return value


LIBRARY = Library()
_add = LIBRARY.add
for _kind in ("int", "uint", "double", "string", "bytes", "bool"):
    _add(_kind, f"{_kind} -> {_kind}", _same)
_add("int", "uint -> int", lambda value: standard.integer(int(value)))
_add("int", "double -> int", _int_of_double)
_add("int", "string -> int", _int_of_text)
_add("uint", "int -> uint", lambda value: standard.unsigned(value))
_add("uint", "double -> uint", _uint_of_double)
_add("uint", "string -> uint", _uint_of_text)
_add("double", "int -> double", float)
_add("double", "uint -> double", float)
_add("double", "string -> double", _double_of_text)
_add("string", "int -> string", str)
_add("string", "uint -> string", lambda value: str(int(value)))
_add("string", "double -> string", double_text)
_add("string", "bool -> string", _bool_text)
_add("string", "bytes -> string", _text_of_bytes, id="bytes_to_string", cost=costs.first_text)
_add("bytes", "string -> bytes", _bytes_of_text, id="string_to_bytes", cost=costs.first_text)
_add("bool", "string -> bool", _bool_of_text)
