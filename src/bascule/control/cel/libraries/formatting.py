"""``text.format([…])``: values put into text, each by its clause (``%s``, ``%d``, ``%.2f`` …)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from bascule.control.cel import costs
from bascule.control.cel.data import LISTS, MAPS
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import conversions, times
from bascule.control.cel.values import Duration, Timestamp, TypeValue, Uint, type_name

_CLAUSE = re.compile(r"%(%|(?:\.(\d+))?([a-zA-Z])|.?)", re.DOTALL)
_PRECISION_MAX = 1000
_INTEGERS = (int, Uint)


def format(text: str, values: Any) -> str:
    """Raises EvaluationError when clauses and values do not fit."""
    given, used = list(values), 0
    parts: list[str] = []
    at = length = 0
    for match in _CLAUSE.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        if match[1] == "%":
            parts.append("%")
            continue
        clause = _CLAUSES.get(match[3] or "")
        if clause is None:
            shown = match[3] or match[1] or "end of string"
            raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{shown}"')
        if used >= len(given):
            raise EvaluationError(f"index {used} out of range")
        precision = int(match[2]) if match[2] else 6
        if precision > _PRECISION_MAX:
            raise EvaluationError(f"could not parse formatting clause: precision is too large: {precision}")
        piece = clause(given[used], precision)
        length += len(piece)
        costs.bounded(length)
        parts.append(piece)
        used += 1
    parts.append(text[at:])
    return "".join(parts)


def _wrong(clause: str, expected: str, value: Any) -> EvaluationError:
    given = type_name(value)
    return EvaluationError(
        f"error during formatting: {clause} clause can only be used on {expected}, was given {given}"
    )


def shown(value: Any) -> str:
    """Any value, as ``%s`` shows it. Deep ones are walked without recursion beyond what data may nest."""
    if value is None:
        return "null"
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, _INTEGERS):
        return str(int(value))
    if type(value) is float:
        return conversions.double_text(value).replace("+Inf", "Infinity").replace("-Inf", "-Infinity")
    if type(value) is bytes:
        return value.decode(errors="replace")
    if type(value) is Duration:
        return times.duration_text(value)
    if type(value) is Timestamp:
        return times.timestamp_text(value)
    if type(value) is TypeValue:
        return value.name
    if isinstance(value, LISTS):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    if isinstance(value, MAPS):
        get = value.get if hasattr(value, "get") else value.__getitem__
        return "{" + ", ".join(sorted(f"{_inner(key)}:{_inner(get(key))}" for key in value)) + "}"
    raise _wrong("string", "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value)


def _inner(value: Any) -> str:
    return f'"{value}"' if type(value) is str else shown(value)


def _decimal(value: Any, _precision: int) -> str:
    if type(value) is float and (math.isnan(value) or math.isinf(value)):
        return shown(value)
    if type(value) not in _INTEGERS:
        raise _wrong("decimal", "integers", value)
    return str(int(value))


def _double(value: Any, clause: str) -> float | str:
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return value
    if type(value) is bool or not isinstance(value, (int, float)):
        raise _wrong(clause, "doubles", value)
    if isinstance(value, float) and (math.isnan(value) or math.isinf(value)):
        return shown(value)
    return float(value)


def _fixed(value: Any, precision: int) -> str:
    number = _double(value, "fixed-point")
    return number if isinstance(number, str) else f"{number:.{precision}f}"


def _scientific(value: Any, precision: int) -> str:
    number = _double(value, "scientific")
    if isinstance(number, str):
        return number
    mantissa, _, exponent = f"{number:.{precision}e}".partition("e")
    return f"{mantissa}e{exponent}"


def _binary(value: Any, _precision: int) -> str:
    if type(value) is bool:
        return "1" if value else "0"
    if type(value) not in _INTEGERS:
        raise _wrong("binary", "integers and bools", value)
    return f"{int(value):b}"


def _octal(value: Any, _precision: int) -> str:
    if type(value) not in _INTEGERS:
        raise _wrong("octal", "integers", value)
    return f"{int(value):o}"


def _hexadecimal(value: Any, _precision: int) -> str:
    if type(value) is str:
        return value.encode().hex()
    if type(value) is bytes:
        return value.hex()
    if type(value) not in _INTEGERS:
        raise _wrong("hex", "integers, byte buffers, and strings", value)
    return f"{int(value):x}"


_CLAUSES: dict[str, Callable[[Any, int], str]] = {
    "s": lambda value, _precision: shown(value),
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value, precision: _hexadecimal(value, precision).upper(),
}
