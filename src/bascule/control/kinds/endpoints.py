"""Endpoints, the old form of EndpointSlices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_LISTS = ("addresses", "notReadyAddresses")
_DEPRECATED = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


def _default(obj: Object) -> None:
    for subset in shape.items(obj, "subsets"):
        for port in shape.items(subset, "ports"):
            shape.fill_zero(port, "protocol", "TCP")


def _rules(obj: Object) -> Causes:
    for index, subset in enumerate(shape.items(obj, "subsets")):
        at = f"subsets[{index}]"
        if not any(subset.get(key) for key in _LISTS):
            yield errors.required(at, "must specify `addresses` or `notReadyAddresses`")
        for key in _LISTS:
            for index_of_address, address in enumerate(shape.items(subset, key)):
                yield from pod_rules.ip(f"{at}.{key}[{index_of_address}].ip", shape.text(address, "ip"))
        ports = shape.items(subset, "ports")
        for index_of_port, port in enumerate(ports):
            where = f"{at}.ports[{index_of_port}]"
            if len(ports) > 1 and not port.get("name"):
                yield errors.required(f"{where}.name", "")
            yield from check.port(f"{where}.port", shape.count(port, "port"))
            yield from check.one_of(f"{where}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def joined_address(host: str, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listed(obj: Object) -> str:
    found = []
    for subset in shape.items(obj, "subsets"):
        hosts = [shape.text(address, "ip") for address in shape.items(subset, "addresses")]
        ports = shape.items(subset, "ports")
        if ports:
            found += [joined_address(host, port.get("port")) for port in ports for host in hosts]
        else:
            found += hosts
    return columns.listed(found, len(found)) or columns.NONE


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), _listed(obj), columns.age(obj, now)]


def _warnings(obj: Object) -> list[str]:
    return [_DEPRECATED]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    columns=(columns.NAME, Column("Endpoints", description="Addresses and ports."), columns.AGE),
    cells=_cells,
    warnings=_warnings,
    create_on_update=True,
)
