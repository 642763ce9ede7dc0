"""Named formats of text (``format.dns1123Label()``): what is wrong with a text, if anything."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from bascule.control.cel import costs
from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.libraries import times, urls
from bascule.control.cel.values import NONE, Opaque, Optional, register
from bascule.vocabulary import names

NAME = "kubernetes.NamedFormat"
REGEX_SIZE_MAX = 128
"""What the estimate takes for the pattern behind any format, as upstream's does."""
_UUID = re.compile(r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")

Problems = Callable[[str], list[str]]


class Format(Opaque):
    """A named check. ``regex_size`` is what its pattern counts as, for costs."""

    __slots__ = ("label", "problems", "regex_size")
    name = NAME

    def __init__(self, label: str, problems: Problems, regex_size: int) -> None:
        self.label, self.problems, self.regex_size = label, problems, regex_size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and self.label == other.label

    def __hash__(self) -> int:
        return hash(self.label)


register(Format, NAME)


def _prefix(check: Problems) -> Problems:
    """A name to be completed may end in a dash."""
    return lambda text: check(text[:-1] + "a" if text.endswith("-") and len(text) > 1 else text)


def _uri(text: str) -> list[str]:
    try:
        urls.parse(text)
    except EvaluationError as error:
        return [str(error).removeprefix("URL parse error during conversion from string: ")]
    return []


def _uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ["invalid base64"]
    return []


def _reads(parse: Callable[[str], object], message: str) -> Problems:
    def problems(text: str) -> list[str]:
        try:
            parse(text)
        except EvaluationError:
            return [message]
        return []

    return problems


FORMATS = {
    "dns1123Label": Format("DNS1123Label", names.is_dns1123_label, 30),
    "dns1123Subdomain": Format("DNS1123Subdomain", names.is_dns1123_subdomain, 60),
    "dns1035Label": Format("DNS1035Label", names.is_dns1035_label, 30),
    "qualifiedName": Format("QualifiedName", names.is_qualified_name, 60),
    "dns1123LabelPrefix": Format("DNS1123LabelPrefix", _prefix(names.is_dns1123_label), 30),
    "dns1123SubdomainPrefix": Format("DNS1123SubdomainPrefix", _prefix(names.is_dns1123_subdomain), 60),
    "dns1035LabelPrefix": Format("DNS1035LabelPrefix", _prefix(names.is_dns1035_label), 30),
    "labelValue": Format("LabelValue", names.label_value_problems, 40),
    "uri": Format("URI", _uri, 1700),
    "uuid": Format("uuid", _uuid, 80),
    "byte": Format("byte", _byte, 90),
    "date": Format("date", _reads(times.parse_date, "invalid date"), 130),
    "datetime": Format("datetime", _reads(times.parse_timestamp, "invalid datetime"), 130),
}


def _named(name: str) -> Optional:
    found = FORMATS.get(name)
    return Optional(found) if found is not None else NONE


def _validate(given: Format, text: str) -> Optional:
    problems = given.problems(text)
    return Optional(problems) if problems else NONE


def _validation_cost(given: Format, text: str, _result: object) -> int:
    return costs.text(1 + len(text)) * costs.text(given.regex_size, costs.REGEX)


def _constant(value: Format) -> Callable[[], Format]:
    return lambda: value


LIBRARY = Library()
LIBRARY.add("format.named", f"string -> optional<{NAME}>", _named)
LIBRARY.add("validate", f"{NAME} . string -> optional<list<string>>", _validate, cost=_validation_cost)
for _name, _format in FORMATS.items():
    LIBRARY.add(f"format.{_name}", f"-> {NAME}", _constant(_format))
