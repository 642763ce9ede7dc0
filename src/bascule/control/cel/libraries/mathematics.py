"""``math.…``: extremes, rounding, signs, and bits."""

from __future__ import annotations

import math
from typing import Any

from bascule.control.cel import costs, equality
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import standard
from bascule.control.cel.values import INT_MAX, UINT_MAX, Uint


def _extreme(sign: int, name: str) -> Any:
    def run(*values: Any) -> Any:
        items = values[0] if len(values) == 1 and not isinstance(values[0], (int, float)) else values
        if not len(items):
            raise EvaluationError(f"{name}(list) argument must not be empty")
        return equality.extreme(items, sign)

    return run


def _rounded(value: float) -> float:
    """Halves away from zero."""
    if math.isnan(value) or math.isinf(value):
        return value
    return math.copysign(float(math.floor(abs(value) + 0.5)), value) if abs(value) < 2**52 else value


def _whole(function: Any) -> Any:
    return lambda value: value if math.isnan(value) or math.isinf(value) else float(function(value))


def _shifted(value: int, count: int) -> int:
    if count < 0:
        raise EvaluationError(f"math.bitShiftLeft() negative offset: {count}")
    bits = (int(value) << count) & UINT_MAX if count < 64 else 0
    if type(value) is Uint:
        return Uint(bits)
    return bits - 2**64 if bits > INT_MAX else bits


def _shifted_right(value: int, count: int) -> int:
    if count < 0:
        raise EvaluationError(f"math.bitShiftRight() negative offset: {count}")
    bits = (int(value) & UINT_MAX) >> count if count < 64 else 0
    if type(value) is Uint:
        return Uint(bits)
    return bits - 2**64 if bits > INT_MAX else bits


LIBRARY = Library()
_add = LIBRARY.add
_NUMBERS = ("int", "uint", "double")
for _name, _sign in (("math.greatest", 1), ("math.least", -1)):
    _function = _extreme(_sign, _name)
    for _kind in _NUMBERS:
        _add(_name, f"{_kind} -> {_kind}", _function)
        _add(_name, f"{_kind}, {_kind} -> {_kind}", _function)
        _add(_name, f"{_kind}, {_kind}, {_kind} -> {_kind}", _function)
        _add(_name, f"{_kind}, {_kind}, {_kind}, {_kind} -> {_kind}", _function)
        _add(_name, f"list<{_kind}> -> {_kind}", _function, cost=costs.traversal)
        for _other in _NUMBERS:
            if _other != _kind:
                _add(_name, f"{_kind}, {_other} -> dyn", _function)
_add("math.ceil", "double -> double", _whole(math.ceil))
_add("math.floor", "double -> double", _whole(math.floor))
_add("math.round", "double -> double", _rounded)
_add("math.trunc", "double -> double", _whole(math.trunc))
_add("math.isInf", "double -> bool", math.isinf)
_add("math.isNaN", "double -> bool", math.isnan)
_add("math.isFinite", "double -> bool", math.isfinite)
_add("math.abs", "int -> int", lambda value: standard.integer(abs(value)))
_add("math.abs", "uint -> uint", lambda value: value)
_add("math.abs", "double -> double", abs)
_add("math.sign", "int -> int", lambda value: (value > 0) - (value < 0))
_add("math.sign", "uint -> uint", lambda value: Uint(value > 0))
_add("math.sign", "double -> double", lambda value: value if math.isnan(value) else float((value > 0) - (value < 0)))
for _kind, _made in (("int", int), ("uint", Uint)):
    _add("math.bitAnd", f"{_kind}, {_kind} -> {_kind}", lambda a, b, made=_made: made(a & b))
    _add("math.bitOr", f"{_kind}, {_kind} -> {_kind}", lambda a, b, made=_made: made(a | b))
    _add("math.bitXor", f"{_kind}, {_kind} -> {_kind}", lambda a, b, made=_made: made(a ^ b))
    _add("math.bitShiftLeft", f"{_kind}, int -> {_kind}", _shifted)
    _add("math.bitShiftRight", f"{_kind}, int -> {_kind}", _shifted_right)
_add("math.bitNot", "int -> int", lambda value: ~value)
_add("math.bitNot", "uint -> uint", lambda value: Uint(UINT_MAX - value))
