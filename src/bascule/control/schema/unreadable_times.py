"""What Go says of a time that it cannot read: how far it came, and what was expected there."""

from __future__ import annotations

import calendar
import json
import re
from typing import Final

_LAYOUT: Final = "2006-01-02T15:04:05{}Z07:00"
_STEPS: Final = (
    ("2006", re.compile(r"[0-9]{4}"), "", range(10_000)),
    ("-", re.compile("-"), "", None),
    ("01", re.compile(r"[0-9]{2}"), "month", range(1, 13)),
    ("-", re.compile("-"), "", None),
    ("02", re.compile(r"[0-9]{2}"), "", None),
    ("T", re.compile("T"), "", None),
    ("15", re.compile(r"[0-9]{1,2}"), "hour", range(24)),
    (":", re.compile(":"), "", None),
    ("04", re.compile(r"[0-9]{2}"), "minute", range(60)),
    (":", re.compile(":"), "", None),
    ("05", re.compile(r"[0-9]{2}"), "second", range(60)),
)
_FRACTION: Final = re.compile(r"[.,][0-9]+")
_MICROS: Final = re.compile(r"[.,][0-9]{6}")
_OFFSET: Final = re.compile(r"Z|[+-]([0-9]{2}):([0-9]{2})")


def said(text: str, *, micro: bool) -> str:
    """The message for a text that is no time, or none with six digits of a second where these are asked for."""
    value = json.dumps(text, ensure_ascii=False)
    layout = _LAYOUT.format(".000000" if micro else "")

    def unlike(place: int, expected: str) -> str:
        rest = json.dumps(text[place:], ensure_ascii=False)
        return f'parsing time {value} as "{layout}": cannot parse {rest} as "{expected}"'

    at = 0
    for expected, pattern, name, allowed in _STEPS:
        found = pattern.match(text, at)
        if found is None:
            return unlike(at, expected)
        if allowed is not None and int(found[0]) not in allowed:
            return f"parsing time {value}: {name} out of range"
        at = found.end()
    found = (_MICROS if micro else _FRACTION).match(text, at)
    if found is None and micro:
        return unlike(at, ".000000")
    at = found.end() if found else at
    found = _OFFSET.match(text, at)
    if found is None:
        return unlike(at, "Z07:00")
    if found[1] and int(found[1]) > 24:
        return f"parsing time {value}: time zone offset hour out of range"
    if found[2] and int(found[2]) > 60:
        return f"parsing time {value}: time zone offset minute out of range"
    if found.end() < len(text):
        return f"parsing time {value}: extra text: {json.dumps(text[found.end() :], ensure_ascii=False)}"
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    if year == 0 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return f"parsing time {value}: day out of range"
    return unlike(0, "2006")
