"""PersistentVolumes."""

from __future__ import annotations

import dataclasses
import posixpath
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import claims, difference, paths, scheduling, sources, updates, warnings
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, timestamps
from bascule.vocabulary.objects import Object

_SOURCES = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte"),
    *("cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk"),
    *("portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi"),
)
_MISSPELT = {"cephfs": "cephFS"}
"""What is said of a second source, in the words clients know."""
_POLICIES = ("Delete", "Recycle", "Retain")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_SECRETS = ("controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef")
_NOT_BETA = "field is immutable, except for updating from beta label to GA"
_STABLE_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}
_PLUGIN_WARNINGS = {
    "photonPersistentDisk": "spec.photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
    "scaleIO": "spec.scaleIO: deprecated in v1.16, non-functional in v1.22+",
    "storageos": "spec.storageOS: deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "spec.glusterfs: deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
    "rbd": "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
}


def modes(wanted: list[str]) -> str:
    return ",".join(short for mode, short in claims.ACCESS_MODES.items() if mode in wanted)


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
    shape.fill(spec, "volumeMode", "Filesystem")
    quantities.canonicalize(spec, "capacity")
    sources.default(spec)


def _create(obj: Object, context: Context) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": timestamps.format(context.now)}


def _sources(spec: Object) -> list[str]:
    return [kind for kind in _SOURCES if spec.get(kind) is not None]


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    wanted = shape.texts(spec, "accessModes")
    if not wanted:
        yield errors.required("spec.accessModes", "")
    yield from claims.mode_problems("spec.accessModes", wanted)
    capacity = shape.mapping(spec, "capacity")
    if not capacity:
        yield errors.required("spec.capacity", "")
    if "storage" not in capacity or len(capacity) > 1:
        yield errors.not_supported("spec.capacity", capacity, ("storage",))
    for name, value in capacity.items():
        yield from claims.positive_amount(f"spec.capacity[{name}]", value)
    yield from check.one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), _POLICIES)
    affinity = spec.get("nodeAffinity")
    if type(affinity) is dict:
        required = affinity.get("required")
        if type(required) is dict:
            yield from scheduling.node_selector("spec.nodeAffinity.required", required)
        else:
            yield errors.required("spec.nodeAffinity.required", "must specify required node constraints")
    yield from _source_rules(spec, shape.text(shape.mapping(obj, "metadata"), "name"))
    mode, attributes = spec.get("volumeMode"), spec.get("volumeAttributesClassName")
    if name := shape.text(spec, "storageClassName"):
        yield from check.subdomain("spec.storageClassName", name)
    if type(mode) is str and mode not in claims.VOLUME_MODES:
        yield errors.not_supported("spec.volumeMode", mode, claims.VOLUME_MODES)
    if type(attributes) is str:
        if attributes:
            yield from check.subdomain("spec.volumeAttributesClassName", attributes)
        else:
            yield errors.required("spec.volumeAttributesClassName", "an empty string is disallowed")
        if spec.get("csi") is None:
            yield errors.required("spec.csi", "has to be specified when using volumeAttributesClassName")


def _source_rules(spec: Object, name: str) -> Causes:
    kinds = _sources(spec)
    if not kinds:
        yield errors.required("spec", "must specify a volume type")
        return
    kind = kinds[0]
    path, source = f"spec.{kind}", shape.mapping(spec, kind)
    match kind:
        case "iscsi":
            yield from sources.iscsi(path, source, persistent=True, name=name)
        case "local":
            target = shape.text(source, "path")
            if not target:
                yield errors.required(f"{path}.path", "")
            yield from paths.no_back_steps(f"{path}.path", target)
            if type(spec.get("nodeAffinity")) is not dict:
                yield errors.required("spec.nodeAffinity", "Local volume requires node affinity")
        case "csi":
            yield from _csi(path, source)
        case _:
            yield from sources.RULES[kind](path, source)
            secret = source.get("secretRef")
            if kind in ("cinder", "storageos") and type(secret) is dict and not secret.get("namespace"):
                yield errors.required(f"{path}.secretRef.namespace", "")
    for extra in kinds[1:]:
        if extra != "flexVolume":
            message = "may not specify more than 1 volume type"
            yield errors.forbidden_field(f"spec.{_MISSPELT.get(extra, extra)}", message)
    target = shape.text(shape.mapping(spec, "hostPath"), "path")
    if (
        target
        and posixpath.normpath(target).strip("/") == ""
        and spec.get("persistentVolumeReclaimPolicy") == "Recycle"
    ):
        message = "may not be 'recycle' for a hostPath mount of '/'"
        yield errors.forbidden_field("spec.persistentVolumeReclaimPolicy", message)


