"""Services.

Cluster addresses and node ports are handed out by the API server (`needs_allocation`), after `prepare_create` or
`prepare_update` and before validation. What allocation must fill when it is empty: `spec.clusterIP` and
`spec.clusterIPs` (unless the type is ExternalName or the address is `None`), `spec.ports[*].nodePort` (NodePort, and
LoadBalancer with `allocateLoadBalancerNodePorts`) and `spec.healthCheckNodePort`. An update keeps what was allocated.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_EXTERNAL = ("NodePort", "LoadBalancer")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_TRAFFIC = ("Cluster", "Local")
_STICKY_SECONDS = 10800
_STICKY_SECONDS_MAX = 86400


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill_zero(spec, "type", "ClusterIP")
    shape.fill_zero(spec, "sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    else:
        client = shape.ensure(shape.ensure(spec, "sessionAffinityConfig"), "clientIP")
        shape.fill(client, "timeoutSeconds", _STICKY_SECONDS)
    for port in shape.items(spec, "ports"):
        shape.fill_zero(port, "protocol", "TCP")
        shape.fill_zero(port, "targetPort", port.get("port", 0))
    kind = spec["type"]
    if kind in _EXTERNAL or (kind == "ClusterIP" and spec.get("externalIPs")):
        shape.fill_zero(spec, "externalTrafficPolicy", "Cluster")
    if kind in ("ClusterIP", *_EXTERNAL):
        shape.fill(spec, "internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        shape.fill(spec, "allocateLoadBalancerNodePorts", True)


def _families(spec: Object) -> None:
    """One address and its list say the same, and the family follows from the address."""
    if spec.get("type") == "ExternalName":
        return
    address, addresses = shape.text(spec, "clusterIP"), shape.texts(spec, "clusterIPs")
    if address and not addresses:
        spec["clusterIPs"] = addresses = [address]
    elif addresses and not address:
        spec["clusterIP"] = address = addresses[0]
    shape.fill(spec, "ipFamilyPolicy", "SingleStack")
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv6" if ":" in address else "IPv4"]


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"loadBalancer": {}}
    _families(shape.ensure(obj, "spec"))


def _update(new: Object, old: Object, context: Context) -> None:
    """What was allocated stays unless the type no longer has it or the user names another."""
    spec, before = shape.ensure(new, "spec"), shape.mapping(old, "spec")
    if spec.get("type") == "ExternalName":
        if before.get("type") != "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
                if spec.get(key) == before.get(key):
                    spec.pop(key, None)
        return
    if before.get("type") != "ExternalName":
        if not spec.get("clusterIP") and not spec.get("clusterIPs"):
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                if before.get(key):
                    spec[key] = before[key]
        address = spec.get("clusterIP")
        if address and not spec.get("clusterIPs") and address == before.get("clusterIP"):
            spec["clusterIPs"] = before.get("clusterIPs") or [address]
    if spec.get("type") in _EXTERNAL and before.get("type") in _EXTERNAL:
        _keep_node_ports(spec, before)
    if before.get("type") in _EXTERNAL and spec.get("type") == "ClusterIP":
        _drop_node_ports(spec, before)
    _families(spec)


def _keep_node_ports(spec: Object, before: Object) -> None:
    known = {_port_key(port): shape.count(port, "nodePort") for port in shape.items(before, "ports")}
    taken = {shape.count(port, "nodePort") for port in shape.items(spec, "ports")}
    for port in shape.items(spec, "ports"):
        was = known.get(_port_key(port))
        if not port.get("nodePort") and was and was not in taken:
            port["nodePort"] = was
    if before.get("healthCheckNodePort") and spec.get("externalTrafficPolicy") == "Local":
        shape.fill_zero(spec, "healthCheckNodePort", before["healthCheckNodePort"])


def _port_key(port: Object) -> tuple[int, str]:
    return shape.count(port, "port"), shape.text(port, "protocol")


def _drop_node_ports(spec: Object, before: Object) -> None:
    """Changing the type alone takes back the node ports that came with it."""
    was = [port.get("nodePort") for port in shape.items(before, "ports")]
    if was == [port.get("nodePort") for port in shape.items(spec, "ports")]:
        for port in shape.items(spec, "ports"):
            port.pop("nodePort", None)
    for key in ("healthCheckNodePort", "allocateLoadBalancerNodePorts", "externalTrafficPolicy"):
        if spec.get(key) == before.get(key) and not spec.get("externalIPs"):
            spec.pop(key, None)


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    kind = spec.get("type")
    headless = spec.get("clusterIP") == "None"
    yield from check.one_of("spec.type", kind, _TYPES)
    ports = shape.items(spec, "ports")
    if not ports and not headless and kind != "ExternalName":
        yield errors.required("spec.ports", "")
    yield from _ports(ports, kind)
    if kind == "LoadBalancer" and headless:
        yield errors.invalid_value("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services")
    if kind == "NodePort" and headless:
        yield errors.invalid_value("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services")
    if kind == "ExternalName":
        yield from _external_name(spec)
    yield from metadata.label_problems("spec.selector", spec.get("selector"))
    yield from _affinity(spec)
    yield from _addresses(spec)
    yield from check.one_of("spec.internalTrafficPolicy", spec.get("internalTrafficPolicy"), _TRAFFIC)
    if spec.get("externalTrafficPolicy"):
        if kind in _EXTERNAL or spec.get("externalIPs"):
            yield from check.one_of("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], _TRAFFIC)
        else:
            yield errors.invalid_value(
                "spec.externalTrafficPolicy",
                spec["externalTrafficPolicy"],
                "may only be set for externally-accessible services",
            )


def _affinity(spec: Object) -> Causes:
    yield from check.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    client = shape.mapping(shape.mapping(spec, "sessionAffinityConfig"), "clientIP")
    seconds = client.get("timeoutSeconds")
    if type(seconds) is int and not 0 < seconds <= _STICKY_SECONDS_MAX:
        yield errors.invalid_value(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            seconds,
            f"must be greater than 0 and less than {_STICKY_SECONDS_MAX}",
        )


def _addresses(spec: Object) -> Causes:
    for index, address in enumerate(shape.texts(spec, "clusterIPs")):
        if address != "None":
            yield from pod_rules.ip(f"spec.clusterIPs[{index}]", address)
    for index, address in enumerate(shape.texts(spec, "externalIPs")):
        yield from pod_rules.ip(f"spec.externalIPs[{index}]", address)


def _external_name(spec: Object) -> Causes:
    if spec.get("clusterIP"):
        yield errors.forbidden_field("spec.clusterIPs", "may not be set for ExternalName services")
    name = shape.text(spec, "externalName").removesuffix(".")
    if name:
        yield from check.subdomain("spec.externalName", name)
    else:
        yield errors.required("spec.externalName", "")


def _ports(ports: list[Object], kind: Any) -> Causes:
    seen_names, seen_ports, seen_node_ports = set(), set(), set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = shape.text(port, "name")
        if not name and len(ports) > 1:
            yield errors.required(f"{at}.name", "")
        elif name:
            yield from check.label(f"{at}.name", name)
            if name in seen_names:
                yield errors.duplicate(f"{at}.name", name)
            seen_names.add(name)
        yield from check.port(f"{at}.port", shape.count(port, "port"))
        yield from check.one_of(f"{at}.protocol", port.get("protocol"), _PROTOCOLS)
        target = port.get("targetPort")
        if type(target) is int:
            yield from check.port(f"{at}.targetPort", target)
        elif type(target) is str:
            for problem in check.port_name_problems(target):
                yield errors.invalid_value(f"{at}.targetPort", target, problem)
        node_port = port.get("nodePort")
        if node_port and kind not in _EXTERNAL:
            yield errors.forbidden_field(f"{at}.nodePort", f"may not be used when `type` is '{kind}'")
        key = (shape.text(port, "protocol"), shape.count(port, "port"))
        if key in seen_ports:
            yield errors.duplicate(at, f"{key[1]}/{key[0]}")
        seen_ports.add(key)
        if type(node_port) is int and node_port:
            if (key[0], node_port) in seen_node_ports:
                yield errors.duplicate(f"{at}.nodePort", node_port)
            seen_node_ports.add((key[0], node_port))


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    if spec.get("type") == "ExternalName" or before.get("type") == "ExternalName":
        return
    was = shape.texts(before, "clusterIPs")[:1] or [shape.text(before, "clusterIP")]
    now = shape.texts(spec, "clusterIPs")[:1] or [shape.text(spec, "clusterIP")]
    if was[0] and now != was:
        yield errors.invalid_value("spec.clusterIPs[0]", shape.texts(spec, "clusterIPs"), "may not change once set")


def _fields(obj: Object) -> dict[str, str]:
    spec = shape.mapping(obj, "spec")
    return {"spec.clusterIP": shape.text(spec, "clusterIP"), "spec.type": shape.text(spec, "type")}


def balancer_addresses(obj: Object) -> list[str]:
    """Where a load balancer answers; also Ingress's."""
    ingress = shape.items(shape.mapping(shape.mapping(obj, "status"), "loadBalancer"), "ingress")
    return sorted(
        {str(entry.get("ip") or entry.get("hostname")) for entry in ingress if entry.get("ip") or entry.get("hostname")}
    )


