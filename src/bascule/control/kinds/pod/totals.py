"""What a pod's containers ask for together.

Containers and sidecars run at the same time and add up; init containers run one after the other, each beside the
sidecars started before it, and the largest of them counts.
"""

from __future__ import annotations

from typing import Any

from bascule.control.kinds import check, shape
from bascule.vocabulary import quantity
from bascule.vocabulary.objects import Object


def milli(value: Any) -> int | None:
    """A quantity in thousandths; None when absent or not one."""
    return check.milli(value) if type(value) in (str, int, float) else None


def _add(total: dict[str, str], more: Object) -> None:
    for name, value in more.items():
        if milli(value) is not None:
            total[name] = quantity.add(total[name], str(value)) if name in total else str(value)


def _raise_to(total: dict[str, str], other: dict[str, str]) -> None:
    for name, value in other.items():
        if name not in total or (milli(value) or 0) > (milli(total[name]) or 0):
            total[name] = value


def of_containers(spec: Object, side: str) -> dict[str, str]:
    """`side` is `requests` or `limits`."""
    total: dict[str, str] = {}
    for container in shape.items(spec, "containers"):
        _add(total, shape.mapping(shape.mapping(container, "resources"), side))
    sidecars: dict[str, str] = {}
    largest: dict[str, str] = {}
    for container in shape.items(spec, "initContainers"):
        own = shape.mapping(shape.mapping(container, "resources"), side)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            _raise_to(largest, sidecars)
        else:
            beside = dict(sidecars)
            _add(beside, own)
            _raise_to(largest, beside)
    _raise_to(total, largest)
    return total
