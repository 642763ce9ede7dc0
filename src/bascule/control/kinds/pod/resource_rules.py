"""Rules of resource requests and limits."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bascule.control.kinds import check, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_STANDARD = ("cpu", "memory", "ephemeral-storage")


@lru_cache(maxsize=1024)
def _name_problems(name: str) -> tuple[str, ...]:
    if name in _STANDARD or name.startswith("hugepages-"):
        return ()
    if "/" not in name:
        return ("must be a standard resource for containers",)
    return tuple(names.is_qualified_name(name))


def _overcommits(name: str) -> bool:
    return name in _STANDARD


def _shown(value: Any) -> str:
    return str(value)


def problems(path: str, resources: Object) -> Causes:
    limits, requests = shape.mapping(resources, "limits"), shape.mapping(resources, "requests")
    for name, value in limits.items():
        yield from _amount(f"{path}.limits", name, value)
    for name, value in requests.items():
        yield from _amount(f"{path}.requests", name, value)
        limit = limits.get(name)
        if limit is None:
            if not _overcommits(name):
                yield errors.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
            continue
        if value == limit or not _known(value) or not _known(limit):
            continue
        requested, limited = check.milli(value), check.milli(limit)
        if requested is None or limited is None:
            continue
        if not _overcommits(name) and requested != limited:
            yield errors.invalid_value(
                f"{path}.requests", _shown(value), f"must be equal to {name} limit of {_shown(limit)}"
            )
        elif requested > limited:
            yield errors.invalid_value(
                f"{path}.requests",
                _shown(value),
                f"must be less than or equal to {name} limit of {_shown(limit)}",
            )


def _known(value: Any) -> bool:
    return type(value) in (str, int, float)


def _amount(path: str, name: str, value: Any) -> Causes:
    for problem in _name_problems(name):
        yield errors.invalid_value(f"{path}[{name}]", name, problem)
    amount = check.milli(value) if _known(value) else 0
    if amount is None or amount < 0:
        yield from check.quantity_value(f"{path}[{name}]", value)
