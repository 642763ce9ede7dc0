"""Resource quantities: ``100m``, ``1.5``, ``2Gi``, ``3e6``. Exact arithmetic, upstream's canonical text.

Fractions below a nano are rounded up, as upstream does; the canonical form keeps the family of suffixes
(decimal, binary, exponent) of the text it came from.
"""

from __future__ import annotations

import functools
import math
import re
from fractions import Fraction

_SYNTAX = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_BY_POWER = {power: text for text, power in _DECIMAL.items()}
_NANO = 10**9
_EXPONENT_MAX = 40
_TEXT_LENGTH_MAX = 64
_BINARY_MAX = Fraction(2**63 - 1)
"""Quantities with a binary suffix end here, as upstream's do (``9Ei`` is one byte less than 8Ei)."""

_FORM = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)[eEinumkKMGTP]++[-+]?[0-9]*+")
"""Takes time in proportion to the text, which may be megabytes long: nothing that was matched is given back."""
PATTERN = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


class QuantityError(ValueError):
    """The text is not a quantity."""

    def __init__(self, text: str = "") -> None:
        super().__init__(problem(text))


def problem(text: str) -> str:
    """What is said of a text that is no quantity: its suffix is none, or it has another form altogether."""
    if _FORM.fullmatch(text):
        return "unable to parse quantity's suffix"
    return f"quantities must match the regular expression '{PATTERN}'"


def _up(value: Fraction) -> int:
    """Away from zero, as upstream rounds: who asks for a little gets a little, and owes no less than it."""
    return math.floor(value) if value < 0 else math.ceil(value)


@functools.lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[Fraction, str]:
    """The value and its suffix. Raises QuantityError."""
    match = _SYNTAX.fullmatch(text) if len(text) <= _TEXT_LENGTH_MAX else None
    if match is None or not (match[2] or match[3]):
        raise QuantityError(text)
    sign, whole, decimals, unit = match[1], match[2] or "0", match[3] or "", match[4] or ""
    value = Fraction(int(whole + decimals), 10 ** len(decimals))
    if unit in _BINARY:
        value = min(value * 1024 ** _BINARY[unit], _BINARY_MAX)
    elif unit in _DECIMAL:
        value *= Fraction(10) ** _DECIMAL[unit]
    else:
        exponent = int(unit[1:])
        if abs(exponent) > _EXPONENT_MAX:
            raise QuantityError
        value *= Fraction(10) ** exponent
    value = Fraction(_up(value * _NANO), _NANO)
    return (-value if sign == "-" else value), unit


def _split(text: str) -> tuple[Fraction, str]:
    """The same for what JSON may carry in a quantity's place: text or a number."""
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise QuantityError
    return _parts(str(text))


def parse(text: str) -> Fraction:
    """The exact value, e.g. bytes or cores. Numbers (as JSON may carry) are taken too. Raises QuantityError."""
    return _split(text)[0]


def to_milli(text: str) -> int:
    """Thousandths, rounded up: ``0.1`` is 100."""
    return _up(parse(text) * 1000)


def to_int(text: str) -> int:
    """Whole units, rounded up."""
    return _up(parse(text))


def _text(value: Fraction, unit: str) -> str:
    """Canonical text of a value in the family of suffixes that ``unit`` belongs to."""
    if unit in _BINARY and value.denominator == 1 and abs(value) >= 1024:
        return _binary_text(value)
    return _decimal_text(value, exponent=unit[:1] in ("e", "E") and len(unit) > 1)


def _decimal_text(value: Fraction, *, exponent: bool) -> str:
    if value == 0:
        return "0"
    for power in range(_EXPONENT_MAX // 3 * 3 if exponent else 18, -10, -3):
        scaled = value / Fraction(10) ** power
        if scaled.denominator == 1:
            unit = f"e{power}" if exponent and power else ("" if exponent else _DECIMAL_BY_POWER[power])
            return f"{scaled.numerator}{unit}"
    raise QuantityError


def _binary_text(value: Fraction) -> str:
    for unit, power in reversed(_BINARY.items()):
        scaled = value / 1024**power
        if scaled.denominator == 1:
            return f"{scaled.numerator}{unit}"
    return str(value.numerator)


def canonical(text: str) -> str:
    """The canonical text: no fraction, the largest suffix that keeps it whole, the same family of suffixes."""
    return _text(*_split(text))


def format_milli(milli: int) -> str:
    """Canonical text of thousandths: 1500 is ``1500m``, 2000 is ``2``."""
    return _decimal_text(Fraction(milli, 1000), exponent=False)


def format_bytes(count: int) -> str:
    """Canonical binary text: 1048576 is ``1Mi``."""
    return _text(Fraction(count), "Ki")


def add(left: str, right: str) -> str:
    """The sum, in the left one's family of suffixes (the right one's when the left is zero)."""
    (augend, unit), (addend, other) = _split(left), _split(right)
    return _text(augend + addend, unit if augend else other)
