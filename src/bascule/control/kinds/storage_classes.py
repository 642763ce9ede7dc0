"""StorageClasses and VolumeAttributesClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")


def _default(obj: Object) -> None:
    shape.fill_zero(obj, "reclaimPolicy", "Delete")
    shape.fill_zero(obj, "volumeBindingMode", "Immediate")


def _rules(obj: Object) -> Causes:
    yield from check.required("provisioner", obj.get("provisioner"))
    yield from check.one_of("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain"))
    yield from check.one_of("volumeBindingMode", obj.get("volumeBindingMode"), _BINDING_MODES)


def _update_rules(new: Object, old: Object) -> Causes:
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        yield errors.forbidden_field("parameters", "updates to parameters are forbidden.")
    if new.get("provisioner") != old.get("provisioner"):
        yield errors.forbidden_field("provisioner", "updates to provisioner are forbidden.")
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        yield errors.forbidden_field("reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    yield from check.immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    default = any(annotations.get(key) == "true" for key in _DEFAULT_ANNOTATIONS)
    return [
        columns.name(obj) + (" (default)" if default else ""),
        shape.text(obj, "provisioner"),
        shape.text(obj, "reclaimPolicy") or "Delete",
        columns.or_none(obj.get("volumeBindingMode"), columns.UNSET),
        shape.flag(obj, "allowVolumeExpansion"),
        columns.age(obj, now),
    ]


def _attributes_rules(obj: Object) -> Causes:
    yield from check.required("driverName", obj.get("driverName"))


def _attributes_update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable_fields("", new, old, ("driverName", "parameters"))


def _attributes_cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), shape.text(obj, "driverName"), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Provisioner", description="Who makes the volumes."),
        Column("ReclaimPolicy", description="What happens to a volume whose claim is gone."),
        Column("VolumeBindingMode", description="When a volume is made."),
        Column("AllowVolumeExpansion", description="Whether volumes can grow."),
        columns.AGE,
    ),
    cells=_cells,
    delete_returns_object=True,
)
VOLUME_ATTRIBUTES_CLASS = generic.make(
    rules=_attributes_rules,
    update_rules=_attributes_update_rules,
    columns=(columns.NAME, Column("DriverName", description="The driver the attributes are for."), columns.AGE),
    cells=_attributes_cells,
    delete_returns_object=True,
)
