"""EndpointSlices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import addresses, check, columns, generic, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary import names as label_values
from bascule.vocabulary.objects import Object

ENDPOINTS_MAX = 1000
PORTS_MAX = 20000
ADDRESSES_MAX = 100
TOPOLOGY_MAX = 16
HINTS_MAX = 8
_FAMILIES = ("IPv4", "IPv6")
_TYPES = ("FQDN", *_FAMILIES)


def _default(obj: Object) -> None:
    for port in shape.items(obj, "ports"):
        shape.fill(port, "name", "")
        shape.fill_zero(port, "protocol", "TCP")


def _rules(obj: Object) -> Causes:
    kind = shape.text(obj, "addressType")
    if not kind:
        yield errors.required("addressType", "")
    yield from check.one_of("addressType", kind, _TYPES)
    listed = shape.items(obj, "endpoints")
    if len(listed) > ENDPOINTS_MAX:
        yield errors.too_many("endpoints", len(listed), ENDPOINTS_MAX)
        return
    for index, endpoint in enumerate(listed):
        yield from _endpoint(f"endpoints[{index}]", endpoint, kind)
    yield from _ports(shape.items(obj, "ports"))


def _endpoint(path: str, endpoint: Object, kind: str) -> Causes:
    found = shape.texts(endpoint, "addresses")
    if not found:
        yield errors.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(found) > ADDRESSES_MAX:
        yield errors.too_many(f"{path}.addresses", len(found), ADDRESSES_MAX)
    for index, address in enumerate(found):
        yield from _address(f"{path}.addresses[{index}]", address, kind)
    node = endpoint.get("nodeName")
    yield from identifiers.subdomain(f"{path}.nodeName", node)
    topology = shape.mapping(endpoint, "deprecatedTopology")
    if len(topology) > TOPOLOGY_MAX:
        yield errors.too_many(f"{path}.deprecatedTopology", len(topology), TOPOLOGY_MAX)
    yield from metadata.label_problems(f"{path}.deprecatedTopology", topology)
    yield from identifiers.label(f"{path}.hostname", endpoint.get("hostname"))
    hints = shape.mapping(endpoint, "hints")
    for key in ("forZones", "forNodes"):
        yield from _hints(f"{path}.hints.{key}", shape.items(hints, key))


def _address(path: str, address: str, kind: str) -> Causes:
    if kind == "FQDN":
        bare = address.removesuffix(".")
        if not bare:
            yield errors.required(path, "")
            return
        yield from identifiers.subdomain(path, bare)
        if "." not in bare:
            yield errors.invalid_value(path, address, "should be a domain with at least two segments separated by dots")
    elif kind in _FAMILIES:
        if not addresses.is_address(address):
            yield from addresses.any_address_problems(path, address)
        elif (":" in address) != (kind == "IPv6"):
            yield errors.invalid_value(path, address, f"must be an {kind} address")


def _hints(path: str, hints: list[Object]) -> Causes:
    if len(hints) > HINTS_MAX:
        yield errors.too_many(path, len(hints), HINTS_MAX)
        return
    names = [shape.text(hint, "name") for hint in hints]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield errors.duplicate(f"{path}[{index}].name", name)
        for problem in label_values.label_value_problems(name):
            yield errors.invalid_value(f"{path}[{index}].name", name, problem)


def _ports(ports: list[Object]) -> Causes:
    if len(ports) > PORTS_MAX:
        yield errors.too_many("ports", len(ports), PORTS_MAX)
        return
    seen = set()
    for index, port in enumerate(ports):
        name = shape.text(port, "name")
        if name:
            yield from check.label(f"ports[{index}].name", name)
        if name in seen:
            yield errors.duplicate(f"ports[{index}].name", name)
        seen.add(name)
        yield from check.one_of(f"ports[{index}].protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
        yield from identifiers.qualified(f"ports[{index}].appProtocol", port.get("appProtocol"))
        if port.get("port") is not None:
            yield from check.port(f"ports[{index}].port", port["port"])


def _update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("addressType", new.get("addressType"), old.get("addressType"))


def _shown(port: Object) -> str:
    number = port.get("port")
    if number is None:
        return "*" if port.get("name") is None else shape.text(port, "name")
    return str(number)


def _cells(obj: Object, now: datetime) -> list[Any]:
    ports = [_shown(port) for port in shape.items(obj, "ports")]
    found = [address for endpoint in shape.items(obj, "endpoints") for address in shape.texts(endpoint, "addresses")]
    return [
        columns.name(obj),
        shape.text(obj, "addressType"),
        columns.listed(ports, len(ports)) or columns.UNSET,
        columns.listed(found, len(found)) or columns.UNSET,
        columns.age(obj, now),
    ]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("AddressType", description="IPv4, IPv6 or FQDN."),
        Column("Ports", description="The endpoints' ports."),
        Column("Endpoints", description="The endpoints' addresses."),
        columns.AGE,
    ),
    cells=_cells,
    generation=True,
    labels_desired=True,
)