def _external_address(obj: Object, spec: Object) -> str:
    external = shape.texts(spec, "externalIPs")
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return columns.joined(external)
        case "LoadBalancer":
            return columns.joined([*balancer_addresses(obj), *external], "<pending>")
        case "ExternalName":
            return shape.text(spec, "externalName")
    return "<unknown>"


def _port_text(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol')}"


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [
        columns.name(obj),
        shape.text(spec, "type"),
        columns.or_none((shape.texts(spec, "clusterIPs") or [shape.text(spec, "clusterIP")])[0]),
        _external_address(obj, spec),
        columns.joined(_port_text(port) for port in shape.items(spec, "ports")),
        columns.age(obj, now),
        selectors.shown_map(spec.get("selector")),
    ]


STRATEGY = generic.make(
    name_rule=metadata.dns1035_label,
    default=default,
    create=_create,
    update=_update,
    rules=_rules,
    update_rules=_update_rules,
    fields=_fields,
    columns=(
        columns.NAME,
        Column("Type", description="How the service is reached."),
        Column("Cluster-IP", description="The service's address inside the cluster."),
        Column("External-IP", description="The service's addresses outside."),
        Column("Port(s)", description="Ports, node ports and protocols."),
        columns.AGE,
        columns.SELECTOR,
    ),
    cells=_cells,
    status=True,
    create_on_update=True,
    needs_allocation=True,
    delete_returns_object=True,
)
