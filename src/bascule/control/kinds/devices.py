"""Dynamic resources: ResourceClaim, ResourceClaimTemplate, ResourceSlice, DeviceClass."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _default_devices(spec: Object) -> None:
    for request in shape.items(shape.mapping(spec, "devices"), "requests"):
        exact = request.get("exactly")
        for demand in [*([exact] if type(exact) is dict else []), *shape.items(request, "firstAvailable")]:
            shape.fill_zero(demand, "allocationMode", "ExactCount")
            if demand["allocationMode"] == "ExactCount":
                shape.fill_zero(demand, "count", 1)


def _default_claim(obj: Object) -> None:
    _default_devices(shape.ensure(obj, "spec"))


def _default_template(obj: Object) -> None:
    _default_devices(shape.mapping(shape.mapping(obj, "spec"), "spec"))


def _device_rules(path: str, spec: Object) -> Causes:
    requests = shape.items(shape.mapping(spec, "devices"), "requests")
    for index, request in enumerate(requests):
        at = f"{path}.devices.requests[{index}]"
        name = shape.text(request, "name")
        if not name:
            yield errors.required(f"{at}.name", "")
        else:
            yield from check.label(f"{at}.name", name)
        kinds = [key for key in ("exactly", "firstAvailable") if request.get(key)]
        if not kinds:
            yield errors.required(at, "exactly one of `exactly` or `firstAvailable` is required")
        elif len(kinds) > 1:
            yield errors.invalid_value(at, name, "exactly one of `exactly` or `firstAvailable` is required")
        exact = shape.mapping(request, "exactly")
        if exact:
            yield from check.required(f"{at}.exactly.deviceClassName", exact.get("deviceClassName"))
    names = [request.get("name") for request in requests]
    yield from check.unique(f"{path}.devices.requests", names, "name")


def _claim_rules(obj: Object) -> Causes:
    yield from _device_rules("spec", shape.mapping(obj, "spec"))


def _template_rules(obj: Object) -> Causes:
    yield from _device_rules("spec.spec", shape.mapping(shape.mapping(obj, "spec"), "spec"))


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


def _slice_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.required("spec.driver", spec.get("driver"))
    yield from check.required("spec.pool.name", shape.mapping(spec, "pool").get("name"))
    places = [key for key in ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection") if spec.get(key)]
    if len(places) != 1:
        yield errors.required(
            "spec",
            "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
        )


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
    rules=_slice_rules,
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
DEVICE_CLASS = generic.make(columns=(columns.NAME, columns.AGE), cells=_aged_cells, generation=True)
