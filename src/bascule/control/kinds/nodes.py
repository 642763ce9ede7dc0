"""Nodes. A node registers itself, so it is created with its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, metadata, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import scheduling
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"
_ONCE = ("podCIDR", "providerID")
_UNKNOWN = "<unknown>"


def default(obj: Object) -> None:
    status = obj.get("status")
    if type(status) is dict and status:
        quantities.canonicalize(status, "capacity")
        quantities.canonicalize(status, "allocatable")
        if status.get("capacity") and not status.get("allocatable"):
            status["allocatable"] = dict(shape.mapping(status, "capacity"))


def _rules(obj: Object) -> Causes:
    seen = set()
    for index, taint in enumerate(shape.items(shape.mapping(obj, "spec"), "taints")):
        at = f"spec.taints[{index}]"
        key, effect = shape.text(taint, "key"), shape.text(taint, "effect")
        if not key:
            yield errors.required(f"{at}.key", "")
        yield from metadata.label_problems(f"{at}.key", {key: ""} if key else {})
        yield from metadata.label_problems(f"{at}.value", {"value": taint.get("value")})
        if not effect:
            yield errors.required(f"{at}.effect", "")
        yield from check.one_of(f"{at}.effect", effect, scheduling.EFFECTS)
        if (key, effect) in seen:
            yield errors.duplicate(at, f"{key}:{effect}")
        seen.add((key, effect))
    yield from _amounts(obj)


def _amounts(obj: Object) -> Causes:
    status = shape.mapping(obj, "status")
    for field in ("capacity", "allocatable"):
        for name, value in shape.mapping(status, field).items():
            yield from check.quantity_value(f"status.{field}[{name}]", value)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    for field in _ONCE:
        if before.get(field) and spec.get(field) != before.get(field):
            yield errors.forbidden_field(
                f"spec.{field}", f'node updates may not change {field} except from "" to valid'
            )


def _status_rules(new: Object, old: Object) -> Causes:
    yield from _amounts(new)


def _fields(obj: Object) -> dict[str, str]:
    unschedulable = shape.mapping(obj, "spec").get("unschedulable") is True
    return {"spec.unschedulable": "true" if unschedulable else "false"}


def _state(obj: Object) -> str:
    state = "Unknown"
    for condition in shape.items(shape.mapping(obj, "status"), "conditions"):
        if condition.get("type") == "Ready":
            state = "Ready" if condition.get("status") == "True" else "NotReady"
    if shape.mapping(obj, "spec").get("unschedulable") is True:
        state += ",SchedulingDisabled"
    return state


def _roles(obj: Object) -> str:
    labels = shape.strings(shape.mapping(obj, "metadata"), "labels")
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles.add(labels.get(_ROLE, ""))
    return columns.joined(sorted(roles - {""}))


def _address(status: Object, kind: str) -> str:
    for address in shape.items(status, "addresses"):
        if address.get("type") == kind:
            return shape.text(address, "address")
    return columns.NONE


def _cells(obj: Object, now: datetime) -> list[Any]:
    status = shape.mapping(obj, "status")
    info = shape.mapping(status, "nodeInfo")
    return [
        columns.name(obj),
        _state(obj),
        _roles(obj),
        columns.age(obj, now),
        shape.text(info, "kubeletVersion"),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        columns.or_none(info.get("osImage"), _UNKNOWN),
        columns.or_none(info.get("kernelVersion"), _UNKNOWN),
        columns.or_none(info.get("containerRuntimeVersion"), _UNKNOWN),
    ]


STRATEGY = generic.make(
    default=default,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    fields=_fields,
    columns=(
        columns.NAME,
        Column("Status", description="Whether the node is ready and takes pods."),
        Column("Roles", description="The node's roles, from its labels."),
        columns.AGE,
        Column("Version", description="The node agent's version."),
        Column("Internal-IP", priority=1, description="The node's address inside the cluster."),
        Column("External-IP", priority=1, description="The node's address outside."),
        Column("OS-Image", priority=1, description="The node's operating system."),
        Column("Kernel-Version", priority=1, description="The node's kernel."),
        Column("Container-Runtime", priority=1, description="What runs the node's containers."),
    ),
    cells=_cells,
    status=True,
    created_with_status=True,
)
