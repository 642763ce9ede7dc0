"""Ports of a pod's containers that say the same, or nearly: said to who writes, never refused.

Two ports of one number and protocol are looked at if there is something to be said of them, a hundred times at most, so
that the cost is that of what is told, however many ports there are.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from bascule.control.kinds import shape
from bascule.control.kinds.pod import windows
from bascule.vocabulary.objects import Object

TOLD_MAX: Final = 100


class _Port(NamedTuple):
    """`order` is unique, so that ports are in the order in which they were met."""

    order: int
    at: str
    address: str
    number: int


class _Alike:
    """Ports of one container port and protocol that were met, by what may be said of them and another."""

    def __init__(self) -> None:
        self._every: list[_Port] = []
        self._on_no_host: list[_Port] = []
        self._exactly: defaultdict[tuple[int, str], list[_Port]] = defaultdict(list)
        self._with_address: defaultdict[tuple[int, bool], list[_Port]] = defaultdict(list)

    def add(self, port: _Port) -> None:
        self._every.append(port)
        self._exactly[port.number, port.address].append(port)
        self._with_address[port.number, bool(port.address)].append(port)
        if not port.number:
            self._on_no_host.append(port)

    def overlapping(self, port: _Port) -> Iterator[_Port]:
        """Those met that have something to do with it, in order."""
        if not port.number:
            return iter(self._every)
        same = self._exactly[port.number, port.address]
        return heapq.merge(self._on_no_host, same, self._with_address[port.number, not port.address])


def found(path: str, spec: Object) -> Iterator[str]:
    """The warnings, in the order of the ports."""
    return itertools.islice(_every(path, spec), TOLD_MAX)


def _every(path: str, spec: Object) -> Iterator[str]:
    known: defaultdict[tuple[int, str], _Alike] = defaultdict(_Alike)
    for order, (at, said) in enumerate(_ports(path, spec)):
        port = _Port(order, at, shape.text(said, "hostIP"), shape.count(said, "hostPort"))
        if said.get("hostIP") and not said.get("hostPort"):
            yield f"{at}: hostIP set without hostPort: {_go(said)}"
        alike = known[shape.count(said, "containerPort"), shape.text(said, "protocol")]
        for other in alike.overlapping(port):
            yield _words(port, other)
        alike.add(port)


def _ports(path: str, spec: Object) -> Iterator[tuple[str, Object]]:
    for role in windows.CONTAINERS:
        for index, container in enumerate(shape.items(spec, role)):
            if container.get("ports"):
                for number, port in enumerate(shape.items(container, "ports")):
                    yield f"{path}.{role}[{index}].ports[{number}]", port


def _words(port: _Port, other: _Port) -> str:
    if port.address == other.address and port.number == other.number:
        return f"{port.at}: duplicate port definition with {other.at}"
    if not port.number or not other.number:
        return f"{port.at}: overlapping port definition with {other.at}"
    return f"{port.at}: dangerously ambiguous port definition with {other.at}"


def _go(port: Object) -> str:
    fields = ("name", "hostPort", "containerPort", "protocol", "hostIP")
    shown = " ".join(
        f"{field[0].upper()}{field[1:]}:{port.get(field) or (0 if field.endswith('Port') else '')}" for field in fields
    )
    return f"{{{shown}}}"
