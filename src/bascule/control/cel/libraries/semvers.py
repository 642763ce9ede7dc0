"""Semantic versions: read, compared by precedence, asked for their numbers."""

from __future__ import annotations

import re

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import Opaque, register

NAME = "kubernetes.Semver"
_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?")
_NUMBER_MAX = 2**63 - 1
_LENGTH_MAX = 4096


class Semver(Opaque):
    __slots__ = ("numbers", "pre")
    name = NAME

    def __init__(self, numbers: tuple[int, int, int], pre: tuple[str, ...]) -> None:
        self.numbers, self.pre = numbers, pre

    def compare(self, other: Semver) -> int:
        """Precedence: a pre-release comes before its release, numbers before words."""
        mine, theirs = self._rank(), other._rank()
        return (mine > theirs) - (mine < theirs)

    def _rank(self) -> tuple[object, ...]:
        parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in self.pre)
        return (self.numbers, not self.pre, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Semver) and self.compare(other) == 0

    def __hash__(self) -> int:
        return hash((self.numbers, self.pre))


register(Semver, NAME)


def _normalized(text: str) -> str:
    parts = text.removeprefix("v").split(".", 2)
    for index, part in enumerate(parts):
        if len(part) > 1:
            part = part.lstrip("0")
            parts[index] = part if part[:1].isdigit() else f"0{part}"
    if len(parts) < 3:
        if set(parts[-1]) & set("+-"):
            raise EvaluationError("short version cannot contain PreRelease/Build meta data")
        parts += ["0"] * (3 - len(parts))
    return ".".join(parts)


def parse(text: str, normalize: bool = False) -> Semver:
    """Raises EvaluationError when it is none."""
    match = _VERSION.fullmatch(_normalized(text) if normalize else text) if len(text) <= _LENGTH_MAX else None
    if match is None:
        raise EvaluationError(f'Invalid semantic version "{text[:100]}"')
    numbers = (int(match[1]), int(match[2]), int(match[3]))
    pre = tuple(match[4].split(".")) if match[4] else ()
    zeros = any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in pre)
    if max(numbers) > _NUMBER_MAX or zeros:
        raise EvaluationError(f'Invalid semantic version "{text[:100]}"')
    return Semver(numbers, pre)


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        parse(text, normalize)
    except EvaluationError:
        return False
    return True


LIBRARY = Library()
_add = LIBRARY.add
_add("semver", f"string -> {NAME}", parse, cost=costs.first_text)
_add("semver", f"string, bool -> {NAME}", parse, cost=costs.first_text)
_add("isSemver", "string -> bool", _is_semver, cost=costs.first_text)
_add("isSemver", "string, bool -> bool", _is_semver, cost=costs.first_text)
_add("isGreaterThan", f"{NAME} . {NAME} -> bool", lambda a, b: a.compare(b) > 0)
_add("isLessThan", f"{NAME} . {NAME} -> bool", lambda a, b: a.compare(b) < 0)
_add("compareTo", f"{NAME} . {NAME} -> int", Semver.compare)
_add("major", f"{NAME} . -> int", lambda value: value.numbers[0])
_add("minor", f"{NAME} . -> int", lambda value: value.numbers[1])
_add("patch", f"{NAME} . -> int", lambda value: value.numbers[2])
