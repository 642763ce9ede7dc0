"""Services.

Cluster addresses and node ports are handed out by the API server (`needs_allocation`), after `prepare_create` or
`prepare_update` and before validation. What allocation must fill when it is empty: `spec.clusterIP` and
`spec.clusterIPs` (unless the type is ExternalName or the address is `None`), their families and policy,
`spec.ports[*].nodePort` (NodePort, and LoadBalancer with `allocateLoadBalancerNodePorts`) and
`spec.healthCheckNodePort`. An update keeps what was allocated.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, metadata, selectors, shape
from bascule.control.kinds.service import fields, rules
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary.objects import Object


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"loadBalancer": {}}
    fields.create(shape.ensure(obj, "spec"))


def _update(new: Object, old: Object, context: Context) -> None:
    spec = shape.ensure(new, "spec")
    fields.update(spec, shape.mapping(old, "spec"))
    if spec.get("type") != "LoadBalancer" and shape.mapping(shape.mapping(new, "status"), "loadBalancer"):
        new["status"] = {**new["status"], "loadBalancer": {}}


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
    name_rule=metadata.label,
    default=fields.default,
    create=_create,
    update=_update,
    rules=rules.problems,
    update_rules=rules.update_problems,
    status_rules=rules.status_problems,
    warnings=rules.warnings,
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
    defaults_status=True,
    create_on_update=True,
    needs_allocation=True,
    delete_returns_object=True,
)
