"""The `format` of strings in schemas: which are known, and which texts have them.

Go's parsers decide upstream, so these follow them: their patterns, and their sloppiness. A format that is not here is
no constraint.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import urllib.parse
from collections.abc import Callable

from bascule.control.custom import patterns
from bascule.vocabulary import names, quantity, timestamps

Fits = Callable[[str], bool]

# Compiled when first asked for: it takes 20 MB.
_HOSTNAME = (
    r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)"
    r"|([a-zA-Z0-9\p{S}\p{L}](([-a-zA-Z0-9\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}"
    r"([a-zA-Z0-9\p{S}\p{L}])(-?[a-zA-Z0-9\p{S}\p{L}]){1,62})$"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?").fullmatch
_GO_DURATION = re.compile(r"[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)").fullmatch
_DURATION = re.compile(r"\s*(?:\d+\s*[A-Za-zµ]+\s*)+").fullmatch
_DURATION_UNITS = re.compile(r"\d+\s*([A-Za-zµ]+)").findall
_UNITS = ("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk")
_UNIT_STEMS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_HEX = "[0-9a-fA-F]"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_ATOMS = re.compile(rf"{_ATOM}(\.{_ATOM})*").fullmatch
_QUOTED = re.compile(r'"([^"\\]|\\.)*"').fullmatch
_LITERAL = re.compile(r"\[[^\[\]\\\s]+\]").fullmatch
_RGB = re.compile(r"rgb\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)").fullmatch
_CREDIT_CARD = re.compile(
    r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})"
).fullmatch
_MAC = re.compile(
    rf"{_HEX}{{2}}([:-]){_HEX}{{2}}(\1{_HEX}{{2}}){{4}}(\1{_HEX}{{2}}){{0,2}}|({_HEX}{{4}}\.){{2,3}}{_HEX}{{4}}"
)


def _expression(pattern: str) -> Fits:
    compiled = re.compile(pattern).fullmatch
    return lambda text: compiled(text) is not None


def _is_named(text: str) -> bool:
    return len(text.encode()) <= 255 and patterns.matcher(_HOSTNAME)(text)


def _hostname(text: str) -> bool:
    return _is_named(text) and all(len(part.encode()) <= 63 for part in text.split("."))


def _uri(text: str) -> bool:
    """An absolute URI or an absolute path."""
    if any(c <= " " or c == "\x7f" for c in text):
        return False
    try:
        parts = urllib.parse.urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return text.startswith("/") or bool(parts.scheme)


def _email(text: str) -> bool:
    """An address by itself, or after a name and in angle brackets."""
    if text.endswith(">") and "<" in text:
        text = text[text.rindex("<") + 1 : -1]
    local, at, domain = text.strip().rpartition("@")
    plain = _ATOMS(local) if local[:1] != '"' else _QUOTED(local)
    return bool(at) and plain is not None and (_ATOMS(domain) is not None or _LITERAL(domain) is not None)


def _address(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]) -> Fits:
    def fits(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return "%" not in text

    return fits


def _cidr(text: str) -> bool:
    if not re.fullmatch(r"[0-9a-fA-F:.]+/\d{1,3}", text):
        return False
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _mac(text: str) -> bool:
    return _MAC.fullmatch(text) is not None


def _date(text: str) -> bool:
    return _DATE(text) is not None and _is_moment(f"{text}T00:00:00Z")


def _date_time(text: str) -> bool:
    if _DATE_TIME(text) is None:
        return False
    return _is_moment(re.sub(r"([+-]\d\d):?(\d\d)$", r"\1:\2", text[:10] + "T" + text[11:]))


def _is_moment(text: str) -> bool:
    try:
        timestamps.parse(text if re.search(r"([Zz]|[+-]\d\d:\d\d)$", text) else text + "Z")
    except ValueError:
        return False
    return True


def _duration(text: str) -> bool:
    if _GO_DURATION(text):
        return True
    if len(text) > 256 or not _DURATION(text):
        return False
    return any(unit.lower() in _UNITS or unit.lower().startswith(_UNIT_STEMS) for unit in _DURATION_UNITS(text))


def _byte(text: str) -> bool:
    if not text:
        return False
    try:
        return base64.b64encode(binascii.a2b_base64(text, strict_mode=True)).decode() == text
    except ValueError:
        return False


def _quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return False
    return True


def _isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"\d{9}[\dX]", digits):
        return False
    return sum((i + 1) * (10 if digit == "X" else int(digit)) for i, digit in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"\d{13}", digits):
        return False
    return sum((3 if i % 2 else 1) * int(digit) for i, digit in enumerate(digits)) % 10 == 0


def _credit_card(text: str) -> bool:
    digits = re.sub(r"\D+", "", text)
    if not _CREDIT_CARD(digits):
        return False
    doubled = [int(d) * 2 if i % 2 else int(d) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _rgb(text: str) -> bool:
    found = _RGB(text)
    return found is not None and all(len(part) < 4 and int(part) <= 255 for part in found.groups())


_X4 = f"{_HEX}{{4}}"
KNOWN: dict[str, Fits] = {
    "bsonobjectid": _expression(f"{_HEX}{{24}}"),
    "uri": _uri,
    "email": _email,
    "hostname": _hostname,
    "ipv4": _address(ipaddress.IPv4Address),
    "ipv6": _address(ipaddress.IPv6Address),
    "cidr": _cidr,
    "mac": _mac,
    "uuid": _expression(f"{_HEX}{{8}}-?{_X4}-?{_X4}-?{_X4}-?{_HEX}{{12}}"),
    "uuid3": _expression(f"{_HEX}{{8}}-?{_X4}-?3{_HEX}{{3}}-?{_X4}-?{_HEX}{{12}}"),
    "uuid4": _expression(f"{_HEX}{{8}}-?{_X4}-?4{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"),
    "uuid5": _expression(f"{_HEX}{{8}}-?{_X4}-?5{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "ssn": _expression(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _expression(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
    "rgbcolor": _rgb,
    "byte": _byte,
    "password": lambda text: True,
    "date": _date,
    "duration": _duration,
    "datetime": _date_time,
    "quantity": _quantity,
    "k8sshortname": lambda text: not names.is_dns1123_label(text),
    "k8slongname": lambda text: not names.is_dns1123_subdomain(text),
}


def known(schema_type: str, format_name: str) -> str:
    """The format if values of this type are checked for it, else nothing."""
    if schema_type in ("", "string"):
        return format_name if format_name.replace("-", "") in KNOWN else ""
    if schema_type == "integer":
        return format_name if format_name in ("int32", "int64") else ""
    return format_name if schema_type == "number" and format_name in ("float", "double") else ""


def of_text(format_name: str) -> Fits | None:
    """The check of a string's format; None for formats of numbers and unknown ones."""
    return KNOWN.get(format_name.replace("-", ""))
