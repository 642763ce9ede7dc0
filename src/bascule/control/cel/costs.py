"""What calls cost while they run, in upstream's units: walking over text is a tenth of a unit per character.

Where upstream charges next to nothing for work that grows with its arguments (concatenating lists, comparing large
objects), we charge for the work too, at a rate that no ordinary expression notices: a budget that does not bound time
is none.
"""

from __future__ import annotations

import math
from typing import Any

from bascule.control.cel.data import LISTS, MAPS, unwrapped
from bascule.control.cel.errors import BudgetExceededError
from bascule.control.cel.values import Opaque, size

TRAVERSAL, REGEX = 0.1, 0.25
TEXT_LENGTH_MAX = 16 * 1024 * 1024
"""No text may grow beyond this, whatever it costs: several times the largest request."""
_COPIED_PER_UNIT = 16
_STEPS_PER_UNIT = 500
_ORDINARY_NODES = 64
_ORDINARY_LENGTH = 1000


CONTAINERS = LISTS + MAPS


def text(length: int, factor: float = TRAVERSAL) -> int:
    return math.ceil(length * factor)


def first_text(first: Any, *_: Any) -> int:
    """One walk over the first argument."""
    return text(size(first))


def first_text_twice(first: Any, *_: Any) -> int:
    """A walk over the first argument, and as much for what is made of it."""
    return text(size(first), 2 * TRAVERSAL)


def result_text_twice(*values: Any) -> int:
    return text(size(values[-1]), 2 * TRAVERSAL)


def replaced(first: Any, *values: Any) -> int:
    """The text is walked over twice, and so is what it grew by when that is much."""
    return text(size(first), 2 * TRAVERSAL) + text(max(0, len(values[-1]) - 2 * len(first) - _ORDINARY_LENGTH))


def formatted(first: Any, *values: Any) -> int:
    """The format is walked over, and so is what comes out when it is long."""
    return text(size(first)) + text(max(0, len(values[-1]) - _ORDINARY_LENGTH))


def both_texts(first: Any, second: Any, _result: Any) -> int:
    return text(size(first) + size(second))


def equality(first: Any, second: Any, _result: Any) -> int:
    """The shorter one is walked over; other things than text, bytes and containers count 1."""
    if isinstance(first, Opaque):
        return 1
    length = size(first)
    other = size(second)
    inside = _inside(first) if length == other and isinstance(first, CONTAINERS) else 0
    return text(min(length, other)) + inside


def _inside(value: Any) -> int:
    """What walking over all of a large value costs beyond its length; nothing for ordinary ones."""
    count, stack = 0, [value]
    while stack:
        current = unwrapped(stack.pop())
        if type(current) is dict:
            stack.extend(current.values())
        elif type(current) is list:
            stack.extend(current)
        count += 1
    return max(0, count - _ORDINARY_NODES)


def matching(first: Any, pattern: Any, *_: Any) -> int:
    """RE2's bound: text times pattern."""
    return text(1 + size(first)) * text(size(pattern), REGEX)


def pattern_work(length: int, instructions: int) -> int:
    """What RE2 does at worst: each instruction of the program for each character, after compiling a long one."""
    return length * instructions // _STEPS_PER_UNIT + (instructions if instructions > _ORDINARY_LENGTH else 0)


def containing(first: Any, second: Any, _result: Any) -> int:
    return text(size(first)) * text(size(second))


def membership(value: Any, container: Any, _result: Any) -> int:
    inside = _inside(value) if isinstance(value, CONTAINERS) else 0
    return size(container) * (1 + inside)


def items(first: Any, *_: Any) -> int:
    """As many as the first one has."""
    return size(first)


def concatenation(_first: Any, _second: Any, result: Any) -> int:
    return 1 + len(result) // _COPIED_PER_UNIT


def traversal(first: Any, *_: Any) -> int:
    """A walk over everything within."""
    if type(first) is str:
        return int((len(first) if first.isascii() else len(first.encode(errors="replace"))) * TRAVERSAL)
    if type(first) is bytes:
        return int(len(first) * TRAVERSAL)
    if isinstance(first, LISTS):
        # Upstream rounds short texts down to nothing; looking at an item costs something here.
        return sum(traversal(item) or 1 for item in first)
    if isinstance(first, MAPS):
        get = first.get if hasattr(first, "get") else first.__getitem__
        return sum(traversal(key) + traversal(get(key)) for key in first)
    return 1


def sets(factor: int) -> Any:
    """Each of the one list with each of the other."""
    return lambda first, second, _result: size(first) * size(second) * factor + 1


def bounded(length: int) -> None:
    """Refuses to make a text of that length."""
    if length > TEXT_LENGTH_MAX:
        raise BudgetExceededError


OF_RESULT = frozenset({concatenation, result_text_twice, formatted, replaced})
"""Prices known only when the call is done; others are charged before it begins."""
