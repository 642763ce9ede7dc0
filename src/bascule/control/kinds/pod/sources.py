"""Where volumes come from: the rules and defaults of each source that pods and PersistentVolumes share.

`RULES` has a function of the path and the source for each; those that differ between the two take a keyword
(`persistent`). What only pods have (files from objects, ephemeral claims, images) is in `volumes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bascule.control.kinds import check, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import paths
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_PARTITION_MAX = 255
_LUN_MAX = 255
_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISKS = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_INITIATORS = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}
_HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas"
_DEFAULTS: dict[str, dict[str, Any]] = {
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}
_ZERO_IS_ABSENT = frozenset(("iscsi", "rbd", "scaleIO"))

Rule = Callable[[str, Object], Causes]


def default(container: Object) -> None:
    """Fills in the source of a pod's volume or of a PersistentVolume's spec."""
    for kind, source in container.items():
        if kind in _DEFAULTS and type(source) is dict:
            fill = shape.fill_zero if kind in _ZERO_IS_ABSENT else shape.fill
            for field, value in _DEFAULTS[kind].items():
                fill(source, field, value)


def _needs(path: str, source: Object, *fields: str) -> Causes:
    for field in fields:
        if not source.get(field):
            yield errors.required(f"{path}.{field}", "")


def _host_path(path: str, source: Object) -> Causes:
    target = shape.text(source, "path")
    if not target:
        yield errors.required(f"{path}.path", "")
        return
    yield from paths.no_back_steps(f"{path}.path", target)
    kind = source.get("type")
    if type(kind) is str and kind not in _HOST_PATH_TYPES:
        yield errors.not_supported(f"{path}.type", kind, _HOST_PATH_TYPES)


def _disk(path: str, source: Object, name: str) -> Causes:
    yield from _needs(path, source, name)
    if not 0 <= shape.count(source, "partition") <= _PARTITION_MAX:
        yield errors.invalid_value(f"{path}.partition", source["partition"], "must be between 1 and 255, inclusive")


def _gce(path: str, source: Object) -> Causes:
    yield from _disk(path.removesuffix("gcePersistentDisk") + "persistentDisk", source, "pdName")


def _aws(path: str, source: Object) -> Causes:
    yield from _disk(path, source, "volumeID")


def _nfs(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "server", "path")
    target = shape.text(source, "path")
    if not target.startswith("/"):
        yield errors.invalid_value(f"{path}.path", target, "must be an absolute path")


def iscsi(path: str, source: Object, *, persistent: bool, name: str) -> Causes:
    """`name` is the volume's, which with the portal must fit a device's name."""
    portal = shape.text(source, "targetPortal")
    yield from _needs(path, source, "targetPortal")
    initiator = source.get("initiatorName")
    long = type(initiator) is str and len(f"{name}:{portal}") > 64
    length = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName "
    if long and persistent:
        yield errors.invalid_value(f"{path}.targetportal", portal, f"{length}is specified.")
    prefix = "must be valid format" if persistent else "must be valid format starting with iqn, eui, or naa"
    qualified = shape.text(source, "iqn")
    if not qualified:
        yield errors.required(f"{path}.iqn", "")
    else:
        yield from _initiator(f"{path}.iqn", qualified, prefix)
    if not 0 <= shape.count(source, "lun") <= _LUN_MAX:
        yield errors.invalid_value(f"{path}.lun", source["lun"], "must be between 0 and 255, inclusive")
    secret = source.get("secretRef")
    if (shape.flag(source, "chapAuthDiscovery") or shape.flag(source, "chapAuthSession")) and type(secret) is not dict:
        yield errors.required(f"{path}.secretRef", "")
    if persistent and type(secret) is dict:
        yield from _needs(f"{path}.secretRef", secret, "name")
    if type(initiator) is str:
        yield from _initiator(f"{path}.initiatorname", initiator, prefix)
    if long and not persistent:
        yield errors.invalid_value(f"{path.rpartition('.')[0]}.name", name, f"{length}is specified.")


def _initiator(path: str, value: str, prefix_message: str) -> Causes:
    pattern = _INITIATORS.get(value[:3])
    if pattern is None:
        yield errors.invalid_value(path, value, prefix_message)
    elif not pattern.search(value):
        yield errors.invalid_value(path, value, "must be valid format")


def _glusterfs(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "endpoints", "path")
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        message = "if the endpointnamespace is set, it must be a valid namespace name"
        yield errors.invalid_value(f"{path}.endpointsNamespace", "", message)
    elif type(namespace) is str:
        yield from check.label(f"{path}.endpointsNamespace", namespace)


def _flocker(path: str, source: Object) -> Causes:
    name, uid = shape.text(source, "datasetName"), shape.text(source, "datasetUUID")
    if not name and not uid:
        yield errors.required(path, "one of datasetName and datasetUUID is required")
    if name and uid:
        message = "datasetName and datasetUUID can not be specified simultaneously"
        yield errors.invalid_value(path, "resource", message)
    if "/" in name:
        yield errors.invalid_value(f"{path}.datasetName", name, "must not contain '/'")


def _rbd(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "monitors", "image")


def _cephfs(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "monitors")


def _cinder(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "volumeID")
    secret = source.get("secretRef")
    if type(secret) is dict:
        yield from _needs(f"{path}.secretRef", secret, "name")


def _quobyte(path: str, source: Object) -> Causes:
    registry = shape.text(source, "registry")
    if not registry:
        yield errors.required(f"{path}.registry", _HOST_PORTS)
    elif len(shape.text(source, "tenant")) >= 65:
        yield errors.required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in registry.split(","):
            if not re.fullmatch(r"([^\[\]:]*|\[[^\[\]]*\]):[^\[\]:]*", pair):
                yield errors.invalid_value(f"{path}.registry", registry, _HOST_PORTS)
    yield from _needs(path, source, "volume")


def _fc(path: str, source: Object) -> Causes:
    names, ids = shape.sequence(source, "targetWWNs"), shape.sequence(source, "wwids")
    if not names and not ids:
        yield errors.required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if names and ids:
        message = "targetWWNs and wwids can not be specified simultaneously"
        yield errors.invalid_value(f"{path}.targetWWNs", names, message)
    if names:
        if source.get("lun") is None:
            yield errors.required(f"{path}.lun", "lun is required if targetWWNs is specified")
        elif not 0 <= shape.count(source, "lun") <= _LUN_MAX:
            yield errors.invalid_value(f"{path}.lun", source["lun"], "must be between 0 and 255, inclusive")


def _flex(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "driver")
    for key in shape.mapping(source, "options"):
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            message = "kubernetes.io and k8s.io namespaces are reserved"
            yield errors.invalid_value(f"{path}.options[{key}]", key, message)


def _azure_file(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "secretName", "shareName")
    if source.get("secretNamespace") == "":
        yield errors.required(f"{path}.secretNamespace", "")


def _azure_disk(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "diskName", "diskURI")
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), shape.text(source, "diskURI")
    if type(caching) is str and caching not in _CACHING:
        yield errors.not_supported(f"{path}.cachingMode", caching, _CACHING)
    if type(kind) is not str:
        return
    if kind not in _DISKS:
        yield errors.not_supported(f"{path}.kind", kind, _DISKS)
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        yield errors.not_supported(f"{path}.diskURI", uri, (_MANAGED_DISK,))
    if kind != "Managed" and not uri.startswith("https://"):
        yield errors.not_supported(f"{path}.diskURI", uri, (_BLOB_DISK,))


def _storage_os(path: str, source: Object) -> Causes:
    name, namespace = shape.text(source, "volumeName"), shape.text(source, "volumeNamespace")
    if not name:
        yield errors.required(f"{path}.volumeName", "")
    else:
        yield from check.label(f"{path}.volumeName", name)
    if namespace:
        yield from check.label(f"{path}.volumeNamespace", namespace)
    secret = source.get("secretRef")
    if type(secret) is dict:
        yield from _needs(f"{path}.secretRef", secret, "name")


def _named(field: str) -> Rule:
    def rule(path: str, source: Object) -> Causes:
        yield from _needs(path, source, field)

    return rule


def _scale_io(path: str, source: Object) -> Causes:
    yield from _needs(path, source, "gateway", "system", "volumeName")


def driver(path: str, name: str) -> Causes:
    """The name of a CSI driver."""
    if not name:
        yield errors.required(path, "")
    if len(name) > 63:
        yield errors.too_long(path, 63)
    for problem in metadata.subdomain(name.lower()):
        yield errors.invalid_value(path, name, problem)


def _csi(path: str, source: Object) -> Causes:
    yield from driver(f"{path}.driver", shape.text(source, "driver"))
    secret = source.get("nodePublishSecretRef")
    if type(secret) is dict:
        name = shape.text(secret, "name")
        if not name:
            yield errors.required(f"{path}.nodePublishSecretRef.name", "")
        for problem in metadata.subdomain(name) if name else ():
            yield errors.invalid_value(f"{path}.name", name, problem)


RULES: dict[str, Rule] = {
    "hostPath": _host_path,
    "gcePersistentDisk": _gce,
    "awsElasticBlockStore": _aws,
    "nfs": _nfs,
    "glusterfs": _glusterfs,
    "flocker": _flocker,
    "rbd": _rbd,
    "cinder": _cinder,
    "cephfs": _cephfs,
    "quobyte": _quobyte,
    "fc": _fc,
    "flexVolume": _flex,
    "azureFile": _azure_file,
    "vsphereVolume": _named("volumePath"),
    "photonPersistentDisk": _named("pdID"),
    "portworxVolume": _named("volumeID"),
    "azureDisk": _azure_disk,
    "storageos": _storage_os,
    "scaleIO": _scale_io,
    "csi": _csi,
}
