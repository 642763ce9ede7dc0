"""Field selectors: ``metadata.name=a,spec.nodeName!=b``.

Only equality, as upstream; which fields exist is the kind's say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from bascule.vocabulary import errors


class Fielded(Protocol):
    """What has selectable fields."""

    def field(self, name: str) -> str:
        """One of them, empty where absent."""


class Requirement(NamedTuple):
    """``operator`` is ``=`` or ``!=``."""

    field: str
    operator: str
    value: str


class FieldSelector(NamedTuple):
    requirements: tuple[Requirement, ...]

    @property
    def is_costly(self) -> bool:
        """Whether it takes more than a look-up to find a value."""
        return False

    def matches(self, fields: Mapping[str, str]) -> bool:
        """An absent field reads as empty text."""
        return all(
            (fields.get(field, "") == value) == (operator == "=") for field, operator, value in self.requirements
        )

    def value(self, candidate: Fielded, field: str) -> str:
        """What requirements are compared with; others may find it in another way."""
        return candidate.field(field)

    def exact(self, field: str) -> str | None:
        """The value the field must have, where one requirement says so: lets a reader use an index."""
        for requirement in self.requirements:
            if requirement.field == field and requirement.operator == "=":
                return requirement.value
        return None

    @property
    def everything(self) -> bool:
        return not self.requirements

    def text(self) -> str:
        return ",".join(f"{r.field}{r.operator}{_escaped(r.value)}" for r in self.requirements)


EVERYTHING = FieldSelector(())
REQUIREMENTS_MAX = 1000


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _terms(text: str) -> list[str]:
    """Splits at commas that no backslash precedes."""
    terms, current, escaped = [], "", False
    for character in text:
        if escaped:
            current, escaped = current + "\\" + character, False
        elif character == "\\":
            escaped = True
        elif character == ",":
            terms.append(current)
            current = ""
        else:
            current += character
    if escaped:
        raise errors.bad_request("invalid field selector: it ends in a lone backslash")
    return [*terms, current]


def _unescaped(value: str) -> str:
    result, escaped = "", False
    for character in value:
        if escaped:
            if character not in "\\,=":
                raise errors.bad_request(f"invalid field selector: invalid escape sequence: \\{character}")
            result, escaped = result + character, False
        elif character == "\\":
            escaped = True
        elif character == "=":
            raise errors.bad_request("invalid field selector: unescaped character in value: =")
        else:
            result += character
    return result


_OPERATOR = re.compile("!=|==|=")


def parse(text: str) -> FieldSelector:
    """Raises 400 for what is no equality."""
    requirements = []
    for term in _terms(text) if text else ():
        if not term:
            continue
        found = _OPERATOR.search(term)
        if found is None:
            raise errors.bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        operator = "!=" if found[0] == "!=" else "="
        requirements.append(Requirement(term[: found.start()], operator, _unescaped(term[found.end() :])))
    if len(requirements) > REQUIREMENTS_MAX:
        raise errors.bad_request(f"a selector may have at most {REQUIREMENTS_MAX} requirements")
    return FieldSelector(tuple(requirements))
