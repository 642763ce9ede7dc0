"""Calls: which implementation runs, known beforehand where types say it, found by the arguments where they are dyn."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from bascule.control.cel import ast, costs, types
from bascule.control.cel.declarations import Overload
from bascule.control.cel.errors import BudgetExceededError, EvaluationError, no_such_overload
from bascule.control.cel.values import INT_MAX, INT_MIN, type_name

Frame = list[Any]
Evaluate = Callable[[Frame], Any]

_SCALARS = frozenset({"bool", "int", "uint", "double", "duration", "timestamp"})
_ORDERS = {"_<_": operator.lt, "_<=_": operator.le, "_>_": operator.gt, "_>=_": operator.ge}
_ARITHMETIC = {"add_int64": operator.add, "subtract_int64": operator.sub, "multiply_int64": operator.mul}
_EQUALITIES = {"_==_": operator.eq, "_!=_": operator.ne}
_RUNTIME_NAMES = {"duration": "google.protobuf.Duration", "timestamp": "google.protobuf.Timestamp", "null": "null_type"}


def call(node: ast.Call, nodes: list[ast.Node], runs: list[Evaluate], constant: list[bool]) -> tuple[Evaluate, int]:
    """Code for the call, and what it costs in any case. ``constant`` are arguments that need no frame."""
    direct = _same_scalars(node, nodes)
    if direct is not None:
        return _compared(direct, runs, constant), 1
    given = [argument.type or types.DYN for argument in nodes]
    if len(node.overloads) == 1 and (node.overloads[0].generic or all(map(_known, given, node.overloads[0].args))):
        return _applied(node.overloads[0], runs)
    return _dynamic(node, runs), 1


def _same_scalars(node: ast.Call, nodes: list[ast.Node]) -> Callable[[Any, Any], Any] | None:
    """Comparing two numbers or such of one type needs no look at them."""
    found = _ORDERS.get(node.function) or _EQUALITIES.get(node.function)
    if found is None or len(nodes) != 2:
        return None
    left, right = nodes[0].type, nodes[1].type
    return found if left is not None and left == right and left.kind in _SCALARS else None


def _known(given: types.Type, expected: types.Type) -> bool:
    """Whether the type that was found rules out any other value. Null may stand for some; that is dyn enough."""
    return expected.kind in ("param", "dyn") or given.kind == expected.kind


def _compared(function: Callable[[Any, Any], Any], runs: list[Evaluate], constant: list[bool]) -> Evaluate:
    if not constant[1]:
        return _binary(function, *runs)
    left, right = runs[0], runs[1]([])
    return lambda frame: function(left(frame), right)


def _bounded(function: Callable[[int, int], int], left: Evaluate, right: Evaluate) -> Evaluate:
    """Arithmetic of signed integers."""

    def run(frame: Frame) -> int:
        value = function(left(frame), right(frame))
        if INT_MIN <= value <= INT_MAX:
            return value
        raise EvaluationError("integer overflow")

    return run


def _binary(function: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda frame: function(left(frame), right(frame))


def _applied(overload: Overload, runs: list[Evaluate]) -> tuple[Evaluate, int]:
    function, cost = overload.implementation, overload.cost
    if callable(cost):
        return _charging(overload, runs), 1
    if len(runs) == 1:
        only = runs[0]
        return (lambda frame: function(only(frame))), cost
    if overload.id in _ARITHMETIC:
        return _bounded(_ARITHMETIC[overload.id], *runs), 1
    if len(runs) == 2:
        return _binary(function, *runs), cost
    return (lambda frame: function(*[run(frame) for run in runs])), cost


def _charging(overload: Overload, runs: list[Evaluate]) -> Evaluate:
    def run(frame: Frame) -> Any:
        return _charged(frame, overload, [argument(frame) for argument in runs])

    return run


def _charged(frame: Frame, overload: Overload, values: list[Any]) -> Any:
    """Runs the overload. One unit was charged beforehand: even a call that fails costs that."""
    cost = overload.cost
    late = cost in costs.OF_RESULT
    if callable(cost) and not late:
        frame[0] += cost(*values, None) - 1
    if frame[0] > frame[1]:
        raise BudgetExceededError
    result = overload.implementation(*values)
    if callable(cost) and late:
        frame[0] += cost(*values, result) - 1
        if frame[0] > frame[1]:
            raise BudgetExceededError
    return result


def _dynamic(node: ast.Call, runs: list[Evaluate]) -> Evaluate:
    overloads = node.overloads

    def run(frame: Frame) -> Any:
        values = [argument(frame) for argument in runs]
        for overload in overloads:
            if overload.generic or all(map(_takes, overload.args, values)):
                return _charged(frame, overload, values)
        raise no_such_overload()

    return run


def _takes(expected: types.Type, value: Any) -> bool:
    if expected.kind in ("param", "dyn"):
        return True
    name = type_name(value)
    return name == _RUNTIME_NAMES.get(expected.kind, expected.name) or (expected.kind == "map" and name == "object")
