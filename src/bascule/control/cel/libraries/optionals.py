"""Optional values: made, asked, and taken apart. What looks at an alternative only when needed is the evaluator's."""

from __future__ import annotations

from typing import Any

from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError, no_such_overload
from bascule.control.cel.values import NONE, Duration, Optional


def _non_zero(value: Any) -> Optional:
    empty = value is None or value is False or (isinstance(value, Duration) and not value.nanoseconds)
    if not empty and isinstance(value, (int, float)):
        empty = value == 0
    if not empty and hasattr(value, "__len__"):
        empty = len(value) == 0
    return NONE if empty else Optional(value)


def _value(value: Optional) -> Any:
    if not value.present:
        raise EvaluationError("optional.none() dereference")
    return value.value


def _never(*_: Any) -> Any:
    raise no_such_overload()


LIBRARY = Library()
_add = LIBRARY.add
_add("optional.of", "A -> optional<A>", Optional)
_add("optional.ofNonZeroValue", "A -> optional<A>", _non_zero)
_add("optional.none", "-> optional<A>", lambda: NONE)
_add("hasValue", "optional<A> . -> bool", lambda value: value.present)
_add("value", "optional<A> . -> A", _value)
_add("or", "optional<A> . optional<A> -> optional<A>", _never)
_add("orValue", "optional<A> . A -> A", _never)
_add("optional.unwrap", "list<optional<A>> -> list<A>", lambda items: [item.value for item in items if item.present])
_add("unwrapOpt", "list<optional<A>> . -> list<A>", lambda items: [item.value for item in items if item.present])
