"""PersistentVolumes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import scheduling
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, timestamps
from bascule.vocabulary.objects import Object

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_SETTINGS = frozenset(
    (
        "capacity",
        "accessModes",
        "claimRef",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "mountOptions",
        "volumeMode",
        "nodeAffinity",
        "volumeAttributesClassName",
    )
)
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def mode_problems(path: str, wanted: list[str]) -> Causes:
    """Access modes, of volumes and claims."""
    for mode in wanted:
        if mode not in _MODES:
            yield errors.not_supported(path, mode, tuple(_MODES))
    if "ReadWriteOncePod" in wanted and len(wanted) > 1:
        yield errors.forbidden_field(path, "may not use ReadWriteOncePod with other access modes")


def positive_amount(path: str, value: Any) -> Causes:
    amount = check.milli(value) if type(value) in (str, int, float) else None
    if amount is None:
        yield from check.quantity_value(path, value)
    elif amount <= 0:
        yield errors.invalid_value(path, str(value), "must be greater than zero")


def modes(wanted: list[str]) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in wanted)


def phase(obj: Object) -> str:
    if shape.mapping(obj, "metadata").get("deletionTimestamp"):
        return "Terminating"
    return shape.text(shape.mapping(obj, "status"), "phase")


def storage_class(obj: Object) -> str:
    annotations = shape.strings(shape.mapping(obj, "metadata"), "annotations")
    return annotations.get(_CLASS_ANNOTATION) or shape.text(shape.mapping(obj, "spec"), "storageClassName")


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill_zero(spec, "persistentVolumeReclaimPolicy", "Retain")
    shape.fill_zero(spec, "volumeMode", "Filesystem")
    quantities.canonicalize(spec, "capacity")
    host_path = spec.get("hostPath")
    if type(host_path) is dict:
        shape.fill(host_path, "type", "")


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": timestamps.format(context.now)}


def _sources(spec: Object) -> list[str]:
    return sorted(key for key, value in spec.items() if key not in _SETTINGS and value is not None)


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    wanted = shape.texts(spec, "accessModes")
    if not wanted:
        yield errors.required("spec.accessModes", "")
    yield from mode_problems("spec.accessModes", wanted)
    capacity = shape.mapping(spec, "capacity")
    if not capacity:
        yield errors.required("spec.capacity", "")
    for name, value in capacity.items():
        if name != "storage":
            yield errors.not_supported("spec.capacity", name, ("storage",))
        yield from positive_amount(f"spec.capacity[{name}]", value)
    policies = ("Delete", "Recycle", "Retain")
    yield from check.one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), policies)
    yield from check.one_of("spec.volumeMode", spec.get("volumeMode"), ("Block", "Filesystem"))
    sources = _sources(spec)
    if not sources:
        yield errors.required("spec", "must specify a volume type")
    for extra in sources[1:]:
        yield errors.forbidden_field(f"spec.{extra}", "may not specify more than 1 volume type")
    required = shape.mapping(spec, "nodeAffinity").get("required")
    if type(required) is dict:
        yield from scheduling.node_selector("spec.nodeAffinity.required", required)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    names = _sources(before)
    if [spec.get(name) for name in names] != [before.get(name) for name in names]:
        yield errors.forbidden_field(
            "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
        )
    yield from check.immutable("spec.volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity"):
        yield from check.immutable("spec.nodeAffinity", spec.get("nodeAffinity"), before["nodeAffinity"])


def _fields(obj: Object) -> dict[str, str]:
    return {"name": columns.name(obj)}


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    claim = shape.mapping(spec, "claimRef")
    return [
        columns.name(obj),
        shape.text(shape.mapping(spec, "capacity"), "storage"),
        modes(shape.texts(spec, "accessModes")),
        shape.text(spec, "persistentVolumeReclaimPolicy"),
        phase(obj),
        f"{shape.text(claim, 'namespace')}/{shape.text(claim, 'name')}" if claim else "",
        storage_class(obj),
        columns.or_none(spec.get("volumeAttributesClassName"), columns.UNSET),
        shape.text(status, "reason"),
        columns.age(obj, now),
        columns.or_none(spec.get("volumeMode"), columns.UNSET),
    ]


STRATEGY = generic.make(
    default=_default,
    create=_create,
    rules=_rules,
    update_rules=_update_rules,
    fields=_fields,
    columns=(
        columns.NAME,
        Column("Capacity", description="The volume's size."),
        Column("Access Modes", description="How the volume may be mounted."),
        Column("Reclaim Policy", description="What happens when its claim is gone."),
        Column("Status", description="Whether the volume is bound."),
        Column("Claim", description="The claim it is bound to."),
        Column("StorageClass", description="The class that provided the volume."),
        Column("VolumeAttributesClass", description="The class of the volume's attributes."),
        Column("Reason", description="Why the volume is in its state."),
        columns.AGE,
        Column("VolumeMode", priority=1, description="File system or block device."),
    ),
    cells=_cells,
    status=True,
    delete_returns_object=True,
)
