"""Schedules in cron's five fields, as robfig's parser reads them; its errors' words are what people see.

Fields: minute, hour, day of the month, month, day of the week (0 is Sunday; names of months and days in any case).
A day matches when both day fields do, or either where both are restricted. Macros and `@every <duration>` are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_EVERY: Final = "@every "
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_YEARS_AHEAD: Final = 5


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int
    names: tuple[str, ...] = ()
    first: int = 0
    """The number that the first name stands for."""


_BOUNDS: Final = (_Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31), _Bounds(1, 12, _MONTHS, 1), _Bounds(0, 6, _DAYS))


class BadSchedule(ValueError):
    """The text is no schedule; the message says why."""


@dataclass(frozen=True, slots=True)
class Field:
    values: frozenset[int]
    starred: bool
    """Written as `*` or `?`: it restricts nothing."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`every` seconds, or the five fields."""

    fields: tuple[Field, ...] = ()
    every_seconds: float = 0.0

    def after(self, moment: datetime) -> datetime | None:
        """The first time later than `moment`, in the moment's own zone; None when there is none for years."""
        if self.every_seconds:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every_seconds)
        minutes, hours, _, months, _ = (field.values for field in self.fields)
        found = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        last = moment.year + _YEARS_AHEAD
        while found.year <= last:
            if found.month not in months:
                found = (found.replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1)
            elif not self._day(found):
                found = found.replace(hour=0, minute=0) + timedelta(days=1)
            elif found.hour not in hours:
                found = found.replace(minute=0) + timedelta(hours=1)
            elif found.minute not in minutes:
                found += timedelta(minutes=1)
            else:
                return found
        return None

    def _day(self, moment: datetime) -> bool:
        of_month, of_week = self.fields[2], self.fields[4]
        matches = moment.day in of_month.values, (moment.weekday() + 1) % 7 in of_week.values
        return all(matches) if of_month.starred or of_week.starred else any(matches)


def parse(text: str) -> Schedule:
    """Raises `BadSchedule`. A time zone inside the schedule is read over; who forbids it says so."""
    if not text:
        raise BadSchedule("empty spec string")
    if text.startswith(("TZ=", "CRON_TZ=")):
        _, _, text = text.partition(" ")
        text = text.strip()
    if text.startswith("@"):
        return _described(text)
    parts = text.split()
    if len(parts) != len(_BOUNDS):
        raise BadSchedule(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    return Schedule(tuple(_field(part, bounds) for part, bounds in zip(parts, _BOUNDS, strict=True)))


def _described(text: str) -> Schedule:
    if text in _MACROS:
        return parse(_MACROS[text])
    if text.startswith(_EVERY):
        try:
            return Schedule(every_seconds=max(1.0, float(int(duration_seconds(text[len(_EVERY) :])))))
        except ValueError as error:
            raise BadSchedule(f"failed to parse duration {text}: {error}") from error
    raise BadSchedule(f"unrecognized descriptor: {text}")


def _field(text: str, bounds: _Bounds) -> Field:
    values: set[int] = set()
    starred = False
    for part in filter(None, text.split(",")):
        found, star = _range(part, bounds)
        values.update(found)
        starred = starred or star
    return Field(frozenset(values), starred)


def _range(text: str, bounds: _Bounds) -> tuple[range, bool]:
    span, *steps = text.split("/")
    ends = span.split("-")
    starred = ends[0] in ("*", "?")
    if starred:
        low, high = bounds.low, bounds.high
    else:
        low = high = _number(ends[0], bounds)
        if len(ends) == 2:
            high = _number(ends[1], bounds)
        elif len(ends) > 2:
            raise BadSchedule(f"too many hyphens: {text}")
    step = 1
    if len(steps) > 1:
        raise BadSchedule(f"too many slashes: {text}")
    if steps:
        step = _number(steps[0], _Bounds(0, 0))
        if len(ends) == 1:
            high = bounds.high
        starred = starred and step <= 1
    if low < bounds.low:
        raise BadSchedule(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise BadSchedule(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise BadSchedule(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {text}")
    return range(low, high + 1, step), starred


def _number(text: str, bounds: _Bounds) -> int:
    if text.lower() in bounds.names:
        return bounds.names.index(text.lower()) + bounds.first
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise BadSchedule(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise BadSchedule(f"negative number ({number}) not allowed: {text}")
    return number


def duration_seconds(text: str) -> float:
    """A duration as Go writes it: `1h30m`, `1.5s`. Raises ValueError with Go's words."""
    bare = text[1:] if text[:1] in ("+", "-") else text
    sign = -1.0 if text[:1] == "-" else 1.0
    if bare == "0":
        return 0.0
    if not bare:
        raise ValueError(f'time: invalid duration "{text}"')
    total, rest = 0.0, bare
    while rest:
        number = re.match(r"[0-9]*\.?[0-9]*", rest)
        amount = number[0] if number else ""
        if not amount or amount == ".":
            raise ValueError(f'time: invalid duration "{text}"')
        rest = rest[len(amount) :]
        unit = re.match(r"[^0-9.]*", rest)
        name = unit[0] if unit else ""
        if not name:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if name not in _UNITS:
            raise ValueError(f'time: unknown unit "{name}" in duration "{text}"')
        total += float(amount) * _UNITS[name]
        rest = rest[len(name) :]
    return sign * total
