"""NetworkPolicies."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_SIDES = (("ingress", "from"), ("egress", "to"))


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.ensure(spec, "podSelector")
    for side, _ in _SIDES:
        for rule in shape.items(spec, side):
            for port in shape.items(rule, "ports"):
                shape.fill(port, "protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from selectors.problems("spec.podSelector", spec.get("podSelector"))
    for side, peers in _SIDES:
        for index, rule in enumerate(shape.items(spec, side)):
            at = f"spec.{side}[{index}]"
            for index_of_port, port in enumerate(shape.items(rule, "ports")):
                yield from _port(f"{at}.ports[{index_of_port}]", port)
            for index_of_peer, peer in enumerate(shape.items(rule, peers)):
                yield from _peer(f"{at}.{peers}[{index_of_peer}]", peer)
    for index, kind in enumerate(shape.texts(spec, "policyTypes")):
        yield from check.one_of(f"spec.policyTypes[{index}]", kind, ("Egress", "Ingress"))


def _port(path: str, port: Object) -> Causes:
    yield from check.one_of(f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
    number, end = port.get("port"), port.get("endPort")
    if number is not None:
        yield from check.port_or_name(f"{path}.port", number)
    if type(end) is int:
        if type(number) is not int:
            yield errors.required(f"{path}.port", "must be specified as a number when `endPort` is set")
        elif end < number:
            yield errors.invalid_value(f"{path}.endPort", end, "must be greater than or equal to `port`")


def _peer(path: str, peer: Object) -> Causes:
    block = peer.get("ipBlock")
    chosen = [key for key in ("podSelector", "namespaceSelector") if type(peer.get(key)) is dict]
    for key in chosen:
        yield from selectors.problems(f"{path}.{key}", peer[key])
    if type(block) is dict:
        if chosen:
            yield errors.forbidden_field(path, "may not specify both ipBlock and another peer")
        yield from _block(f"{path}.ipBlock", block)
    elif not chosen:
        yield errors.required(path, "must specify a peer")


def _block(path: str, block: Object) -> Causes:
    cidr = shape.text(block, "cidr")
    if not cidr:
        yield errors.required(f"{path}.cidr", "")
        return
    network = _network(cidr)
    if network is None:
        yield errors.invalid_value(
            f"{path}.cidr", cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        )
        return
    for index, text in enumerate(shape.texts(block, "except")):
        hole = _network(text)
        if hole is None or hole.version != network.version or not _within(hole, network):
            yield errors.invalid_value(f"{path}.except[{index}]", text, f"must be a strict subset of `cidr`: {cidr}")


def _within(hole: Any, network: Any) -> bool:
    return bool(hole != network and hole.subnet_of(network))


def _network(cidr: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(cidr, strict=False) if "/" in cidr else None
    except ValueError:
        return None


def _cells(obj: Object, now: datetime) -> list[Any]:
    selector = selectors.shown(shape.mapping(obj, "spec").get("podSelector"))
    return [columns.name(obj), selector, columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    columns=(columns.NAME, Column("Pod-Selector", description="Which pods the policy is for."), columns.AGE),
    cells=_cells,
    generation=True,
)
