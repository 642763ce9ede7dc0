"""What storage drivers say and are told: CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_MODES = ("Ephemeral", "Persistent")
_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")


def _default_driver(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "attachRequired", True)
    for key in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        shape.fill(spec, key, False)
    shape.fill(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    shape.fill_zero(spec, "volumeLifecycleModes", ["Persistent"])


def _driver_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    for mode in shape.texts(spec, "volumeLifecycleModes"):
        yield from check.one_of("spec.volumeLifecycleModes", mode, _MODES)
    yield from check.one_of("spec.fsGroupPolicy", spec.get("fsGroupPolicy"), _FS_GROUP_POLICIES)


def _driver_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    audiences = [shape.text(request, "audience") for request in shape.items(spec, "tokenRequests")]
    return [
        columns.name(obj),
        spec.get("attachRequired") is not False,
        shape.flag(spec, "podInfoOnMount"),
        shape.flag(spec, "storageCapacity"),
        columns.joined(audiences, columns.UNSET),
        shape.flag(spec, "requiresRepublish"),
        columns.joined(shape.texts(spec, "volumeLifecycleModes")),
        columns.age(obj, now),
    ]


def _node_rules(obj: Object) -> Causes:
    drivers = shape.items(shape.mapping(obj, "spec"), "drivers")
    for index, driver in enumerate(drivers):
        yield from check.required(f"spec.drivers[{index}].name", driver.get("name"))
        yield from check.required(f"spec.drivers[{index}].nodeID", driver.get("nodeID"))
    yield from check.unique("spec.drivers", [driver.get("name") for driver in drivers], "name")


def _node_cells(obj: Object, now: datetime) -> list[Any]:
    drivers = shape.items(shape.mapping(obj, "spec"), "drivers")
    return [columns.name(obj), len(drivers), columns.age(obj, now)]


def _default_capacity(obj: Object) -> None:
    for key in ("capacity", "maximumVolumeSize"):
        if obj.get(key) is not None:
            obj[key] = quantities.canonical(obj[key])


def _capacity_rules(obj: Object) -> Causes:
    yield from check.required("storageClassName", obj.get("storageClassName"))
    yield from check.quantity_value("capacity", obj.get("capacity"))


def _capacity_update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable_fields("", new, old, ("nodeTopology", "storageClassName"))


def _capacity_cells(obj: Object, now: datetime) -> list[Any]:
    capacity = columns.or_none(obj.get("capacity"), columns.UNSET)
    return [columns.name(obj), shape.text(obj, "storageClassName"), capacity]


def _attachment_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.required("spec.attacher", spec.get("attacher"))
    yield from check.required("spec.nodeName", spec.get("nodeName"))
    source = shape.mapping(spec, "source")
    if not source.get("persistentVolumeName") and not source.get("inlineVolumeSpec"):
        yield errors.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")


def _attachment_update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("spec", new.get("spec"), old.get("spec"))


def _attachment_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [
        columns.name(obj),
        shape.text(spec, "attacher"),
        shape.text(shape.mapping(spec, "source"), "persistentVolumeName"),
        shape.text(spec, "nodeName"),
        shape.flag(shape.mapping(obj, "status"), "attached"),
        columns.age(obj, now),
    ]


CSI_DRIVER = generic.make(
    default=_default_driver,
    rules=_driver_rules,
    columns=(
        columns.NAME,
        Column("AttachRequired", "boolean", description="Whether volumes are attached before mounting."),
        Column("PodInfoOnMount", "boolean", description="Whether the driver is told about the pod."),
        Column("StorageCapacity", "boolean", description="Whether the driver publishes capacity."),
        Column("TokenRequests", description="Audiences of the tokens the driver gets."),
        Column("RequiresRepublish", "boolean", description="Whether mounts are repeated."),
        Column("Modes", description="Kinds of volumes the driver serves."),
        columns.AGE,
    ),
    cells=_driver_cells,
    generation=True,
    unconditional_update=False,
    delete_returns_object=True,
)
CSI_NODE = generic.make(
    rules=_node_rules,
    columns=(columns.NAME, Column("Drivers", "integer", description="Drivers on the node."), columns.AGE),
    cells=_node_cells,
    unconditional_update=False,
    delete_returns_object=True,
)
CSI_STORAGE_CAPACITY = generic.make(
    default=_default_capacity,
    rules=_capacity_rules,
    update_rules=_capacity_update_rules,
    columns=(
        columns.NAME,
        Column("StorageClassName", description="The class the capacity is for."),
        Column("Capacity", description="How much there is."),
    ),
    cells=_capacity_cells,
    unconditional_update=False,
    delete_returns_object=True,
)
VOLUME_ATTACHMENT = generic.make(
    rules=_attachment_rules,
    update_rules=_attachment_update_rules,
    columns=(
        columns.NAME,
        Column("Attacher", format="name", description="The driver that attaches."),
        Column("PV", description="The volume."),
        Column("Node", description="The node."),
        Column("Attached", "boolean", description="Whether it is attached."),
        columns.AGE,
    ),
    cells=_attachment_cells,
    status=True,
    unconditional_update=False,
    delete_returns_object=True,
)
