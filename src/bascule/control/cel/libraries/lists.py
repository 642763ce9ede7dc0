"""Lists as a whole: order, extremes, sums, positions, parts; and lists taken as sets."""

from __future__ import annotations

import functools
from typing import Any

from bascule.control.cel import costs, equality
from bascule.control.cel.data import LISTS
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import BudgetExceededError, EvaluationError
from bascule.control.cel.libraries import standard, times
from bascule.control.cel.values import NONE, Duration, Optional, Uint

_RANGE_MAX = 1_000_000


def _is_sorted(items: Any) -> bool:
    return all(equality.compare(items[i], items[i + 1]) <= 0 for i in range(len(items) - 1))


def _sum(items: Any) -> Any:
    total: Any = None
    for item in items:
        if total is None:
            total = item
        elif type(item) is Duration:
            total = times.duration(total.nanoseconds + item.nanoseconds)
        elif type(item) is Uint:
            total = standard.unsigned(int(total) + int(item))
        else:
            total = total + item if type(item) is float else standard.integer(total + item)
    return total


def _sum_from(zero: Any) -> Any:
    return lambda items: zero if not len(items) else _sum(items)


def _extreme(sign: int, name: str) -> Any:
    def run(items: Any) -> Any:
        if not len(items):
            raise EvaluationError(f"{name} called on empty list")
        return equality.extreme(items, sign)

    return run


def _index_of(items: Any, value: Any) -> int:
    return next((index for index, item in enumerate(items) if equality.equals(item, value)), -1)


def _last_index_of(items: Any, value: Any) -> int:
    return next((index for index in reversed(range(len(items))) if equality.equals(items[index], value)), -1)


def _slice(items: Any, start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return list(items)[start:end]


def _flatten(items: Any, depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    made: list[Any] = []
    for item in items:
        if isinstance(item, LISTS) and depth > 0:
            made.extend(_flatten(item, depth - 1))
        else:
            made.append(item)
    return made


def _distinct(items: Any) -> list[Any]:
    made: list[Any] = []
    for item in items:
        if not equality.contains(made, item):
            made.append(item)
    return made


def _range(count: int) -> list[int]:
    if count > _RANGE_MAX:
        raise BudgetExceededError
    return list(range(count))


def _square(first: Any, *_: Any) -> int:
    return len(first) * len(first) + 1


def _contains_all(items: Any, others: Any) -> bool:
    return all(equality.contains(items, other) for other in others)


LIBRARY = Library()
_add = LIBRARY.add
_ORDERED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
for _kind in _ORDERED:
    _add("isSorted", f"list<{_kind}> . -> bool", _is_sorted, cost=costs.traversal)
    _add("min", f"list<{_kind}> . -> {_kind}", _extreme(-1, "min"), cost=costs.traversal)
    _add("max", f"list<{_kind}> . -> {_kind}", _extreme(1, "max"), cost=costs.traversal)
for _kind, _zero in (("int", 0), ("uint", Uint(0)), ("double", 0.0), ("duration", Duration(0))):
    _add("sum", f"list<{_kind}> . -> {_kind}", _sum_from(_zero), cost=costs.traversal)
_add("indexOf", "list<A> . A -> int", _index_of, cost=costs.traversal)
_add("lastIndexOf", "list<A> . A -> int", _last_index_of, cost=costs.traversal)
_add("slice", "list<A> . int, int -> list<A>", _slice, cost=costs.items)
_add("flatten", "list<list<A>> . -> list<A>", _flatten, cost=costs.traversal)
_add("flatten", "list<dyn> . int -> list<dyn>", _flatten, cost=costs.traversal)
_add("distinct", "list<A> . -> list<A>", _distinct, cost=_square)
_add("reverse", "list<A> . -> list<A>", lambda items: list(items)[::-1], cost=costs.traversal)
for _kind in _ORDERED:
    _add(
        "sort",
        f"list<{_kind}> . -> list<{_kind}>",
        lambda items: sorted(items, key=functools.cmp_to_key(equality.compare)),
        cost=_square,
    )
_add("lists.range", "int -> list<int>", _range, cost=lambda count, _result: max(1, count))
_add("first", "list<A> . -> optional<A>", lambda items: Optional(items[0]) if len(items) else NONE)
_add("last", "list<A> . -> optional<A>", lambda items: Optional(items[len(items) - 1]) if len(items) else NONE)

_add("sets.contains", "list<A>, list<A> -> bool", _contains_all, cost=costs.sets(1))
_add(
    "sets.equivalent",
    "list<A>, list<A> -> bool",
    lambda a, b: _contains_all(a, b) and _contains_all(b, a),
    cost=costs.sets(2),
)
_add(
    "sets.intersects",
    "list<A>, list<A> -> bool",
    lambda a, b: any(equality.contains(b, item) for item in a),
    cost=costs.sets(1),
)
