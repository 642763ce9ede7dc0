"""Timestamps and durations: reading and writing them, and the parts of a moment in a time zone."""

from __future__ import annotations

import datetime
import functools
import re
import zoneinfo
from collections.abc import Callable
from fractions import Fraction

from bascule.control.cel.declarations import Library
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import INT_MAX, INT_MIN, SECOND, Duration, Timestamp

_UTC = datetime.UTC
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=_UTC)
_FIRST = -62135596800 * SECOND
_LAST = 253402300800 * SECOND - 1
_UNITS = {"h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": 10**6, "us": 1000, "µs": 1000, "μs": 1000, "ns": 1}
_LENGTH_MAX = 100
"""No moment, span or time zone takes more characters; nor do messages show more."""
_PART = re.compile(r"(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)


def duration(nanoseconds: int) -> Duration:
    """Raises EvaluationError when that is too long."""
    if not INT_MIN <= nanoseconds <= INT_MAX:
        raise EvaluationError("duration overflow")
    return Duration(nanoseconds)


def timestamp(nanoseconds: int, offset_seconds: int = 0) -> Timestamp:
    """Raises EvaluationError outside the years 1 to 9999."""
    if not _FIRST <= nanoseconds <= _LAST:
        raise EvaluationError("timestamp overflow")
    return Timestamp(nanoseconds, offset_seconds)


def parse_duration(text: str) -> Duration:
    """``1h2m3.5s``, ``-250ms``, ``0``. Raises EvaluationError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    total, at = Fraction(0), 0
    while at < len(body) <= _LENGTH_MAX:
        match = _PART.match(body, at)
        if match is None or not (match[1] or match[2]):
            break
        total += Fraction(int(match[1] + (match[2] or "") or "0"), 10 ** len(match[2] or "")) * _UNITS[match[3]]
        at = match.end()
    if body != "0" and (not body or at < len(body)):
        raise EvaluationError(f'time: invalid duration "{text[:_LENGTH_MAX]}"')
    nanoseconds = int(total)
    return duration(-nanoseconds if text[0] == "-" else nanoseconds)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339. Raises EvaluationError."""
    match = _MOMENT.fullmatch(text) if len(text) <= _LENGTH_MAX else None
    if match is None:
        text = text[:_LENGTH_MAX]
        raise EvaluationError(f'parsing time "{text}": cannot parse as an RFC 3339 timestamp')
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    try:
        moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=_UTC)
    except ValueError as error:
        raise EvaluationError(f'parsing time "{text}": {error}') from error
    nanoseconds = int((match[7] or "0")[:9].ljust(9, "0"))
    offset = 0
    whole = (moment - _EPOCH) // datetime.timedelta(seconds=1)
    if match[8]:
        if int(match[9]) > 24 or int(match[10]) > 59:
            raise EvaluationError(f'parsing time "{text}": time zone offset out of range')
        offset = (int(match[9]) * 3600 + int(match[10]) * 60) * (-1 if match[8] == "-" else 1)
    return timestamp((whole - offset) * SECOND + nanoseconds, offset)


def parse_date(text: str) -> Timestamp:
    """``2006-01-02``, the beginning of that day. Raises EvaluationError."""
    return parse_timestamp(f"{text}T00:00:00Z")


def duration_text(value: Duration) -> str:
    """Seconds with a fraction, as short as it is exact: ``90s``, ``0.5s``."""
    sign, nanoseconds = ("-" if value.nanoseconds < 0 else ""), abs(value.nanoseconds)
    seconds, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{sign}{seconds}{fraction}s"


def timestamp_text(value: Timestamp) -> str:
    seconds, rest = divmod(value.nanoseconds, SECOND)
    try:
        moment = _EPOCH + datetime.timedelta(seconds=seconds + value.offset_seconds)
    except OverflowError as error:
        raise EvaluationError("timestamp overflow") from error
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    minutes = abs(value.offset_seconds) // 60
    sign = "-" if value.offset_seconds < 0 else "+"
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}" if minutes else "Z"
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S}{fraction}{zone}"


