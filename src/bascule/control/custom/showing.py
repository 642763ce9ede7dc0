"""Values and numbers in messages as Go prints them: clients and tests compare these texts."""

from __future__ import annotations

import decimal
from typing import Any

import orjson

from bascule.vocabulary import quoting


def json(value: Any) -> str:
    """JSON with sorted keys and Go's escapes of `<`, `>` and `&`."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, RecursionError):
        return '"..."'
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shown(value: Any) -> str:
    """A value after "Invalid value: "."""
    if value.__class__ is str:
        return quoting.quoted(value)
    if value.__class__ is bool:
        return "true" if value else "false"
    return number(value) if value.__class__ in (int, float) else json(value)


def number(value: float) -> str:
    """Go's `%v` of a number: `10`, `1.5`, `1e+06` (a float from a million on), `10` for a float that is whole."""
    if value.__class__ is int:
        return str(value)
    sign, digits, exponent = decimal.Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        return str(value)
    text = "".join(map(str, digits))
    power = len(text) + exponent - 1
    if text == "0":
        shown_digits = "0"
    elif power < -4 or power >= 6:
        mantissa = text[0] + (f".{text[1:]}" if len(text) > 1 else "")
        shown_digits = f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    elif power < 0:
        shown_digits = "0." + "0" * (-power - 1) + text
    else:
        whole = text[: power + 1].ljust(power + 1, "0")
        shown_digits = f"{whole}.{text[power + 1 :]}" if len(text) > power + 1 else whole
    return f"-{shown_digits}" if sign else shown_digits
