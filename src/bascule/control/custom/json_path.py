"""The JSONPath of printer columns: kubectl's dialect, without ranges over text.

`.spec.replicas`, `.metadata.labels['a.b/c']`, `.a\\.b`, `.items[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..name`,
`['a','b']`, `[?(@.type=="Ready")].status`. What is missing yields nothing; a text that is no path raises ValueError.
Texts are at most `LENGTH_MAX` long, and looking costs at most `VISITS_MAX` steps for one object.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any

Step = Callable[[list[Any]], list[Any]]
Find = Callable[[Any], list[Any]]

VISITS_MAX = 100_000
LENGTH_MAX = 1000
_NAME = re.compile(r"(?:\\.|[^\\.\[\]{}\s'\"])+")
_INDEX = re.compile(r"-?\d+").fullmatch
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?(?::(-?\d+))?").fullmatch
_OPERATOR = re.compile(r"[!<>=]+").search
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def parse(text: str) -> Find:
    """The path, ready to look: all values it leads to, in order. Raises ValueError."""
    if len(text) > LENGTH_MAX:
        raise ValueError(f"a path of more than {LENGTH_MAX} characters")
    steps = list(_steps(text))

    def find(value: Any) -> list[Any]:
        values = [value]
        for step in steps:
            values = step(values)
            if not values:
                break
            del values[VISITS_MAX:]
        return values

    return find


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        if text.startswith("..", at):
            yield _descendants
            at += 2
            if at < len(text) and text[at] != "[":
                at = yield from _name(text, at)
        elif text[at] == ".":
            at += 1
            if at < len(text) and text[at] not in ".[":
                at = yield from _name(text, at)
        elif text[at] == "[":
            end = _closing(text, at)
            yield _bracket(text[at + 1 : end].strip())
            at = end + 1
        elif at == 0 and text[at] in "@$":
            at += 1
        else:
            raise ValueError(f"unexpected {text[at]!r} at {at} in {text!r}")


def _name(text: str, at: int) -> Generator[Step, None, int]:
    """One name after a dot; returns where it ends."""
    if text[at] == "*":
        yield _wildcard
        return at + 1
    found = _NAME.match(text, at)
    if found is None:
        raise ValueError(f"unexpected {text[at]!r} at {at} in {text!r}")
    yield _field(re.sub(r"\\(.)", r"\1", found.group()))
    return found.end()


def _closing(text: str, start: int) -> int:
    depth, quote, at = 0, "", start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError(f"unterminated array or filter in {text!r}")


def _bracket(inside: str) -> Step:
    if inside == "*":
        return _wildcard
    if inside.startswith("?(") and inside.endswith(")"):
        return _filter(inside[2:-1])
    if _INDEX(inside):
        return _slice(slice(int(inside), int(inside) + 1 or None))
    sliced = _SLICE(inside)
    if sliced:
        first, last, stride = (None if part is None else int(part) for part in sliced.groups())
        if stride is not None and stride <= 0:
            raise ValueError("step must be > 0")
        return _slice(slice(first, last, stride))
    parts = [part.strip() for part in re.findall(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[^,]+", inside)]
    parts = [part for part in parts if part]
    if not parts:
        raise ValueError(f"invalid array index {inside!r}")
    branches = [_slice(slice(int(part), int(part) + 1 or None)) if _INDEX(part) else _quoted(part) for part in parts]
    return branches[0] if len(branches) == 1 else _union(branches)


def _quoted(part: str) -> Step:
    if len(part) < 2 or part[0] not in "'\"" or part[-1] != part[0]:
        raise ValueError(f"invalid array index {part!r}")
    return _field(re.sub(r"\\(.)", r"\1", part[1:-1]))


def _field(name: str) -> Step:
    return lambda values: [value[name] for value in values if value.__class__ is dict and name in value]


def _slice(part: slice) -> Step:
    return lambda values: [item for value in values if value.__class__ is list for item in value[part]]


def _union(branches: list[Step]) -> Step:
    return lambda values: [found for branch in branches for found in branch(values)]


def _wildcard(values: list[Any]) -> list[Any]:
    return [member for value in values for member in _children(value)]


def _children(value: Any) -> list[Any]:
    if value.__class__ is dict:
        return list(value.values())
    return value if value.__class__ is list else []


def _descendants(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    waiting = list(reversed(values))
    while waiting and len(found) < VISITS_MAX:
        value = waiting.pop()
        found.append(value)
        waiting += reversed(_children(value))
    return found


def _filter(text: str) -> Step:
    """Items of lists for which a comparison holds, or for which a path leads anywhere."""
    found = _OPERATOR(text)
    if found is None:
        exists = parse(text.strip())
        return lambda values: [item for value in values for item in _listed(value) if exists(item)]
    compare = _OPERATORS.get(found.group())
    if compare is None:
        raise ValueError(f"unrecognized filter operator {found.group()!r}")
    left, right = _operand(text[: found.start()].strip()), _operand(text[found.end() :].strip())

    def holds(item: Any) -> bool:
        lefts, rights = left(item), right(item)
        if not lefts or not rights:
            return False
        try:
            return compare(lefts[0], rights[0])
        except TypeError:
            return False

    return lambda values: [item for value in values for item in _listed(value) if holds(item)]


def _listed(value: Any) -> list[Any]:
    return value if value.__class__ is list else []


def _operand(text: str) -> Find:
    if not text:
        raise ValueError("a filter compares two values")
    if text[0] in "@.":
        return parse(text)
    constant: Any
    if text in ("true", "false"):
        constant = text == "true"
    elif text[0] in "'\"" and text[-1] == text[0] and len(text) > 1:
        constant = re.sub(r"\\(.)", r"\1", text[1:-1])
    else:
        constant = float(text) if not _INDEX(text) else int(text)
    return lambda item: [constant]
