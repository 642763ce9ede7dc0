"""Rules of where a container sees the pod's volumes: as files (mounts) or as block devices."""

from __future__ import annotations

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import paths
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PROPAGATION = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")
_IN_IMAGES = "not allowed in image volume sources"


def problems(path: str, container: Object, volumes: dict[str, Object]) -> Causes:
    """Rules of `volumeMounts`."""
    devices = shape.items(container, "volumeDevices")
    device_names = {shape.text(device, "name") for device in devices}
    device_paths = {shape.text(device, "devicePath") for device in devices}
    seen = set()
    for index, mount in enumerate(shape.items(container, "volumeMounts")):
        at = f"{path}[{index}]"
        name, target = shape.text(mount, "name"), shape.text(mount, "mountPath")
        if not name:
            yield errors.required(f"{at}.name", "")
        if name not in volumes:
            yield errors.value_not_found(f"{at}.name", name)
        if not target:
            yield errors.required(f"{at}.mountPath", "")
        if target in seen:
            yield errors.invalid_value(f"{at}.mountPath", target, "must be unique")
        seen.add(target)
        if name in device_names:
            yield errors.invalid_value(f"{at}.name", name, "must not already exist in volumeDevices")
        if target in device_paths:
            message = "must not already exist as a path in volumeDevices"
            yield errors.invalid_value(f"{at}.mountPath", target, message)
        if mount.get("subPath") or mount.get("subPathExpr"):
            yield from _sub_paths(path, at, mount, volumes.get(name, {}))
        if mount.get("mountPropagation") is not None:
            yield from _propagation(f"{path}.mountPropagation", mount["mountPropagation"], container)
        if mount.get("recursiveReadOnly") is not None:
            yield from _recursive(f"{path}.recursiveReadOnly", mount)


def _sub_paths(path: str, at: str, mount: Object, volume: Object) -> Causes:
    plain, expression = shape.text(mount, "subPath"), shape.text(mount, "subPathExpr")
    if type(volume.get("image")) is dict:
        if plain:
            yield errors.invalid_value(f"{at}.subPath", plain, _IN_IMAGES)
        if expression:
            yield errors.invalid_value(f"{at}.subPathExpr", expression, _IN_IMAGES)
    if plain:
        yield from paths.descending(f"{path}.subPath", plain)
    if expression:
        if plain:
            message = "subPathExpr and subPath are mutually exclusive"
            yield errors.invalid_value(f"{at}.subPathExpr", expression, message)
        yield from paths.descending(f"{path}.subPathExpr", expression)


def _propagation(path: str, propagation: object, container: Object) -> Causes:
    if propagation not in _PROPAGATION:
        yield errors.not_supported(path, propagation, _PROPAGATION)
    elif propagation == "Bidirectional" and not shape.flag(shape.mapping(container, "securityContext"), "privileged"):
        message = "Bidirectional mount propagation is available only to privileged containers"
        yield errors.forbidden_field(path, message)


def _recursive(path: str, mount: Object) -> Causes:
    wanted = mount["recursiveReadOnly"]
    if wanted not in _RECURSIVE:
        yield errors.not_supported(path, wanted, _RECURSIVE)
    elif wanted != "Disabled":
        if mount.get("readOnly") is not True:
            yield errors.forbidden_field(path, "may only be specified when readOnly is true")
        if mount.get("mountPropagation") not in (None, "None"):
            message = "may only be specified when mountPropagation is None or not specified"
            yield errors.forbidden_field(path, message)


def device_problems(path: str, container: Object, volumes: dict[str, Object]) -> Causes:
    """Rules of `volumeDevices`."""
    mounts = shape.items(container, "volumeMounts")
    mounted = {shape.text(mount, "name") for mount in mounts}
    mount_paths = {shape.text(mount, "mountPath") for mount in mounts}
    seen_names, seen_paths = set(), set()
    for index, device in enumerate(shape.items(container, "volumeDevices")):
        at = f"{path}[{index}]"
        name, target = shape.text(device, "name"), shape.text(device, "devicePath")
        volume = volumes.get(name)
        if not name:
            yield errors.required(f"{at}.name", "")
        if name in seen_names:
            yield errors.invalid_value(f"{at}.name", name, "must be unique")
        if volume is None:
            yield errors.value_not_found(f"{at}.name", name)
        elif not any(type(volume.get(kind)) is dict for kind in ("persistentVolumeClaim", "ephemeral")):
            message = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield errors.invalid_value(f"{at}.name", name, message)
        if not target:
            yield errors.required(f"{at}.devicePath", "")
        if target in seen_paths:
            yield errors.invalid_value(f"{at}.devicePath", target, "must be unique")
        if ".." in target.split("/"):
            yield errors.invalid_value(f"{at}.devicePath", target, "can not contain backsteps ('..')")
        else:
            seen_paths.add(target)
        if name in mounted:
            yield errors.invalid_value(f"{at}.name", name, "must not already exist in volumeMounts")
        if target in mount_paths:
            yield errors.invalid_value(f"{at}.devicePath", target, "must not already exist as a path in volumeMounts")
        if name:
            seen_names.add(name)
