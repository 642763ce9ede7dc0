"""Pods."""

from __future__ import annotations

from bascule.control.kinds import generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import containers, printing, qos, rules, template, updates
from bascule.control.kinds.strategy import Context
from bascule.vocabulary.objects import Object


def default(pod: Object) -> None:
    spec = shape.ensure(pod, "spec")
    shape.fill(spec, "enableServiceLinks", True)
    template.default_spec(spec)
    on_host = spec.get("hostNetwork") is True
    for key in ("containers", "initContainers"):
        for container in shape.items(spec, key):
            containers.default_requests(container)
            if on_host:
                containers.default_host_ports(container)
    if spec.get("resources"):
        resources = shape.ensure(spec, "resources")
        quantities.canonicalize(resources, "limits")
        quantities.canonicalize(resources, "requests")
        containers.default_requests(spec)


def _create(pod: Object, context: Context) -> None:
    pod["status"] = {"phase": "Pending", "qosClass": qos.class_of(shape.mapping(pod, "spec"))}


def _rules(pod: Object) -> Causes:
    yield from rules.problems("spec", shape.mapping(pod, "spec"))


def _fields(pod: Object) -> dict[str, str]:
    spec, status = shape.mapping(pod, "spec"), shape.mapping(pod, "status")
    return {
        "spec.nodeName": shape.text(spec, "nodeName"),
        "spec.restartPolicy": shape.text(spec, "restartPolicy"),
        "spec.schedulerName": shape.text(spec, "schedulerName"),
        "spec.serviceAccountName": shape.text(spec, "serviceAccountName"),
        "spec.hostNetwork": "true" if spec.get("hostNetwork") is True else "false",
        "status.phase": shape.text(status, "phase"),
        "status.podIP": shape.text(status, "podIP"),
        "status.nominatedNodeName": shape.text(status, "nominatedNodeName"),
    }


STRATEGY = generic.make(
    default=default,
    create=_create,
    rules=_rules,
    update_rules=updates.problems,
    fields=_fields,
    columns=printing.COLUMNS,
    cells=printing.cells,
    status=True,
    generation=True,
    graceful_delete=True,
    delete_returns_object=True,
)
