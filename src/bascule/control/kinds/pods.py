"""Pods."""

from __future__ import annotations

import dataclasses

from bascule.control.kinds import generic, metadata, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import (
    annotated,
    approved,
    containers,
    doors,
    printing,
    qos,
    rules,
    scheduling,
    status_rules,
    template,
    totals,
    updates,
    warnings,
)
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_NEEDS_NO_ADDING = ("cpu", "memory")


def default(pod: Object) -> None:
    spec = shape.ensure(pod, "spec")
    shape.fill(spec, "enableServiceLinks", True)
    template.default_spec(spec)
    on_host = spec.get("hostNetwork") is True
    for key in ("containers", "initContainers"):
        for container in shape.items(spec, key) if key in spec else ():
            containers.default_requests(container)
            if on_host:
                containers.default_host_ports(container)
    if spec.get("resources"):
        _default_whole(spec)


def _default_whole(spec: Object) -> None:
    """Requests of the pod as a whole: what its containers ask for together, or else what limits it."""
    resources = shape.ensure(spec, "resources")
    quantities.canonicalize(resources, "limits")
    quantities.canonicalize(resources, "requests")
    limits, requests = shape.mapping(resources, "limits"), shape.mapping(resources, "requests")
    if not limits and not requests:
        return
    for name, total in totals.of_containers(spec, "limits").items():
        if name.startswith("hugepages-") and requests.get(name) is None and limits.get(name) is None:
            limits[name] = quantities.canonical(total)
            resources["limits"] = limits
    if not limits:
        return
    for name, total in totals.of_containers(spec, "requests").items():
        if name in _NEEDS_NO_ADDING and requests.get(name) is None:
            requests[name] = quantities.canonical(total)
    for name, limit in limits.items():
        if requests.get(name) is None and (name in _NEEDS_NO_ADDING or name.startswith("hugepages-")):
            requests[name] = limit
    if requests:
        resources["requests"] = requests


def _create(pod: Object, context: Context) -> None:
    spec = shape.mapping(pod, "spec")
    status: Object = {"phase": "Pending", "qosClass": qos.class_of(spec)}
    if spec.get("schedulingGates"):
        gated = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }
        status["conditions"] = [gated]
    pod["status"] = status
    annotated.settle_app_armor(pod)
    if spec.get("affinity") or spec.get("topologySpreadConstraints"):
        scheduling.apply_label_keys(spec, shape.strings(shape.mapping(pod, "metadata"), "labels"))


def _rules(pod: Object) -> Causes:
    yield from rules.pod_problems(pod)


def _status(new: Object, old: Object, context: Context) -> None:
    """What a status update that says nothing of these leaves as it was: the class, and what was observed."""
    _generic_status(new, old, context)
    status, before = new.get("status"), shape.mapping(old, "status")
    if type(status) is not dict:
        status = new["status"] = {}
    _agree_on_addresses(status)
    if not status.get("qosClass") and before.get("qosClass"):
        status["qosClass"] = before["qosClass"]
    _keep_generation(status, before)
    known: dict[str, list[Object]] = {}
    for condition in shape.items(before, "conditions"):
        if condition.get("observedGeneration"):
            known.setdefault(shape.text(condition, "type"), []).append(condition)
    if not known or not shape.items(status, "conditions"):
        return
    # Copies, as the rest of the status may be what is stored.
    conditions = [dict(one) if type(one) is dict else one for one in status["conditions"]]
    new["status"] = status = status | {"conditions": conditions}
    for condition in shape.items(status, "conditions"):
        same = known.get(shape.text(condition, "type"))
        if same:
            _keep_generation(condition, same.pop(0))


def _agree_on_addresses(status: Object) -> None:
    """`podIP` is the first of `podIPs`: who writes one has written the other, and where they differ `podIP` counts."""
    first, known = shape.text(status, "podIP"), shape.items(status, "podIPs")
    if first and (not known or known[0].get("ip") != first):
        status["podIPs"] = [{"ip": first}]
    elif known and not first and shape.text(known[0], "ip"):
        status["podIP"] = known[0]["ip"]


def _keep_generation(now: Object, before: Object) -> None:
    if not now.get("observedGeneration") and before.get("observedGeneration"):
        now["observedGeneration"] = before["observedGeneration"]


def _fields(pod: Object) -> dict[str, str]:
    spec, status = shape.mapping(pod, "spec"), shape.mapping(pod, "status")
    addresses = shape.items(status, "podIPs")
    return {
        "spec.nodeName": shape.text(spec, "nodeName"),
        "spec.restartPolicy": shape.text(spec, "restartPolicy"),
        "spec.schedulerName": shape.text(spec, "schedulerName"),
        "spec.serviceAccountName": shape.text(spec, "serviceAccountName"),
        "spec.hostNetwork": "true" if spec.get("hostNetwork") is True else "false",
        "status.phase": shape.text(status, "phase"),
        "status.podIP": shape.text(addresses[0], "ip") if addresses else shape.text(status, "podIP"),
        "status.nominatedNodeName": shape.text(status, "nominatedNodeName"),
    }


_COMMON = generic.make(
    default=default,
    create=_create,
    rules=_rules,
    update_rules=updates.problems,
    status_rules=status_rules.problems,
    fields=_fields,
    columns=printing.COLUMNS,
    cells=printing.cells,
    warnings=warnings.of_pod,
    warns_on_update=False,
    status=True,
    generation=True,
    graceful_delete=True,
    delete_returns_object=True,
)
_generic_status = _COMMON.prepare_status


def _validate_create(pod: Object) -> list[errors.Cause]:
    causes = _COMMON.validate(pod)
    causes.extend(rules.creation_problems(pod))
    return causes


def _review(pod: Object) -> tuple[list[errors.Cause], list[str]]:
    """A spec in which nothing was wrong lately is not judged again, where it depends on nothing else."""
    own, spec = shape.mapping(pod, "metadata"), shape.mapping(pod, "spec")
    if own.get("annotations") and (annotated.of(pod) or warnings.are_noted(own["annotations"])):
        return _validate_create(pod), warnings.of_pod(pod)
    key = approved.digest(spec, pod=True)
    said = approved.warnings(key)
    if said is not None:
        causes = metadata.problems(pod, metadata.subdomain)
    else:
        causes, said = _validate_create(pod), warnings.of_spec(spec)
        if not causes and not any("ephemeral" in volume for volume in shape.items(spec, "volumes")):
            approved.remember(key, said)  # Claims of ephemeral volumes are named after the pod.
    return causes, [*warnings.of_name(shape.text(own, "name")), *said]


STRATEGY = dataclasses.replace(
    _COMMON,
    prepare_status=_status,
    prepares_whole=True,
    validate_create=_validate_create,
    review=_review,
    doors={"resize": doors.resize_problems, "ephemeralcontainers": doors.ephemeral_problems},
)
