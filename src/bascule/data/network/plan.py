"""The plan of the node's services: frontends (addresses clients dial) and the backends behind each.

Pure: ``compile`` is a function of Services, EndpointSlices and the node's name. A backend that is not ready is used
only where a Service has no ready one and it still serves while terminating (as kube-proxy does). A malformed Service
or slice costs only itself: it is skipped and named in ``problems``. Null and absent lists are empty lists.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
PROTOCOLS = {"TCP": "tcp", "UDP": "udp"}
STICKY_SECONDS = 10_800
"""How long a client stays with its backend where the Service does not say: the API's own default."""


class Frontend(NamedTuple):
    """What a client dials. An empty address means any of the node's own: a node port."""

    address: str
    protocol: str
    port: int


class Backend(NamedTuple):
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where connections to some frontends go. No backends: they are refused at once rather than left to time out.

    A client stays with its backend until it has not come for `sticky_seconds`; 0: every connection goes anywhere.
    """

    frontends: tuple[Frontend, ...]
    backends: tuple[Backend, ...]
    sticky_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Targets by ``cluster/namespace/service:port[/local]``; ``local_addresses`` are this node's own pods'."""

    targets: dict[str, Target] = field(default_factory=dict)
    local_addresses: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


class _Endpoint(NamedTuple):
    address: str
    ready: bool
    serving_while_terminating: bool
    node: str


SlicesByService = dict[objects.Key, list[Object]]


def compile(
    services: Iterable[Object],
    slices: Iterable[Object],
    *,
    node_name: str,
    excluded_addresses: frozenset[str] = frozenset(),
) -> Plan:
    """The plan for one node. ``excluded_addresses`` (the DNS address) are served by other means on the node."""
    by_service = _group(slices)
    targets: dict[str, Target] = {}
    local: set[str] = set()
    problems: list[str] = []
    taken: dict[Frontend, str] = {}
    services = sorted(services, key=objects.key)
    inner = excluded_addresses.union(*(_claimed(service) for service in services))
    for service in services:
        key = objects.key(service)
        try:
            slices_of = by_service.get(key, [])
            compiled = list(_targets(service, slices_of, node_name, excluded_addresses, local, inner))
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            problems.append(f"Service {key.text()} is left out: {error}")
            continue
        for port_key, target in compiled:
            free = tuple(f for f in target.frontends if taken.setdefault(f, port_key) == port_key)
            for clash in set(target.frontends) - set(free):
                problems.append(f"Service {port_key}: {clash} already belongs to {taken[clash]}")
            if free:
                targets[port_key] = Target(free, target.backends, target.sticky_seconds)
    return Plan(targets, frozenset(local), tuple(problems))


def _group(slices: Iterable[Object]) -> SlicesByService:
    grouped: SlicesByService = {}
    for piece in slices:
        service = objects.labels(piece).get(SERVICE_NAME_LABEL)
        if service and (piece.get("addressType") or "IPv4") == "IPv4":
            cluster, namespace, _ = objects.key(piece)
            grouped.setdefault(objects.Key(cluster, namespace, service), []).append(piece)
    return grouped


def _targets(
    service: Object,
    slices: list[Object],
    node_name: str,
    excluded: frozenset[str],
    local: set[str],
    inner: frozenset[str],
) -> Iterator[tuple[str, Target]]:
    spec = service.get("spec") or {}
    if (spec.get("type") or "ClusterIP") == "ExternalName" or (spec.get("clusterIP") or "None") == "None":
        return
    internal = [a for a in _internal_addresses(spec) if a not in excluded]
    # Whoever writes a service chooses these: never a cluster's own address, which is another service's.
    external = [a for a in _external_addresses(service) if a not in inner]
    sticky_seconds = _sticky_seconds(spec)
    for port in spec.get("ports") or ():
        protocol = PROTOCOLS.get(port.get("protocol") or "TCP")
        if protocol is None:
            continue
        serving = list(_endpoints_of(slices, port.get("name") or ""))
        local.update(e.address for e, _ in serving if e.node == node_name)
        port_key = f"{objects.key(service).text()}:{port.get('name') or port['port']}"
        number = int(port["port"])
        inside = [Frontend(address, protocol, number) for address in internal]
        outside = [Frontend(address, protocol, number) for address in external]
        if port.get("nodePort"):
            outside.append(Frontend("", protocol, int(port["nodePort"])))
        inside_local = spec.get("internalTrafficPolicy") == "Local"
        outside_local = spec.get("externalTrafficPolicy") == "Local"
        for only_local, frontends in _by_policy(inside, inside_local, outside, outside_local):
            backends = _choose(serving, node_name if only_local else None)
            yield port_key + ("/local" if only_local else ""), Target(tuple(frontends), backends, sticky_seconds)


def _sticky_seconds(spec: Object) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(client.get("timeoutSeconds") or STICKY_SECONDS)


def _by_policy(
    inside: list[Frontend], inside_local: bool, outside: list[Frontend], outside_local: bool
) -> Iterator[tuple[bool, list[Frontend]]]:
    for only_local in (False, True):
        frontends = (inside if inside_local == only_local else []) + (outside if outside_local == only_local else [])
        if frontends:
            yield only_local, frontends


def _claimed(service: Object) -> set[str]:
    """The cluster addresses of a service, however malformed the rest of it is."""
    spec = service.get("spec")
    if not isinstance(spec, dict):
        return set()
    given = spec.get("clusterIPs")
    return {a for a in (spec.get("clusterIP"), *(given if isinstance(given, list) else ())) if isinstance(a, str)}


def _internal_addresses(spec: dict[str, Any]) -> list[str]:
    addresses = spec.get("clusterIPs") or [spec["clusterIP"]]
    return [a for a in addresses if ipaddress.ip_address(a).version == 4]


def _external_addresses(service: Object) -> list[str]:
    spec, status = service.get("spec") or {}, service.get("status") or {}
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    addresses = [*(spec.get("externalIPs") or ()), *(i["ip"] for i in ingress if i.get("ip"))]
    return [a for a in addresses if ipaddress.ip_address(a).version == 4]


def _endpoints_of(slices: list[Object], port_name: str) -> Iterator[tuple[_Endpoint, int]]:
    for piece in slices:
        number = next((p.get("port") for p in piece.get("ports") or () if (p.get("name") or "") == port_name), None)
        if number is None:
            continue
        for endpoint in piece.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            ready = conditions.get("ready") is not False
            serving = conditions.get("serving", ready) is not False and bool(conditions.get("terminating"))
            for address in endpoint.get("addresses") or ():
                ipaddress.IPv4Address(address)
                yield _Endpoint(address, ready, serving, endpoint.get("nodeName") or ""), int(number)


def _choose(serving: list[tuple[_Endpoint, int]], only_node: str | None) -> tuple[Backend, ...]:
    here = [(e, port) for e, port in serving if only_node is None or e.node == only_node]

    def chosen(wanted: Callable[[_Endpoint], bool]) -> tuple[Backend, ...]:
        return tuple(sorted({Backend(e.address, port) for e, port in here if wanted(e)}))

    return chosen(lambda e: e.ready) or chosen(lambda e: e.serving_while_terminating)
