"""Dynamic resources: ResourceClaim, ResourceClaimTemplate, ResourceSlice, DeviceClass."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, device_claims, device_slices, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _default_claim(obj: Object) -> None:
    device_claims.default(shape.mapping(shape.ensure(obj, "spec"), "devices"))


def _default_template(obj: Object) -> None:
    device_claims.default(shape.mapping(shape.mapping(shape.mapping(obj, "spec"), "spec"), "devices"))


def _claim_rules(obj: Object) -> Causes:
    yield from device_claims.problems("spec.devices", shape.mapping(shape.mapping(obj, "spec"), "devices"))


def _template_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from device_claims.template_metadata("spec.metadata", shape.mapping(spec, "metadata"))
    yield from device_claims.problems("spec.spec.devices", shape.mapping(shape.mapping(spec, "spec"), "devices"))


def _class_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from device_claims.selector_problems("spec.selectors", shape.items(spec, "selectors"))
    yield from device_claims.configurations("spec.config", shape.items(spec, "config"))


def _fixed_spec(new: Object, old: Object) -> Causes:
    yield from check.immutable("spec", new.get("spec"), old.get("spec"))


def _state(obj: Object) -> str:
    status = shape.mapping(obj, "status")
    states = []
    if shape.mapping(obj, "metadata").get("deletionTimestamp"):
        states.append("deleted")
    if not status.get("allocation"):
        if "deleted" not in states:
            states.append("pending")
    else:
        states.append("allocated")
        states.append("reserved" if status.get("reservedFor") else "")
    return ",".join(state for state in states if state)


def _claim_cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), _state(obj), columns.age(obj, now)]


def _aged_cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), columns.age(obj, now)]


def _slice_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable_fields("spec", spec, before, ("driver", "nodeName"))
    pool, was = shape.mapping(spec, "pool"), shape.mapping(before, "pool")
    yield from check.immutable("spec.pool.name", pool.get("name"), was.get("name"))


def _slice_fields(obj: Object) -> dict[str, str]:
    spec = shape.mapping(obj, "spec")
    return {"spec.nodeName": shape.text(spec, "nodeName"), "spec.driver": shape.text(spec, "driver")}


def _slice_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [
        columns.name(obj),
        columns.or_none(spec.get("nodeName"), columns.UNSET),
        shape.text(spec, "driver"),
        shape.text(shape.mapping(spec, "pool"), "name"),
        columns.age(obj, now),
    ]


RESOURCE_CLAIM = generic.make(
    default=_default_claim,
    rules=_claim_rules,
    update_rules=_fixed_spec,
    status_rules=device_claims.status_problems,
    columns=(columns.NAME, Column("State", description="What the claim waits for or has."), columns.AGE),
    cells=_claim_cells,
    status=True,
)
RESOURCE_CLAIM_TEMPLATE = generic.make(
    default=_default_template,
    rules=_template_rules,
    update_rules=_fixed_spec,
    columns=(columns.NAME, columns.AGE),
    cells=_aged_cells,
)
RESOURCE_SLICE = generic.make(
    rules=device_slices.problems,
    update_rules=_slice_update_rules,
    fields=_slice_fields,
    columns=(
        columns.NAME,
        Column("Node", description="The node that has the devices."),
        Column("Driver", description="The driver that offers them."),
        Column("Pool", description="The pool they belong to."),
        columns.AGE,
    ),
    cells=_slice_cells,
    generation=True,
)
DEVICE_CLASS = generic.make(
    rules=_class_rules,
    columns=(columns.NAME, columns.AGE),
    cells=_aged_cells,
    generation=True,
)
