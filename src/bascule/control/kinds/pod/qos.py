"""A pod's quality-of-service class, from what its containers request and limit."""

from __future__ import annotations

from collections.abc import Iterator

from bascule.control.kinds import check, shape
from bascule.vocabulary.objects import Object

_COMPUTE = ("cpu", "memory")


def _amounts(resources: Object, key: str) -> dict[str, int]:
    """Milli-amounts of compute resources that are set and not zero."""
    amounts = {}
    declared = resources.get(key)
    if type(declared) is dict:
        for name in _COMPUTE:
            value = declared.get(name)
            if value is not None:
                amount = check.milli(value) if type(value) in (str, int, float) else None
                if amount:
                    amounts[name] = amount
    return amounts


def _sources(spec: Object) -> Iterator[Object]:
    whole = shape.mapping(spec, "resources")
    if whole.get("requests") or whole.get("limits"):
        yield whole
        return
    for key in ("containers", "initContainers"):
        if key in spec:
            for container in shape.items(spec, key):
                yield shape.mapping(container, "resources")


def class_of(spec: Object) -> str:
    any_set, guaranteed = False, True
    for resources in _sources(spec):
        requests = _amounts(resources, "requests") if resources else {}
        limits = _amounts(resources, "limits") if resources else {}
        any_set = any_set or bool(requests or limits)
        guaranteed = guaranteed and len(limits) == len(_COMPUTE) and requests == limits
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
