"""EndpointSlices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

ENDPOINTS_MAX = 1000
PORTS_MAX = 20000
ADDRESSES_MAX = 100
_TYPES = ("FQDN", "IPv4", "IPv6")


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
    addresses = shape.texts(endpoint, "addresses")
    if not addresses:
        yield errors.required(f"{path}.addresses", "must contain at least 1 address")
    elif len(addresses) > ADDRESSES_MAX:
        yield errors.too_many(f"{path}.addresses", len(addresses), ADDRESSES_MAX)
    for index, address in enumerate(addresses):
        at = f"{path}.addresses[{index}]"
        if kind == "FQDN":
            yield from check.subdomain(at, address)
        elif (":" in address) != (kind == "IPv6"):
            yield errors.invalid_value(at, address, f"must be an {kind} address")
        else:
            yield from pod_rules.ip(at, address)


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
        if port.get("port") is not None:
            yield from check.port(f"ports[{index}].port", port["port"])


def _update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("addressType", new.get("addressType"), old.get("addressType"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    ports = [str(port.get("port", "*")) for port in shape.items(obj, "ports")]
    addresses = [
        address for endpoint in shape.items(obj, "endpoints") for address in shape.texts(endpoint, "addresses")
    ]
    return [
        columns.name(obj),
        shape.text(obj, "addressType"),
        columns.listed(ports, len(ports)) or columns.UNSET,
        columns.listed(addresses, len(addresses)) or columns.UNSET,
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
)
