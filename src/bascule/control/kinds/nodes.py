"""Nodes. A node registers itself, so it is created with its status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, ips, metadata, quantities, resource_names, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import scheduling
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"
_UNKNOWN = "<unknown>"


def default(obj: Object) -> None:
    status = obj.get("status")
    if type(status) is dict and status:
        quantities.canonicalize(status, "capacity")
        quantities.canonicalize(status, "allocatable")
        if status.get("capacity") and not status.get("allocatable"):
            status["allocatable"] = dict(shape.mapping(status, "capacity"))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from _taints(shape.items(spec, "taints"))
    yield from _amounts(obj)
    ranges = shape.texts(spec, "podCIDRs")
    for index, text in enumerate(ranges):
        yield from ips.cidr(f"spec.podCIDRs[{index}]", text)
    if len(ranges) > 1:
        if not ips.one_of_each_family(ranges):
            message = "may specify no more than one CIDR for each IP family"
            yield errors.invalid_value("spec.podCIDRs", ranges, message)
        for index, text in enumerate(ranges):
            if text in ranges[:index]:
                yield errors.duplicate(f"spec.podCIDRs[{index}]", text)


def _taints(taints: list[Object]) -> Causes:
    seen = set()
    for index, taint in enumerate(taints):
        at = f"metadata.taints[{index}]"
        key, value, effect = (shape.text(taint, field) for field in ("key", "value", "effect"))
        yield from metadata.label_problems(f"{at}.key", {key: ""})
        found = names.label_value_problems(value)
        if found:
            yield errors.invalid_value(f"{at}.value", value, ";".join(found))
        if not effect:
            yield errors.required(f"{at}.effect", "")
        elif effect not in scheduling.EFFECTS:
            yield errors.not_supported(f"{at}.effect", effect, scheduling.EFFECTS, in_order=True)
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            cause = errors.duplicate(at, shown)
            yield cause._replace(message=f"{cause.message}: taints must be unique by key and effect pair")
        seen.add((key, effect))


def _amounts(obj: Object) -> Causes:
    status = shape.mapping(obj, "status")
    for field in ("capacity", "allocatable"):
        for name, value in shape.mapping(status, field).items():
            yield from resource_names.amount_problems(f"status.{field}.{name}", name, value)


def _create(obj: Object, context: Context) -> None:
    _agree(shape.ensure(obj, "spec"))


def _update(new: Object, old: Object, context: Context) -> None:
    _agree(shape.ensure(new, "spec"))


def _agree(spec: Object) -> None:
    """One range and the list of them say the same; dynamic configuration of nodes is gone."""
    one, listed = shape.text(spec, "podCIDR"), shape.sequence(spec, "podCIDRs")
    if one and not listed:
        spec["podCIDRs"] = [one]
    elif listed and listed[0] != one:
        spec["podCIDR" if not one else "podCIDRs"] = listed[0] if not one else [one]
    spec.pop("configSource", None)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from _addresses(new)
    ranges, was = shape.texts(spec, "podCIDRs"), shape.texts(before, "podCIDRs")
    message = 'node updates may not change podCIDR except from "" to valid'
    if was and len(was) != len(ranges):
        yield errors.forbidden_field("spec.podCIDRs", message)
    elif was:
        for _ in (one for one, other in zip(ranges, was, strict=True) if one != other):
            yield errors.forbidden_field("spec.podCIDRs", message)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        message = 'node updates may not change providerID except from "" to valid'
        yield errors.forbidden_field("spec.providerID", message)
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        yield errors.forbidden_field("spec.externalID", "may not be updated")


def _addresses(obj: Object) -> Causes:
    seen = []
    for index, address in enumerate(shape.items(shape.mapping(obj, "status"), "addresses")):
        pair = (address.get("type"), address.get("address"))
        if pair in seen:
            yield errors.duplicate(f"status.addresses[{index}]", {"Type": pair[0], "Address": pair[1]})
        seen.append(pair)


def _status_rules(new: Object, old: Object) -> Causes:
    yield from _amounts(new)
    yield from _addresses(new)


def _warnings(obj: Object) -> list[str]:
    spec, found = shape.mapping(obj, "spec"), []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is no longer available")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return found


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
    create=_create,
    update=_update,
    warnings=_warnings,
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
    defaults_status=True,
    created_with_status=True,
)