@functools.lru_cache(maxsize=256)
def _zone(name: str) -> datetime.tzinfo:
    match = _OFFSET.fullmatch(name)
    if len(name) > _LENGTH_MAX:
        raise EvaluationError("unknown time zone")
    try:
        if match is not None:
            offset = datetime.timedelta(hours=int(match[2]), minutes=int(match[3]))
            return datetime.timezone(-offset if match[1] == "-" else offset)
        return _UTC if name in ("", "UTC") else zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise EvaluationError(f"unknown time zone {name}") from error


def _in(value: Timestamp, zone: str) -> datetime.datetime:
    try:
        return (_EPOCH + datetime.timedelta(seconds=value.nanoseconds // SECOND)).astimezone(_zone(zone))
    except OverflowError as error:
        raise EvaluationError("timestamp overflow") from error


_PARTS: dict[str, Callable[[datetime.datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfWeek": lambda moment: moment.isoweekday() % 7,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
}
_SPANS = {"getHours": 3600 * SECOND, "getMinutes": 60 * SECOND, "getSeconds": SECOND, "getMilliseconds": 10**6}


def _accessor(part: Callable[[datetime.datetime], int]) -> Callable[..., int]:
    return lambda value, zone="": part(_in(value, zone))


def _span(unit: int) -> Callable[[Duration], int]:
    return lambda value: abs(value.nanoseconds) // unit * (-1 if value.nanoseconds < 0 else 1)


def _milliseconds(value: Timestamp, _zone: str = "") -> int:
    return value.nanoseconds % SECOND // 10**6


LIBRARY = Library()
for _name, _part in _PARTS.items():
    LIBRARY.add(_name, "timestamp . -> int", _accessor(_part))
    LIBRARY.add(_name, "timestamp . string -> int", _accessor(_part))
LIBRARY.add("getMilliseconds", "timestamp . -> int", _milliseconds)
LIBRARY.add("getMilliseconds", "timestamp . string -> int", _milliseconds)
for _name, _unit in _SPANS.items():
    LIBRARY.add(_name, "duration . -> int", _span(_unit))
LIBRARY.add(
    "_+_", "timestamp, duration -> timestamp", lambda a, b: timestamp(a.nanoseconds + b.nanoseconds, a.offset_seconds)
)
LIBRARY.add("_+_", "duration, timestamp -> timestamp", lambda a, b: timestamp(a.nanoseconds + b.nanoseconds))
LIBRARY.add("_+_", "duration, duration -> duration", lambda a, b: duration(a.nanoseconds + b.nanoseconds))
LIBRARY.add("_-_", "timestamp, timestamp -> duration", lambda a, b: duration(a.nanoseconds - b.nanoseconds))
LIBRARY.add("_-_", "timestamp, duration -> timestamp", lambda a, b: timestamp(a.nanoseconds - b.nanoseconds))
LIBRARY.add("_-_", "duration, duration -> duration", lambda a, b: duration(a.nanoseconds - b.nanoseconds))
LIBRARY.add("duration", "string -> duration", parse_duration)
LIBRARY.add("duration", "duration -> duration", lambda value: value)
LIBRARY.add("timestamp", "string -> timestamp", parse_timestamp)
LIBRARY.add("timestamp", "timestamp -> timestamp", lambda value: value)
LIBRARY.add("timestamp", "int -> timestamp", lambda value: timestamp(value * SECOND))
LIBRARY.add("int", "timestamp -> int", lambda value: value.nanoseconds // SECOND)
LIBRARY.add("int", "duration -> int", lambda value: value.nanoseconds)
LIBRARY.add("string", "timestamp -> string", timestamp_text)
LIBRARY.add("string", "duration -> string", duration_text)
