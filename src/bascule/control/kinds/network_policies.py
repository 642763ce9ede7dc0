"""NetworkPolicies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import addresses, check, columns, generic, selectors, shape
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
    kinds = shape.texts(spec, "policyTypes")
    if len(kinds) > len(_SIDES):
        yield errors.invalid_value("spec.policyTypes", kinds, "may not specify more than two policyTypes")
        return
    for index, kind in enumerate(kinds):
        yield from check.one_of(f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress"), in_order=True)


def _port(path: str, port: Object) -> Causes:
    yield from check.one_of(f"{path}.protocol", port.get("protocol"), ("TCP", "UDP", "SCTP"), in_order=True)
    number, end = port.get("port"), shape.integer(port, "endPort")
    if number is not None:
        yield from check.port_or_name(f"{path}.port", number)
    if end is None:
        return
    if type(number) is int:
        if end < number:
            yield errors.invalid_value(f"{path}.endPort", end, "must be greater than or equal to `port`")
        yield from check.port(f"{path}.endPort", end)
    else:
        missing = "not specified" if number is None else "non-numeric"
        yield errors.invalid_value(f"{path}.endPort", end, f"may not be specified when `port` is {missing}")


def _peer(path: str, peer: Object) -> Causes:
    block = peer.get("ipBlock")
    chosen = [key for key in ("podSelector", "namespaceSelector") if type(peer.get(key)) is dict]
    for key in chosen:
        yield from selectors.problems(f"{path}.{key}", peer[key])
    if type(block) is dict:
        yield from _block(f"{path}.ipBlock", block)
        if chosen:
            yield errors.forbidden_field(path, "may not specify both ipBlock and another peer")
    elif not chosen:
        yield errors.required(path, "must specify a peer")


def _block(path: str, block: Object) -> Causes:
    cidr = shape.text(block, "cidr")
    if not cidr:
        yield errors.required(f"{path}.cidr", "")
        return
    whole = addresses.network(cidr)
    if whole is None:
        yield errors.invalid_value(f"{path}.cidr", cidr, addresses.BAD_RANGE)
        return
    for index, text in enumerate(shape.texts(block, "except")):
        hole = addresses.network(text)
        if hole is None:
            yield errors.invalid_value(f"{path}.except[{index}]", text, addresses.BAD_RANGE)
        elif not _within(hole, whole):
            yield errors.invalid_value(f"{path}.except[{index}]", text, "must be a strict subset of `cidr`")


def _within(hole: Any, whole: Any) -> bool:
    return bool(hole.version == whole.version and hole != whole and hole.subnet_of(whole))


def _warnings(obj: Object) -> list[str]:
    """Ranges that name a host and a network at once."""
    found: list[str] = []
    spec = shape.mapping(obj, "spec")
    for side, peers in _SIDES:
        for index, rule in enumerate(shape.items(spec, side)):
            for index_of_peer, peer in enumerate(shape.items(rule, peers)):
                block, at = shape.mapping(peer, "ipBlock"), f"spec.{side}[{index}].{peers}[{index_of_peer}].ipBlock"
                found += addresses.range_warnings(f"{at}.cidr", shape.text(block, "cidr"))
                for index_of_hole, hole in enumerate(shape.texts(block, "except")):
                    found += addresses.range_warnings(f"{at}.except[{index_of_hole}]", hole)
    return found


def _cells(obj: Object, now: datetime) -> list[Any]:
    selector = selectors.shown(shape.mapping(obj, "spec").get("podSelector"))
    return [columns.name(obj), selector, columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    columns=(columns.NAME, Column("Pod-Selector", description="Which pods the policy is for."), columns.AGE),
    cells=_cells,
    warnings=_warnings,
    generation=True,
)
