"""Constants: their types, and what can be told of them before anything runs.

Durations, timestamps and patterns that are written out are tried at once, so that a typo is an error of compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bascule.control.cel import ast, types
from bascule.control.cel.errors import EvaluationError, Issue
from bascule.control.cel.libraries import patterns, times
from bascule.control.cel.values import Uint

_TYPES: dict[type, types.Type] = {
    bool: types.BOOL,
    int: types.INT,
    Uint: types.UINT,
    float: types.DOUBLE,
    str: types.STRING,
    bytes: types.BYTES,
    type(None): types.NULL,
}
_TRIED: dict[str, Callable[[str], object]] = {
    "duration": times.parse_duration,
    "timestamp": times.parse_timestamp,
    "matches": patterns.compile,
}


def type_of(value: Any) -> types.Type:
    return _TYPES[type(value)]


def problems(tree: ast.Node) -> Iterator[Issue]:
    """Constants that their function cannot take."""
    stack = [tree]
    while stack:
        node = stack.pop()
        stack.extend(ast.children(node))
        if not isinstance(node, ast.Call) or node.function not in _TRIED:
            continue
        # A pattern is the last argument, with a receiver or without; the others have but one.
        arg = node.args[-1] if node.args else None
        if isinstance(arg, ast.Literal) and type(arg.value) is str:
            try:
                _TRIED[node.function](arg.value)
            except EvaluationError:
                yield Issue(arg.position, f"invalid {node.function} argument")
