"""The backends of a Service as its pods stand: addresses, ports, conditions. Pure.

A pod's own word (its Ready condition) counts; that a node is lost is an inference and withdraws at most half of a
Service's ready backends (`lost_nodes`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bascule.control.controllers import lost_nodes
from bascule.control.controllers import pods as pod_facts
from bascule.vocabulary import objects


class Port(NamedTuple):
    name: str
    protocol: str
    port: int
    app_protocol: str

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"name": self.name, "protocol": self.protocol, "port": self.port}
        if self.app_protocol:
            document["appProtocol"] = self.app_protocol
        return document


@dataclass(frozen=True)
class Backend:
    """`endpoint` is the entry of an EndpointSlice; `ports` what this pod serves the Service's ports with."""

    family: str
    ports: tuple[Port, ...]
    endpoint: dict[str, Any]


def of_service(
    service: objects.Object, pods: Iterable[objects.Object], nodes: Mapping[str, objects.Object]
) -> list[Backend]:
    """`pods` match its selector; `nodes` are all of the cluster, by name."""
    candidates = [pod for pod in pods if not pod_facts.finished(pod) and pod_facts.status(pod).get("podIP")]
    withdrawn = _withdrawn(candidates, nodes)
    found = []
    for pod in sorted(candidates, key=objects.name):
        ports = _ports(service, pod)
        if ports is None:
            continue
        for family in families(service, pod):
            addresses = [ip for ip in _addresses(pod) if family_of(ip) == family]
            if addresses:
                endpoint = _endpoint(service, pod, addresses[:1], nodes, withdrawn)
                found.append(Backend(family, ports, endpoint))
    return found


def _withdrawn(pods: Sequence[objects.Object], nodes: Mapping[str, objects.Object]) -> frozenset[str]:
    if not nodes or lost_nodes.most_are_lost(nodes.values()):
        return frozenset()
    lost = frozenset(name for name, node in nodes.items() if lost_nodes.is_lost(node))
    if not lost:
        return frozenset()
    ready = [
        (objects.name(pod), pod_facts.spec(pod).get("nodeName") or "")
        for pod in pods
        if pod_facts.ready(pod) and objects.deletion_timestamp(pod) is None
    ]
    return lost_nodes.withdrawable(ready, lost)


def _endpoint(
    service: objects.Object,
    pod: objects.Object,
    addresses: list[str],
    nodes: Mapping[str, objects.Object],
    withdrawn: frozenset[str],
) -> dict[str, Any]:
    leaving = objects.deletion_timestamp(pod) is not None
    serving = pod_facts.ready(pod) and objects.name(pod) not in withdrawn
    publish = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
    endpoint: dict[str, Any] = {
        "addresses": addresses,
        "conditions": {
            "ready": publish or (serving and not leaving),
            "serving": serving,
            "terminating": leaving,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": objects.namespace(pod),
            "name": objects.name(pod),
            "uid": objects.uid(pod),
        },
    }
    spec = pod_facts.spec(pod)
    if spec.get("nodeName"):
        endpoint["nodeName"] = spec["nodeName"]
        zone = objects.labels(nodes.get(spec["nodeName"]) or {}).get(lost_nodes.ZONE)
        if zone:
            endpoint["zone"] = zone
    if spec.get("hostname") and spec.get("subdomain") == objects.name(service):
        endpoint["hostname"] = spec["hostname"]
    return endpoint


def families(service: objects.Object, pod: objects.Object) -> list[str]:
    named = (service.get("spec") or {}).get("ipFamilies")
    return list(named) if named else [family_of(pod_facts.status(pod)["podIP"])]


def family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _addresses(pod: objects.Object) -> list[str]:
    status = pod_facts.status(pod)
    listed = [entry.get("ip") for entry in status.get("podIPs") or ()]
    return [ip for ip in listed if ip] or [status["podIP"]]


def _ports(service: objects.Object, pod: objects.Object) -> tuple[Port, ...] | None:
    """None: the pod serves none of the Service's ports."""
    wanted = (service.get("spec") or {}).get("ports") or []
    found = []
    for port in wanted:
        protocol = port.get("protocol") or "TCP"
        number = _number(port, protocol, pod)
        if number is not None:
            found.append(Port(port.get("name") or "", protocol, number, port.get("appProtocol") or ""))
    return tuple(found) if found or not wanted else None


def _number(port: Mapping[str, Any], protocol: str, pod: objects.Object) -> int | None:
    target = port.get("targetPort")
    if target in (None, 0, ""):
        return int(port["port"])
    if isinstance(target, int):
        return target
    if str(target).isdigit():
        return int(target)
    spec = pod_facts.spec(pod)
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for offered in container.get("ports") or ():
            if offered.get("name") == target and (offered.get("protocol") or "TCP") == protocol:
                return int(offered["containerPort"])
    return None
