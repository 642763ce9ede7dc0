"""What the server fills in of a Service, keeps for who did not say it, and drops when the type no longer has it."""

from __future__ import annotations

from bascule.control.kinds import shape
from bascule.vocabulary.objects import Object

HEADLESS = "None"
WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")
WITH_PORTS = ("NodePort", "LoadBalancer")
_STICKY_SECONDS = 10800
_ADDRESSES = ("clusterIP", "clusterIPs")


def externally_accessible(spec: Object) -> bool:
    kind = spec.get("type")
    return kind in WITH_PORTS or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_port(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_headless(spec: Object) -> bool:
    return shape.sequence(spec, "clusterIPs") == [HEADLESS]


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill_zero(spec, "sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client = shape.ensure(shape.ensure(spec, "sessionAffinityConfig"), "clientIP")
        shape.fill(client, "timeoutSeconds", _STICKY_SECONDS)
    shape.fill_zero(spec, "type", "ClusterIP")
    for port in shape.items(spec, "ports"):
        shape.fill_zero(port, "protocol", "TCP")
        shape.fill_zero(port, "targetPort", port.get("port", 0))
    if externally_accessible(spec):
        shape.fill_zero(spec, "externalTrafficPolicy", "Cluster")
    if spec["type"] in WITH_ADDRESS:
        shape.fill(spec, "internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        shape.fill(spec, "allocateLoadBalancerNodePorts", True)
        for entry in shape.items(shape.mapping(shape.mapping(obj, "status"), "loadBalancer"), "ingress"):
            if entry.get("ip"):
                shape.fill(entry, "ipMode", "VIP")


def create(spec: Object) -> None:
    """An old client says one address, the list follows."""
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]


def update(spec: Object, before: Object) -> None:
    _keep(spec, before)
    _agree(spec, before)
    _drop(spec, before)


def _keep(spec: Object, before: Object) -> None:
    """What was allocated is kept for a client that does not say it."""
    if before.get("type") in WITH_ADDRESS and spec.get("type") in WITH_ADDRESS:
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP") and before.get("clusterIPs"):
            spec["clusterIPs"] = list(shape.sequence(before, "clusterIPs"))
    if before.get("type") in WITH_PORTS and spec.get("type") in WITH_PORTS:
        used = node_ports(before) & node_ports(spec)
        known = {shape.text(port, "name"): shape.count(port, "nodePort") for port in shape.items(before, "ports")}
        for port in shape.items(spec, "ports"):
            was = known.get(shape.text(port, "name"))
            if was and not port.get("nodePort") and was not in used:
                port["nodePort"] = was
    if needs_health_port(before) and needs_health_port(spec) and before.get("healthCheckNodePort"):
        shape.fill_zero(spec, "healthCheckNodePort", before["healthCheckNodePort"])


def _agree(spec: Object, before: Object) -> None:
    """One address and the list of them say the same, whichever of the two an old client changed."""
    address, was = shape.text(spec, "clusterIP"), shape.text(before, "clusterIP")
    listed, old_list = shape.sequence(spec, "clusterIPs"), shape.sequence(before, "clusterIPs")
    if not listed:
        if address and address != was:
            spec["clusterIPs"] = [address]
        elif old_list and address == was and address:
            spec["clusterIPs"] = list(old_list)
    elif address != was and listed == old_list:
        spec["clusterIPs"] = [address] if address else []


def _same(spec: Object, before: Object, *keys: str) -> bool:
    return all((spec.get(key) or None) == (before.get(key) or None) for key in keys)


def _remove(spec: Object, *keys: str) -> None:
    for key in keys:
        spec.pop(key, None)


def _drop(spec: Object, before: Object) -> None:
    """What a change of the type leaves without meaning, and who changed it did not change as well."""
    kind, was = spec.get("type"), before.get("type")
    if was in WITH_ADDRESS and kind not in WITH_ADDRESS:
        if _same(spec, before, *_ADDRESSES) or not (spec.get("clusterIP") or spec.get("clusterIPs")):
            _remove(spec, *_ADDRESSES)
        for key in ("ipFamilies", "ipFamilyPolicy"):
            if _same(spec, before, key):
                _remove(spec, key)
    if was in WITH_PORTS and kind not in WITH_PORTS and node_ports(spec) == node_ports(before):
        for port in shape.items(spec, "ports"):
            _remove(port, "nodePort")
    if needs_health_port(before) and not needs_health_port(spec) and _same(spec, before, "healthCheckNodePort"):
        _remove(spec, "healthCheckNodePort")
    if was == "LoadBalancer" and kind != "LoadBalancer":
        for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            if spec.get(key) == before.get(key):
                _remove(spec, key)
    if (
        externally_accessible(before)
        and not externally_accessible(spec)
        and _same(spec, before, "externalTrafficPolicy")
    ):
        _remove(spec, "externalTrafficPolicy")


def node_ports(spec: Object) -> set[int]:
    return {shape.count(port, "nodePort") for port in shape.items(spec, "ports")} - {0}
