"""Endpoints, the old form of EndpointSlices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, ips, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors, names
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
            for number, address in enumerate(shape.items(subset, key)):
                yield from _address(f"{at}.{key}[{number}]", address)
        ports = shape.items(subset, "ports")
        for number, port in enumerate(ports):
            yield from _port(f"{at}.ports[{number}]", port, needs_name=len(ports) > 1)


def _address(path: str, address: Object) -> Causes:
    text, host, node = shape.text(address, "ip"), shape.text(address, "hostname"), address.get("nodeName")
    yield from ips.ip(f"{path}.ip", text)
    if host:
        yield from check.label(f"{path}.hostname", host)
    if type(node) is str:
        yield from check.subdomain(f"{path}.nodeName", node)
    yield from ips.special(f"{path}.ip", text, loopback=True)


def _port(path: str, port: Object, *, needs_name: bool) -> Causes:
    name, protocol = shape.text(port, "name"), port.get("appProtocol")
    if name:
        yield from check.label(f"{path}.name", name)
    elif needs_name:
        yield errors.required(f"{path}.name", "")
    yield from check.port(f"{path}.port", shape.count(port, "port"))
    if not port.get("protocol"):
        yield errors.required(f"{path}.protocol", "")
    yield from check.one_of(f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
    for problem in names.is_qualified_name(protocol) if type(protocol) is str else ():
        yield errors.invalid_value(f"{path}.appProtocol", protocol, problem)


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


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    columns=(columns.NAME, Column("Endpoints", description="Addresses and ports."), columns.AGE),
    cells=_cells,
    deprecated=_DEPRECATED,
    create_on_update=True,
)
