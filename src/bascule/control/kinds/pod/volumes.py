"""Defaults and rules of volumes."""

from __future__ import annotations

from bascule.control.kinds import check, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

FILE_MODE = 0o644
TOKEN_SECONDS = 3600
_FILES = ("secret", "configMap", "downwardAPI", "projected")
_REQUIRED = {
    "configMap": ("name",),
    "secret": ("secretName",),
    "hostPath": ("path",),
    "persistentVolumeClaim": ("claimName",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
    "iscsi": ("targetPortal", "iqn"),
    "cephfs": ("monitors",),
    "rbd": ("monitors", "image"),
    "glusterfs": ("endpoints", "path"),
    "gcePersistentDisk": ("pdName",),
    "awsElasticBlockStore": ("volumeID",),
    "azureDisk": ("diskName", "diskURI"),
    "azureFile": ("secretName", "shareName"),
    "flexVolume": ("driver",),
    "cinder": ("volumeID",),
    "gitRepo": ("repository",),
}
_HOST_PATH_TYPES = (
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
)
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def default(volume: Object) -> None:
    if not any(value is not None for key, value in volume.items() if key != "name"):
        volume["emptyDir"] = {}
        return
    for kind in _FILES:
        source = volume.get(kind)
        if type(source) is dict:
            shape.fill(source, "defaultMode", FILE_MODE)
            _default_items(source)
    for source in shape.items(shape.mapping(volume, "projected"), "sources"):
        _default_items(shape.mapping(source, "downwardAPI"))
        token = source.get("serviceAccountToken")
        if type(token) is dict:
            shape.fill(token, "expirationSeconds", TOKEN_SECONDS)
    _default_rest(volume)


def _default_rest(volume: Object) -> None:
    host_path = volume.get("hostPath")
    if type(host_path) is dict:
        shape.fill(host_path, "type", "")
    iscsi = volume.get("iscsi")
    if type(iscsi) is dict:
        shape.fill_zero(iscsi, "iscsiInterface", "default")
    empty_dir = volume.get("emptyDir")
    if type(empty_dir) is dict and empty_dir.get("sizeLimit") is not None:
        empty_dir["sizeLimit"] = quantities.canonical(empty_dir["sizeLimit"])
    claim = shape.mapping(shape.mapping(volume, "ephemeral"), "volumeClaimTemplate").get("spec")
    if type(claim) is dict:
        shape.fill_zero(claim, "volumeMode", "Filesystem")
        quantities.canonicalize(shape.mapping(claim, "resources"), "requests")


def _default_items(source: Object) -> None:
    for item in shape.items(source, "items"):
        field = item.get("fieldRef")
        if type(field) is dict:
            shape.fill_zero(field, "apiVersion", "v1")
        resource = item.get("resourceFieldRef")
        if type(resource) is dict:
            resource["divisor"] = quantities.canonical(resource.get("divisor") or "0")


def problems(path: str, volumes: list[Object]) -> Causes:
    seen = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = shape.text(volume, "name")
        if not name:
            yield errors.required(f"{at}.name", "")
        else:
            for problem in check.label_problems(name):
                yield errors.invalid_value(f"{at}.name", name, problem)
            if name in seen:
                yield errors.duplicate(f"{at}.name", name)
            seen.add(name)
        yield from _source_problems(at, volume)


def _source_problems(path: str, volume: Object) -> Causes:
    kinds = [key for key, value in volume.items() if key != "name" and value is not None]
    if not kinds:
        yield errors.required(path, "must specify a volume type")
    for extra in kinds[1:]:
        yield errors.forbidden_field(f"{path}.{extra}", "may not specify more than 1 volume type")
    for kind in kinds[:1]:
        source = shape.mapping(volume, kind)
        at = f"{path}.{kind}"
        for field in _REQUIRED.get(kind, ()):
            if not source.get(field):
                yield errors.required(f"{at}.{field}", "")
        if kind in _FILES:
            yield from _mode(f"{at}.defaultMode", source.get("defaultMode"))
            yield from _item_problems(at, source)
        if kind == "projected":
            yield from _projected(at, source)
        elif kind == "emptyDir":
            yield from check.quantity_value(f"{at}.sizeLimit", source.get("sizeLimit"))
        elif kind == "hostPath":
            yield from check.one_of(f"{at}.type", source.get("type"), _HOST_PATH_TYPES)
            yield from _no_back_steps(f"{at}.path", shape.text(source, "path"))


def _mode(path: str, mode: object) -> Causes:
    if type(mode) is int and not 0 <= mode <= 0o777:
        yield errors.invalid_value(path, mode, _MODE)


def _item_problems(path: str, source: Object) -> Causes:
    for index, item in enumerate(shape.items(source, "items")):
        at = f"{path}.items[{index}]"
        if "fieldRef" not in item and "resourceFieldRef" not in item and not item.get("key"):
            yield errors.required(f"{at}.key", "")
        yield from relative_path(f"{at}.path", shape.text(item, "path"))
        yield from _mode(f"{at}.mode", item.get("mode"))


def _projected(path: str, projected: Object) -> Causes:
    for index, source in enumerate(shape.items(projected, "sources")):
        at = f"{path}.sources[{index}]"
        kinds = [key for key, value in source.items() if value is not None]
        for extra in kinds[1:]:
            yield errors.forbidden_field(f"{at}.{extra}", "may not specify more than 1 volume type")
        for kind in kinds[:1]:
            inner = shape.mapping(source, kind)
            if kind in ("secret", "configMap") and not inner.get("name"):
                yield errors.required(f"{at}.{kind}.name", "")
            yield from _item_problems(f"{at}.{kind}", inner)
            if kind == "serviceAccountToken":
                yield from _token(f"{at}.serviceAccountToken", inner)


def _token(path: str, token: Object) -> Causes:
    seconds = token.get("expirationSeconds")
    if type(seconds) is int:
        if seconds < 600:
            yield errors.invalid_value(
                f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes"
            )
        elif seconds > 2**32:
            yield errors.invalid_value(
                f"{path}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"
            )
    yield from relative_path(f"{path}.path", shape.text(token, "path"))


def relative_path(path: str, value: str) -> Causes:
    """A path inside a volume."""
    if not value:
        yield errors.required(path, "")
        return
    if value.startswith("/"):
        yield errors.invalid_value(path, value, "must be a relative path")
    yield from _no_back_steps(path, value)
    if value.startswith("..") and not value.startswith("../") and value != "..":
        yield errors.invalid_value(path, value, "must not start with '..'")


def _no_back_steps(path: str, value: str) -> Causes:
    if ".." in value.split("/"):
        yield errors.invalid_value(path, value, "must not contain '..'")
