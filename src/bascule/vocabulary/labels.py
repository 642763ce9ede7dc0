"""Label selectors, in both forms: the query text (``app in (a,b),!legacy``) and the ``LabelSelector`` object.

A selector is a conjunction of requirements. As upstream: ``!=`` and ``notin`` hold for objects that lack the label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bascule.vocabulary import errors, names

REQUIREMENTS_MAX = 1000


class Requirement(NamedTuple):
    """``operator`` is one of in, notin, exists, absent, gt, lt; ``=`` and ``!=`` are in and notin of one value."""

    key: str
    operator: str
    values: frozenset[str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        return _compares(value, self.operator, next(iter(self.values), ""))

    def text(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "absent":
                return f"!{self.key}"
            case "gt":
                return f"{self.key}>{values}"
            case "lt":
                return f"{self.key}<{values}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == 'in' else '!='}{values}"
        return f"{self.key} {self.operator} ({values})"


def _integer(text: str) -> int | None:
    """A 64-bit decimal number, stricter than ``int``, which takes underscores and other alphabets' digits."""
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -(2**63) <= number < 2**63 else None


def _compares(value: str | None, operator: str, bound: str) -> bool:
    left, right = _integer(value or ""), _integer(bound)
    if left is None or right is None:
        return False
    return left > right if operator == "gt" else left < right


def _ordered(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """One order for equal sets of requirements. Sets of values compare as subsets, so they are sorted first."""
    return tuple(sorted(requirements, key=lambda r: (r.key, r.operator, sorted(r.values))))


class Selector(NamedTuple):
    """Matches when every requirement does; ``nothing`` matches no object at all."""

    requirements: tuple[Requirement, ...]
    nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    @property
    def everything(self) -> bool:
        return not self.requirements and not self.nothing

    def text(self) -> str:
        """The query form, which parses back to an equal selector; one that matches nothing has none (ValueError)."""
        if self.nothing:
            raise ValueError("a selector that matches nothing has no query form")
        return ",".join(requirement.text() for requirement in self.requirements)


EVERYTHING = Selector(())
NOTHING = Selector((), nothing=True)

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NO_BEGINNING = frozenset(",()<>") | {"=", "==", "!="}
_TOKEN = re.compile(r"\s*(==|!=|[=,()!<>]|[^\s=,()!<>]+)")


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise errors.bad_request(f"unable to parse requirement: unexpected text at {position} in {text[:80]!r}")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.position += 1
        return token

    def fail(self, expected: str) -> errors.StatusError:
        found = self.tokens[self.position - 1] if 0 < self.position <= len(self.tokens) else ""
        comma = "" if expected == "'('" else ","  # As upstream words it.
        return errors.bad_request(f"unable to parse requirement: found '{found}'{comma} expected: {expected}")

    def requirements(self) -> list[Requirement]:
        result: list[Requirement] = []
        while self.position < len(self.tokens):
            if self.peek() in _NO_BEGINNING:
                expected = "identifier after ','" if result else "!, identifier, or 'end of string'"
                raise errors.bad_request(f"found '{self.peek()}', expected: {expected}")
            result.append(self.requirement())
            if len(result) > REQUIREMENTS_MAX:
                raise errors.bad_request(f"a selector may have at most {REQUIREMENTS_MAX} requirements")
            if self.position >= len(self.tokens):
                break
            if self.take() != ",":
                found = self.tokens[self.position - 1]
                raise errors.bad_request(f"found '{found}', expected: ',' or 'end of string'")
            if self.position >= len(self.tokens):
                raise errors.bad_request("found '', expected: identifier after ','")
        return result

    def key(self) -> str:
        key = self.take()
        if not key or key in "=,()!<>":
            raise self.fail("identifier")
        problems = names.label_key_problems(key)
        if problems:
            raise errors.bad_request(
                f'unable to parse requirement: <nil>: Invalid value: "{key}": {"; ".join(problems)}'
            )
        return key

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.key(), "absent", frozenset())
        key = self.key()
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, "exists", frozenset())
        self.take()
        if operator in ("=", "=="):
            return Requirement(key, "in", _checked(key, frozenset((self.value(),))))
        if operator == "!=":
            return Requirement(key, "notin", _checked(key, frozenset((self.value(),))))
        if operator in ("in", "notin"):
            return Requirement(key, operator, _checked(key, self.value_set()))
        if operator in (">", "<"):
            bound = self.value()
            if _integer(bound) is None:
                raise errors.bad_request(
                    f'unable to parse requirement: values[0]: Invalid value: "{bound}": '
                    "for 'Gt', 'Lt' operators, the value must be an integer"
                )
            return Requirement(key, "gt" if operator == ">" else "lt", _checked(key, frozenset((bound,))))
        raise self.fail("in, notin, =, ==, !=, gt, lt")

    def value(self) -> str:
        if self.peek() in ("", ",", ")"):
            return ""
        return self.take()

    def value_set(self) -> frozenset[str]:
        if self.take() != "(":
            raise self.fail("'('")
        values: set[str] = set()
        while True:
            values.add(self.value())
            token = self.take()
            if token == ")":
                return frozenset(values)
            if token != ",":
                raise self.fail("',' or ')'")


def _checked(key: str, values: frozenset[str]) -> frozenset[str]:
    for index, value in enumerate(sorted(values)):
        problems = names.label_value_problems(value)
        if problems:
            raise errors.bad_request(
                f'unable to parse requirement: values[{index}][{key}]: Invalid value: "{value}": {"; ".join(problems)}'
            )
    return values


def parse(text: str) -> Selector:
    """A selector from query text; empty selects everything. Raises 400 with the place that does not parse."""
    if not text or not text.strip():
        return EVERYTHING
    return Selector(_ordered(_Parser(text).requirements()))


_OBJECT_OPERATORS = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "absent",
    "Gt": "gt",
    "Lt": "lt",
}


def from_requirements(expressions: list[dict[str, Any]]) -> tuple[Requirement, ...]:
    """Requirements from ``matchExpressions`` (a node selector's too). Raises 400 for an unknown operator."""
    result = []
    for expression in expressions:
        operator = _OBJECT_OPERATORS.get(expression.get("operator") or "")
        if operator is None:
            raise errors.bad_request(f"{expression.get('operator')!r} is not a valid label selector operator")
        result.append(Requirement(expression.get("key") or "", operator, frozenset(expression.get("values") or ())))
    return tuple(result)


def from_label_selector(selector: dict[str, Any] | None) -> Selector:
    """From a ``LabelSelector``: None selects nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    exact = tuple(
        Requirement(key, "in", frozenset((value,))) for key, value in (selector.get("matchLabels") or {}).items()
    )
    return Selector(_ordered(exact + from_requirements(selector.get("matchExpressions") or [])))


def from_map(labels: Mapping[str, str] | None) -> Selector:
    """From a plain map (a Service's selector): None or empty selects nothing."""
    if not labels:
        return NOTHING
    return Selector(tuple(Requirement(key, "in", frozenset((value,))) for key, value in sorted(labels.items())))
