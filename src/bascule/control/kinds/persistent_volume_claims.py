"""PersistentVolumeClaims."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, persistent_volumes, quantities, resource_names, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import claims, difference, updates
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_FORBIDDEN = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
_CLASS = "volume.beta.kubernetes.io/storage-class"
_RESIZE_STATUSES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
_KNOWN_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def default(obj: Object) -> None:
    claims.default(shape.ensure(obj, "spec"))
    status = shape.mapping(obj, "status")
    for key in ("capacity", "allocatedResources"):
        quantities.canonicalize(status, key)


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"phase": "Pending"}
    spec = shape.ensure(obj, "spec")
    _settle_sources(spec, {})
    _mirror(spec)


def _update(new: Object, old: Object, context: Context) -> None:
    _settle_sources(shape.ensure(new, "spec"), shape.mapping(old, "spec"))


def _settle_sources(spec: Object, before: Object) -> None:
    """Old clients could name anything as `dataSource`, and what was not known was passed over."""
    reference = spec.get("dataSourceRef")
    if type(reference) is dict and reference.get("namespace") and not before.get("dataSourceRef"):
        # Sources in other namespaces need a feature that is off.
        spec.pop("dataSourceRef")
        reference = None
    source = spec.get("dataSource")
    if before.get("dataSource") or before.get("dataSourceRef") or reference or type(source) is not dict:
        return
    if (shape.text(source, "apiGroup"), shape.text(source, "kind")) not in _KNOWN_SOURCES:
        spec.pop("dataSource")


def _mirror(spec: Object) -> None:
    """Both fields say the same, whichever of the two the client knows."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    keys = ("apiGroup", "kind", "name")
    if type(source) is dict and reference is None:
        spec["dataSourceRef"] = {key: source[key] for key in keys if source.get(key) is not None}
    elif type(reference) is dict and source is None and not reference.get("namespace"):
        spec["dataSource"] = {key: reference[key] for key in keys if reference.get(key) is not None}


def _rules(obj: Object) -> Causes:
    yield from claims.problems("spec", shape.mapping(obj, "spec"))


def _annotation(obj: Object) -> str | None:
    return shape.strings(shape.mapping(obj, "metadata"), "annotations").get(_CLASS)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = dict(shape.mapping(new, "spec")), dict(shape.mapping(old, "spec"))
    bound = shape.mapping(new, "status").get("phase") == "Bound"
    wanted, was = _storage(spec), _storage(before)
    if not before.get("volumeName"):
        before["volumeName"] = spec.get("volumeName")
    yield from _class_upgrade(new, old, spec, before)
    if bound:
        resources = shape.mapping(spec, "resources")
        if resources.get("requests") is not None:
            requests = {**shape.mapping(resources, "requests"), "storage": was}
            spec["resources"] = {**resources, "requests": requests}
        if spec.get("volumeAttributesClassName") is not None:
            spec["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    fixed, fixed_before = updates.without_absent(spec), updates.without_absent(before)
    if fixed != fixed_before:
        shown = difference.shown("core.PersistentVolumeClaimSpec", fixed_before, fixed)
        yield errors.forbidden_field("spec", f"{_FORBIDDEN}\n{shown}")
    yield from _size(wanted, was, old)
    yield from check.immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    name, old_name = (shape.mapping(obj, "spec").get("volumeAttributesClassName") for obj in (new, old))
    path = "spec.volumeAttributesClassName"
    if old_name is not None and name is None:
        yield errors.forbidden_field(path, "update from non-nil value to nil is forbidden")
    elif old_name is not None and name != old_name and not name:
        yield errors.forbidden_field(path, "update from non-nil value to an empty string is forbidden")


def _storage(spec: Object) -> Any:
    return shape.mapping(shape.mapping(spec, "resources"), "requests").get("storage")


def _class_upgrade(new: Object, old: Object, spec: Object, before: Object) -> Causes:
    """A class may be named once where none was, and move from the old annotation to the field."""
    now, was = _annotation(new), _annotation(old)
    name, old_name = spec.get("storageClassName"), before.get("storageClassName")
    if was is not None and old_name is None and name == was and now in (None, was):
        spec["storageClassName"] = None
        return
    if (now or "") != (was or ""):
        path = f"metadata.annotations.{_CLASS}"
        yield errors.invalid_value(path, now or "", errors.IMMUTABLE)
    if name is not None and old_name is None and was in (None, name):
        spec["storageClassName"] = None


def _size(wanted: Any, was: Any, old: Object) -> Causes:
    """A claim may ask for less again, down to what it has: so one that cannot grow is not stuck."""
    amount, old_amount = (check.milli(value) if type(value) is str else None for value in (wanted, was))
    has = shape.text(shape.mapping(shape.mapping(old, "status"), "capacity"), "storage")
    if amount is None or old_amount is None or amount >= old_amount:
        return
    if amount <= (check.milli(has) or 0 if has else 0):
        path = "spec.resources.requests.storage"
        yield errors.forbidden_field(path, "field can not be less than status.capacity")


def _status_rules(new: Object, old: Object) -> Causes:
    status = shape.mapping(new, "status")
    if not shape.texts(shape.mapping(new, "spec"), "accessModes"):
        yield errors.required("Spec.accessModes", "")
    for name, value in shape.mapping(status, "capacity").items():
        yield from _basic(f"status.capacity[{name}]", value)
    path = "status.allocatedResourceStatus"
    for name, value in shape.mapping(status, "allocatedResourceStatuses").items():
        yield from _resource_key(path, name)
        if value not in _RESIZE_STATUSES:
            yield errors.not_supported(path, name, _RESIZE_STATUSES)
    path = "status.allocatedResources"
    for name, value in shape.mapping(status, "allocatedResources").items():
        found = list(_resource_key(path, name)) or list(_basic(f"{path}[{name}]", value))
        yield from found


def _basic(path: str, value: Any) -> Causes:
    amount = check.milli(value) if type(value) in (str, int, float) else 0
    if amount is not None and amount < 0:
        yield errors.invalid_value(path, amount // 1000, "must be a valid resource quantity")


def _resource_key(path: str, name: str) -> Causes:
    found = names.is_qualified_name(name)
    for problem in found:
        yield errors.invalid_value(path, name, problem)
    if not found and resource_names.is_native(name) and name != "storage":
        yield errors.not_supported(path, name, ("storage",))


def _fields(obj: Object) -> dict[str, str]:
    return {"name": columns.name(obj)}


def _warnings(obj: Object) -> list[str]:
    found = []
    if _annotation(obj) is not None:
        message = 'deprecated since v1.8; use "storageClassName" attribute instead'
        found.append(f"metadata.annotations[{_CLASS}]: {message}")
    return [*found, *claims.warnings("spec", shape.mapping(obj, "spec"))]


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    bound = bool(spec.get("volumeName"))
    return [
        columns.name(obj),
        persistent_volumes.phase(obj),
        shape.text(spec, "volumeName"),
        shape.text(shape.mapping(status, "capacity"), "storage") or "0" if bound else "",
        persistent_volumes.modes(shape.texts(status, "accessModes")) if bound else "",
        persistent_volumes.storage_class(obj),
        columns.or_none(spec.get("volumeAttributesClassName"), columns.UNSET),
        columns.age(obj, now),
        columns.or_none(spec.get("volumeMode"), columns.UNSET),
    ]


STRATEGY = generic.make(
    default=default,
    create=_create,
    update=_update,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    fields=_fields,
    warnings=_warnings,
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
    defaults_status=True,
    delete_returns_object=True,
)