def _csi(path: str, source: Object) -> Causes:
    yield from sources.driver(f"{path}.driver", shape.text(source, "driver"))
    if not source.get("volumeHandle"):
        yield errors.required(f"{path}.volumeHandle", "")
    for key in _SECRETS:
        secret = source.get(key)
        if type(secret) is not dict:
            continue
        name, namespace = shape.text(secret, "name"), shape.text(secret, "namespace")
        if name:
            yield from check.subdomain(f"{path}.{key}.name", name)
        else:
            yield errors.required(f"{path}.{key}.name", "")
        if namespace:
            yield from check.label(f"{path}.{key}.namespace", namespace)
        else:
            yield errors.required(f"{path}.{key}.namespace", "")


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    wanted, was = ({kind: one[kind] for kind in _sources(one)} for one in (spec, before))
    driver, old_driver = shape.mapping(wanted, "csi"), shape.mapping(was, "csi")
    if old_driver and driver and not old_driver.get("controllerExpandSecretRef"):
        # The one reference that may come later.
        wanted["csi"] = {key: value for key, value in driver.items() if key != "controllerExpandSecretRef"}
    if updates.without_absent(wanted) != updates.without_absent(was):
        shown = difference.shown("core.PersistentVolumeSource", was, wanted)
        message = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        yield errors.forbidden_field("spec.persistentvolumesource", message)
    yield from check.immutable("volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    affinity = before.get("nodeAffinity")
    if affinity and not _same_affinity(spec.get("nodeAffinity"), affinity):
        yield errors.invalid_value("nodeAffinity", spec.get("nodeAffinity"), _NOT_BETA)
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        message = "update from non-nil value to nil is forbidden"
        yield errors.forbidden_field("spec.volumeAttributesClassName", message)


def _same_affinity(now: Any, before: Any) -> bool:
    """Where the volume can be reached stays, but an old label may be called by its new name."""
    if type(now) is dict and type(before) is dict:
        stable = _STABLE_LABELS.get(shape.text(before, "key"))
        if stable is not None and now.get("key") == stable:
            before = {**before, "key": stable}
        return now.keys() == before.keys() and all(_same_affinity(now[key], before[key]) for key in now)
    if type(now) is list and type(before) is list:
        return len(now) == len(before) and all(map(_same_affinity, now, before))
    return bool(now == before)


def _warnings(obj: Object) -> list[str]:
    spec, found = shape.mapping(obj, "spec"), []
    if _CLASS_ANNOTATION in shape.mapping(shape.mapping(obj, "metadata"), "annotations"):
        message = 'deprecated since v1.8; use "storageClassName" attribute instead'
        found.append(f"metadata.annotations[{_CLASS_ANNOTATION}]: {message}")
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        message = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
        found.append(f"spec.persistentVolumeReclaimPolicy: {message}provisioning.")
    terms = shape.items(shape.mapping(shape.mapping(spec, "nodeAffinity"), "required"), "nodeSelectorTerms")
    for index, term in enumerate(terms):
        for number, expression in enumerate(shape.items(term, "matchExpressions")):
            key = shape.text(expression, "key")
            why = warnings.of_node_label(key)
            if why:
                at = f"spec.nodeAffinity.required.nodeSelectorTerms[{index}].matchExpressions[{number}].key"
                found.append(f"{at}: {key} is {why}")
    found += [message for kind, message in _PLUGIN_WARNINGS.items() if spec.get(kind) is not None]
    storage = shape.mapping(spec, "capacity").get("storage")
    if type(storage) is str and (check.milli(storage) or 0) % 1000:
        found.append(f'spec.capacity[storage]: fractional byte value "{storage}" is invalid, must be an integer')
    return found


def _fields(obj: Object) -> dict[str, str]:
    return {"name": columns.name(obj)}


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    claim = shape.mapping(spec, "claimRef")
    return [
        columns.name(obj),
        shape.text(shape.mapping(spec, "capacity"), "storage") or "0",
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


def _status(new: Object, old: Object, context: Context) -> None:
    """A change of the phase is dated, unless the writer did."""
    _generic_status(new, old, context)
    status, before = shape.mapping(new, "status"), shape.mapping(old, "status")
    if status.get("phase") != before.get("phase"):
        dated = status.get("lastPhaseTransitionTime")
        if dated in (None, before.get("lastPhaseTransitionTime")):
            shape.ensure(new, "status")["lastPhaseTransitionTime"] = timestamps.format(context.now)


_COMMON = generic.make(
    default=_default,
    create=_create,
    rules=_rules,
    update_rules=_update_rules,
    fields=_fields,
    warnings=_warnings,
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
_generic_status = _COMMON.prepare_status
STRATEGY = dataclasses.replace(_COMMON, prepare_status=_status)
