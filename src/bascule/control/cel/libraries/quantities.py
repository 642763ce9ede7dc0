"""Resource quantities: exact numbers with units."""

from __future__ import annotations

from fractions import Fraction

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import INT_MAX, INT_MIN, Opaque, register
from bascule.vocabulary import quantity

NAME = "kubernetes.Quantity"


class Quantity(Opaque):
    """An amount; how it was written does not count."""

    __slots__ = ("amount",)
    name = NAME

    def __init__(self, amount: Fraction) -> None:
        self.amount = amount

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __hash__(self) -> int:
        return hash(self.amount)


register(Quantity, NAME)


def _parse(text: str) -> Quantity:
    try:
        return Quantity(quantity.parse(text))
    except quantity.QuantityError as error:
        raise EvaluationError(str(error)) from error


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return False
    return True


def _is_integer(value: Quantity) -> bool:
    return value.amount.denominator == 1 and INT_MIN <= value.amount <= INT_MAX


def _as_integer(value: Quantity) -> int:
    if not _is_integer(value):
        raise EvaluationError("cannot convert value to integer")
    return int(value.amount)


def _sign(value: Quantity) -> int:
    return (value.amount > 0) - (value.amount < 0)


def _compare(left: Quantity, right: Quantity) -> int:
    return (left.amount > right.amount) - (left.amount < right.amount)


LIBRARY = Library()
_add = LIBRARY.add
_add("quantity", f"string -> {NAME}", _parse, cost=costs.first_text)
_add("isQuantity", "string -> bool", _is_quantity, cost=costs.first_text)
# Upstream declares this one without a receiver, whatever its documentation shows.
_add("sign", f"{NAME} -> int", _sign)
_add("isInteger", f"{NAME} . -> bool", _is_integer)
_add("asInteger", f"{NAME} . -> int", _as_integer)
_add("asApproximateFloat", f"{NAME} . -> double", lambda value: float(value.amount))
_add("isGreaterThan", f"{NAME} . {NAME} -> bool", lambda a, b: a.amount > b.amount)
_add("isLessThan", f"{NAME} . {NAME} -> bool", lambda a, b: a.amount < b.amount)
_add("compareTo", f"{NAME} . {NAME} -> int", _compare)
_add("add", f"{NAME} . {NAME} -> {NAME}", lambda a, b: Quantity(a.amount + b.amount))
_add("add", f"{NAME} . int -> {NAME}", lambda a, b: Quantity(a.amount + b))
_add("sub", f"{NAME} . {NAME} -> {NAME}", lambda a, b: Quantity(a.amount - b.amount))
_add("sub", f"{NAME} . int -> {NAME}", lambda a, b: Quantity(a.amount - b))
