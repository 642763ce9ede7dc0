"""The language's own functions: operators, sizes, membership, types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bascule.control.cel import costs, equality, selection
from bascule.control.cel.data import ListView
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError, no_such_overload
from bascule.control.cel.values import INT_MAX, INT_MIN, UINT_MAX, TypeValue, Uint, type_name

_ABSENT = object()


def integer(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def unsigned(value: int) -> Uint:
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")


def _quotient(left: int, right: int) -> int:
    """Towards zero."""
    if right == 0:
        raise EvaluationError("division by zero")
    found = abs(left) // abs(right)
    return found if (left < 0) == (right < 0) else -found


def _remainder(left: int, right: int) -> int:
    """With the sign of the dividend."""
    if right == 0:
        raise EvaluationError("modulus by zero")
    if left == INT_MIN and right == -1:
        raise EvaluationError("integer overflow")
    found = abs(left) % abs(right)
    return -found if left < 0 else found


def _double_quotient(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _double_product(left: float, right: float) -> float:
    return left * right


def _joined(left: str, right: str) -> str:
    costs.bounded(len(left) + len(right))
    return left + right


def _joined_bytes(left: bytes, right: bytes) -> bytes:
    costs.bounded(len(left) + len(right))
    return left + right


def _concatenated(left: Any, right: Any) -> Any:
    if type(left) is ListView:
        return left.added(right)
    return [*left, *right]


def _in_list(value: Any, items: Any) -> bool:
    return equality.contains(items, value)


def _in_map(key: Any, mapping: Any) -> bool:
    return equality.lookup(mapping, key, _ABSENT) is not _ABSENT


def _order(test: Callable[[int], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if left != left or right != right:
            return False
        return test(equality.compare(left, right))

    return run


def _inserted(mapping: dict[Any, Any], *added: Any) -> dict[Any, Any]:
    made = dict(mapping)
    pairs = added[0].items() if len(added) == 1 else [added]
    for key, value in pairs:
        selection.insert(made, key, value)
    return made


def _never(*_: Any) -> Any:
    """Stands for what the evaluator does itself."""
    raise no_such_overload()


LIBRARY = Library()
_add = LIBRARY.add

_add("_+_", "int, int -> int", lambda a, b: integer(a + b), id="add_int64")
_add("_+_", "uint, uint -> uint", lambda a, b: unsigned(int(a) + int(b)), id="add_uint64")
_add("_+_", "double, double -> double", lambda a, b: a + b, id="add_double")
_add("_+_", "string, string -> string", _joined, id="add_string", cost=costs.both_texts)
_add("_+_", "bytes, bytes -> bytes", _joined_bytes, id="add_bytes", cost=costs.both_texts)
_add("_+_", "list<A>, list<A> -> list<A>", _concatenated, id="add_list", cost=costs.concatenation)
_add("_-_", "int, int -> int", lambda a, b: integer(a - b), id="subtract_int64")
_add("_-_", "uint, uint -> uint", lambda a, b: unsigned(int(a) - int(b)))
_add("_-_", "double, double -> double", lambda a, b: a - b)
_add("_*_", "int, int -> int", lambda a, b: integer(a * b), id="multiply_int64")
_add("_*_", "uint, uint -> uint", lambda a, b: unsigned(int(a) * int(b)))
_add("_*_", "double, double -> double", _double_product)
_add("_/_", "int, int -> int", lambda a, b: integer(_quotient(a, b)))
_add("_/_", "uint, uint -> uint", lambda a, b: unsigned(_quotient(a, b)))
_add("_/_", "double, double -> double", _double_quotient)
_add("_%_", "int, int -> int", _remainder)
_add("_%_", "uint, uint -> uint", lambda a, b: unsigned(_remainder(int(a), int(b))))
_add("-_", "int -> int", lambda a: integer(-a))
_add("-_", "double -> double", lambda a: -a)
_add("!_", "bool -> bool", lambda a: not a)

_add("_==_", "A, A -> bool", equality.equals, id="equals", cost=costs.equality, generic=True)
_add("_!=_", "A, A -> bool", lambda a, b: not equality.equals(a, b), id="not_equals", cost=costs.equality, generic=True)
_ORDERS: dict[str, Callable[[int], bool]] = {
    "_<_": lambda sign: sign < 0,
    "_<=_": lambda sign: sign <= 0,
    "_>_": lambda sign: sign > 0,
    "_>=_": lambda sign: sign >= 0,
}
for _name, _test in _ORDERS.items():
    for _kind in ("bool", "int", "uint", "double", "timestamp", "duration"):
        _add(_name, f"{_kind}, {_kind} -> bool", _order(_test))
    for _kind in ("string", "bytes"):
        _add(_name, f"{_kind}, {_kind} -> bool", _order(_test), id=f"order_{_kind}", cost=costs.equality)
    for _kind, _other in (
        ("int", "uint"),
        ("int", "double"),
        ("uint", "int"),
        ("uint", "double"),
        ("double", "int"),
        ("double", "uint"),
    ):
        _add(_name, f"{_kind}, {_other} -> bool", _order(_test))

_add("_&&_", "bool, bool -> bool", _never, id="logical_and")
_add("_||_", "bool, bool -> bool", _never, id="logical_or")
_add("_?_:_", "bool, A, A -> A", _never, id="conditional")
_add("@not_strictly_false", "bool -> bool", _never)
_add("_[_]", "list<A>, int -> A", _never, id="index_list")
_add("_[_]", "map<A, B>, A -> B", _never, id="index_map")
_add("_[_]", "optional<list<A>>, int -> optional<A>", _never, id="optional_list_index_int")
_add("_[_]", "optional<map<A, B>>, A -> optional<B>", _never, id="optional_map_index_value")
_add("cel.@mapInsert", "map<A, B>, A, B -> map<A, B>", _inserted)
_add("cel.@mapInsert", "map<A, B>, map<A, B> -> map<A, B>", _inserted)
_add("@in", "A, list<A> -> bool", _in_list, id="in_list", cost=costs.membership)
_add("@in", "A, map<A, B> -> bool", _in_map, id="in_map")

for _kind in ("string", "bytes", "list<A>", "map<A, B>"):
    _add("size", f"{_kind} -> int", len)
    _add("size", f"{_kind} . -> int", len)
_add("type", "A -> type<A>", lambda value: TypeValue(type_name(value)), generic=True)
_add("dyn", "A -> dyn", lambda value: value, generic=True)
