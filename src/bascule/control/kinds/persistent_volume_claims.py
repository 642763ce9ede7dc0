"""PersistentVolumeClaims."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, persistent_volumes, quantities, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_FORBIDDEN = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill_zero(spec, "volumeMode", "Filesystem")
    quantities.canonicalize(shape.mapping(spec, "resources"), "requests")
    quantities.canonicalize(shape.mapping(spec, "resources"), "limits")


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"phase": "Pending"}


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    modes = shape.texts(spec, "accessModes")
    if not modes:
        yield errors.required("spec.accessModes", "at least 1 access mode is required")
    yield from persistent_volumes.mode_problems("spec.accessModes", modes)
    yield from selectors.problems("spec.selector", spec.get("selector"))
    requests = shape.mapping(shape.mapping(spec, "resources"), "requests")
    if requests.get("storage") is None:
        yield errors.required("spec.resources[storage]", "")
    else:
        yield from persistent_volumes.positive_amount("spec.resources[storage]", requests["storage"])
    yield from check.one_of("spec.volumeMode", spec.get("volumeMode"), ("Block", "Filesystem"))
    name = shape.text(spec, "storageClassName")
    if name:
        yield from check.subdomain("spec.storageClassName", name)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    bound = shape.mapping(old, "status").get("phase") == "Bound"
    if _fixed(spec, before, bound=bound) != _fixed(before, before, bound=bound):
        yield errors.forbidden_field("spec", _FORBIDDEN)
    capacity = shape.mapping(shape.mapping(old, "status"), "capacity").get("storage")
    wanted = shape.mapping(shape.mapping(spec, "resources"), "requests").get("storage")
    was = shape.mapping(shape.mapping(before, "resources"), "requests").get("storage")
    if wanted != was and capacity is not None:
        now, has = check.milli(str(wanted)), check.milli(str(capacity))
        if now is not None and has is not None and now < has:
            yield errors.forbidden_field(
                "spec.resources.requests.storage", "field can not be less than status.capacity"
            )


def _fixed(spec: Object, before: Object, *, bound: bool) -> Object:
    """The spec without what may change: a volume is bound once, a bound claim may ask for more."""
    fixed = {key: value for key, value in spec.items() if value is not None and key != "volumeAttributesClassName"}
    if bound:
        resources = dict(shape.mapping(spec, "resources"))
        resources.pop("requests", None)
        fixed["resources"] = resources
    for key in ("volumeName", "storageClassName"):
        if not before.get(key):
            fixed.pop(key, None)
    return fixed


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    bound = bool(spec.get("volumeName"))
    return [
        columns.name(obj),
        persistent_volumes.phase(obj),
        shape.text(spec, "volumeName"),
        shape.text(shape.mapping(status, "capacity"), "storage") if bound else "",
        persistent_volumes.modes(shape.texts(status, "accessModes")) if bound else "",
        persistent_volumes.storage_class(obj),
        columns.or_none(spec.get("volumeAttributesClassName"), columns.UNSET),
        columns.age(obj, now),
        columns.or_none(spec.get("volumeMode"), columns.UNSET),
    ]


STRATEGY = generic.make(
    default=default,
    create=_create,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Status", description="Whether the claim is bound."),
        Column("Volume", description="The volume it is bound to."),
        Column("Capacity", description="The bound volume's size."),
        Column("Access Modes", description="How the volume may be mounted."),
        Column("StorageClass", description="The class that provides the volume."),
        Column("VolumeAttributesClass", description="The class of the volume's attributes."),
        columns.AGE,
        Column("VolumeMode", priority=1, description="File system or block device."),
    ),
    cells=_cells,
    status=True,
    delete_returns_object=True,
)
