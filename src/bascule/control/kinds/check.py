"""Small rules that many kinds share, with the wording clients know.

Each yields causes, so rules compose with `yield from`. Values of a wrong type are the schema's business, not ours:
they yield nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from bascule.vocabulary import errors, names, quantity
from bascule.vocabulary.objects import Object

Causes = Iterator[errors.Cause]

NOT_NEGATIVE = "must be greater than or equal to 0"


def not_negative(path: str, value: object) -> Causes:
    if type(value) is int and value < 0:
        yield errors.invalid_value(path, value, NOT_NEGATIVE)


def positive(path: str, value: object) -> Causes:
    if type(value) is int and value <= 0:
        yield errors.invalid_value(path, value, "must be greater than 0")


def not_negative_fields(path: str, container: Object, keys: Iterable[str]) -> Causes:
    for key in keys:
        value = container.get(key)
        if type(value) is int and value < 0:
            yield errors.invalid_value(f"{path}.{key}", value, NOT_NEGATIVE)


def in_range(path: str, value: object, low: int, high: int) -> Causes:
    if type(value) is int and not low <= value <= high:
        yield errors.invalid_value(path, value, f"must be between {low} and {high}, inclusive")


def required(path: str, value: object, message: str = "") -> Causes:
    if not value:
        yield errors.required(path, message)


def one_of(path: str, value: object, supported: tuple[str, ...], *, in_order: bool = False) -> Causes:
    """An enumeration; an empty value is the defaults' or `required`'s business."""
    if type(value) is str and value and value not in supported:
        yield errors.not_supported(path, value, supported, in_order=in_order)


def immutable(path: str, new: Any, old: Any) -> Causes:
    if new != old and not (new in (None, "", [], {}) and old in (None, "", [], {})):
        yield errors.invalid_value(path, new, errors.IMMUTABLE)


def immutable_fields(path: str, new: Object, old: Object, keys: Iterable[str]) -> Causes:
    for key in keys:
        yield from immutable(f"{path}.{key}" if path else key, new.get(key), old.get(key))


@lru_cache(maxsize=512)
def subdomain_problems(name: str) -> tuple[str, ...]:
    """Few are remembered: names of objects, which are many, are mostly new."""
    return tuple(names.is_dns1123_subdomain(name))


@lru_cache(maxsize=4096)
def label_problems(name: str) -> tuple[str, ...]:
    return tuple(names.is_dns1123_label(name))


@lru_cache(maxsize=1024)
def port_name_problems(name: str) -> tuple[str, ...]:
    return tuple(names.is_port_name(name))


def subdomain(path: str, value: str) -> Causes:
    for problem in subdomain_problems(value):
        yield errors.invalid_value(path, value, problem)


def label(path: str, value: str) -> Causes:
    for problem in label_problems(value):
        yield errors.invalid_value(path, value, problem)


def port(path: str, value: object) -> Causes:
    yield from in_range(path, value, 1, 65535)


def port_or_name(path: str, value: object) -> Causes:
    """A probe's or target's port: a number, or the name of a container's port. An absent one is the number 0."""
    if value is None or type(value) is int:
        yield from port(path, value or 0)
    elif type(value) is str:
        for problem in port_name_problems(value):
            yield errors.invalid_value(path, value, problem)


def percent_or_count(path: str, value: object) -> Causes:
    """maxSurge, minAvailable and the like: a count or a percentage."""
    if type(value) is int:
        yield from not_negative(path, value)
    elif type(value) is str and not (value.endswith("%") and value[:-1].isascii() and value[:-1].isdigit()):
        yield errors.invalid_value(
            path,
            value,
            "a valid percent string must be a numeric string followed by an ending '%' "
            "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        )


def at_most_full(path: str, value: object) -> Causes:
    if type(value) is str and value.endswith("%") and value[:-1].isdigit() and int(value[:-1]) > 100:
        yield errors.invalid_value(path, value, "must not be greater than 100%")


def is_zero(value: object) -> bool:
    return value == 0 or (type(value) is str and value.rstrip("%").strip("0") == "" and value != "")


@lru_cache(maxsize=8192)
def milli(value: str | int | float) -> int | None:
    """A quantity in thousandths, or None when it is not one."""
    try:
        return quantity.to_milli(str(value))
    except quantity.QuantityError:
        return None


def quantity_value(path: str, value: object) -> Causes:
    if type(value) in (str, int, float):
        amount = milli(value)
        if amount is None:
            yield errors.invalid_value(
                path,
                value,
                f"quantities must match the regular expression '{quantity.PATTERN}'",
            )
        elif amount < 0:
            yield errors.invalid_value(path, value, NOT_NEGATIVE)


def unique(path: str, values: Iterable[object], key: str = "") -> Causes:
    """No value appears twice; `path` is the list's, `key` the field of each element."""
    seen = set()
    for index, value in enumerate(values):
        if type(value) not in (str, int):
            continue
        if value in seen:
            yield errors.duplicate(f"{path}[{index}]{'.' + key if key else ''}", value)
        seen.add(value)
