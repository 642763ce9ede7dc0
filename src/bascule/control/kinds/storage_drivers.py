"""What storage drivers say and are told: CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, quantities, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_MODES = ("Persistent", "Ephemeral")
_TOKEN_SECONDS_MIN, _PERIOD_SECONDS_MIN = 600, 10
_NODE_LENGTH_MAX = 256
_METADATA_SIZE_MAX, _MESSAGE_SIZE_MAX = 256 * 1024, 1024
_FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")


def _default_driver(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "attachRequired", True)
    for key in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        shape.fill(spec, key, False)
    shape.fill(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    shape.fill_zero(spec, "volumeLifecycleModes", ["Persistent"])


def _create_driver(obj: Object, context: Context) -> None:
    """No generation at first, though changes make one."""
    shape.ensure(obj, "metadata").pop("generation", None)


def _driver_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.one_of("spec.fsGroupPolicy", spec.get("fsGroupPolicy"), _FS_GROUP_POLICIES)
    audiences: set[str] = set()
    for index, request in enumerate(shape.items(spec, "tokenRequests")):
        at, audience = f"spec.tokenRequests[{index}]", shape.text(request, "audience")
        if audience in audiences:
            yield errors.duplicate(f"{at}.audience", audience)
            continue
        audiences.add(audience)
        seconds = shape.integer(request, "expirationSeconds")
        if seconds is not None and seconds < _TOKEN_SECONDS_MIN:
            yield errors.invalid_value(
                f"{at}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
        if seconds is not None and seconds > 1 << 32:
            yield errors.invalid_value(
                f"{at}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"
            )
    for mode in shape.texts(spec, "volumeLifecycleModes"):
        if mode not in _MODES:
            yield errors.not_supported("spec.volumeLifecycleModes", mode, _MODES, in_order=True)
    period = shape.integer(spec, "nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _PERIOD_SECONDS_MIN:
        yield errors.invalid_value(
            "spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds"
        )


def _driver_update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.attachedRequired", spec.get("attachRequired"), before.get("attachRequired"))
    yield from check.immutable_fields("spec", spec, before, ("volumeLifecycleModes",))


def _driver_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    audiences = [shape.text(request, "audience") for request in shape.items(spec, "tokenRequests")]
    return [
        columns.name(obj),
        spec.get("attachRequired") is not False,
        shape.flag(spec, "podInfoOnMount"),
        shape.flag(spec, "storageCapacity"),
        columns.UNSET if spec.get("tokenRequests") is None else ",".join(audiences),
        shape.flag(spec, "requiresRepublish"),
        columns.joined(shape.texts(spec, "volumeLifecycleModes")),
        columns.age(obj, now),
    ]


def _node_rules(obj: Object) -> Causes:
    names: set[str] = set()
    for index, driver in enumerate(shape.items(shape.mapping(obj, "spec"), "drivers")):
        at, name = f"spec.drivers[{index}]", shape.text(driver, "name")
        yield from identifiers.driver(f"{at}.name", name)
        node = shape.text(driver, "nodeID")
        if not node:
            yield errors.required(f"{at}.nodeID", "")
        if len(node) > _NODE_LENGTH_MAX:
            yield errors.invalid_value(f"{at}.nodeID", node, f"must be {_NODE_LENGTH_MAX} characters or less")
        count = shape.mapping(driver, "allocatable").get("count")
        yield from check.not_negative(f"{at}.allocatable.count", count)
        if name in names:
            yield errors.duplicate(f"{at}.name", name)
        names.add(name)
        keys = shape.texts(driver, "topologyKeys")
        for index_of_key, key in enumerate(keys):
            if not key:
                yield errors.required(at, "")
            if key in keys[:index_of_key]:
                yield errors.duplicate(at, key)
            yield from identifiers.qualified(at, key)


def _node_update_rules(new: Object, old: Object) -> Causes:
    """What a driver said of a node stays, but for how many volumes it can take."""
    before = {
        driver.get("name"): driver
        for driver in shape.items(shape.mapping(old, "spec"), "drivers")
        if type(driver.get("name")) is str
    }
    for driver in shape.items(shape.mapping(new, "spec"), "drivers"):
        known = before.get(driver["name"]) if type(driver.get("name")) is str else None
        if known is not None and _fixed(driver) != _fixed(known):
            yield errors.invalid_value("spec.drivers", driver, errors.IMMUTABLE)


def _fixed(driver: Object) -> Object:
    return {key: value for key, value in driver.items() if key != "allocatable" and value not in (None, [])}


def _node_cells(obj: Object, now: datetime) -> list[Any]:
    drivers = shape.items(shape.mapping(obj, "spec"), "drivers")
    return [columns.name(obj), len(drivers), columns.age(obj, now)]


def _default_capacity(obj: Object) -> None:
    for key in ("capacity", "maximumVolumeSize"):
        if obj.get(key) is not None:
            obj[key] = quantities.canonical(obj[key])


def _capacity_rules(obj: Object) -> Causes:
    yield from selectors.problems("nodeTopology", obj.get("nodeTopology"))
    yield from identifiers.subdomain("storageClassName", shape.text(obj, "storageClassName"))
    yield from check.quantity_value("capacity", obj.get("capacity"))


def _capacity_update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable_fields("", new, old, ("nodeTopology", "storageClassName"))


def _capacity_cells(obj: Object, now: datetime) -> list[Any]:
    capacity = columns.or_none(obj.get("capacity"), columns.UNSET)
    return [columns.name(obj), shape.text(obj, "storageClassName"), capacity]


def _attachment_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    source = shape.mapping(spec, "source")
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    exactly = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if not spec.get("attacher"):
        yield errors.required("spec.attacher", "")
    if volume is None and type(inline) is not dict:
        yield errors.required("spec.source", exactly)
    elif volume is not None and type(inline) is dict:
        yield errors.forbidden_field("spec.source", exactly)
    elif volume == "":
        yield errors.required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName")
    yield from identifiers.subdomain("spec.nodeName", shape.text(spec, "nodeName"))
    yield from _attachment_status(obj)
    yield from identifiers.driver("spec.attacher", spec.get("attacher"))
    yield from identifiers.subdomain("spec.source.persistentVolumeName", volume)


def _attachment_status(obj: Object) -> Causes:
    status = shape.mapping(obj, "status")
    noted = shape.strings(status, "attachmentMetadata")
    if sum(len(key) + len(value) for key, value in noted.items()) > _METADATA_SIZE_MAX:
        yield errors.too_long("status.attachmentMetadata", _METADATA_SIZE_MAX)
    for key in ("attachError", "detachError"):
        error = shape.mapping(status, key)
        if len(shape.text(error, "message")) > _MESSAGE_SIZE_MAX:
            yield errors.too_long(f"status.{key}.message", _METADATA_SIZE_MAX)
        code = shape.integer(error, "errorCode")
        if code is not None and code < 0:
            yield errors.invalid_value(f"status.{key}.errorCode", code, "must be between 0 and 2147483647, inclusive")


def _detached(obj: Object, _context: Context) -> None:
    obj["status"] = {"attached": False}  # Said from the beginning: the member is required.


def _attachment_status_rules(new: Object, old: Object) -> Causes:
    yield from _attachment_status(new)


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
    create=_create_driver,
    rules=_driver_rules,
    update_rules=_driver_update_rules,
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
    update_rules=_node_update_rules,
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
    create=_detached,
    rules=_attachment_rules,
    update_rules=_attachment_update_rules,
    status_rules=_attachment_status_rules,
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
