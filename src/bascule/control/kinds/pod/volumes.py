"""Defaults and rules of a pod's volumes."""

from __future__ import annotations

from bascule.control.kinds import check, quantities, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import approved, claims, field_references, images, paths, sources
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

FILE_MODE = 0o644
TOKEN_SECONDS = 3600
_TOKEN_SECONDS_MIN = 600
_TOKEN_SECONDS_MAX = 2**32
_FILES = ("secret", "configMap", "downwardAPI", "projected")
_MISSPELT = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""What is said of a second source, in the words clients know."""
_ORDER = (
    *("emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi"),
    *("glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc"),
    *("flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk"),
    *("storageos", "projected", "scaleIO", "csi", "ephemeral", "image"),
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}
_DUPLICATE = "conflicting duplicate paths"


def default(volume: Object) -> None:
    if not any(value is not None for key, value in volume.items() if key != "name"):
        volume["emptyDir"] = {}
        return
    for kind in _FILES:
        source = volume.get(kind)
        if type(source) is dict:
            shape.fill(source, "defaultMode", FILE_MODE)
            _default_items(source)
    projected = volume.get("projected")
    if type(projected) is dict:
        for source in shape.items(projected, "sources"):
            files, token = source.get("downwardAPI"), source.get("serviceAccountToken")
            if type(files) is dict:
                _default_items(files)
            if type(token) is dict:
                shape.fill(token, "expirationSeconds", TOKEN_SECONDS)
        return
    _default_rest(volume)


def _default_rest(volume: Object) -> None:
    sources.default(volume)
    empty_dir = volume.get("emptyDir")
    if type(empty_dir) is dict and empty_dir.get("sizeLimit") is not None:
        empty_dir["sizeLimit"] = quantities.canonical(empty_dir["sizeLimit"])
    template = shape.mapping(volume, "ephemeral").get("volumeClaimTemplate")
    if type(template) is dict:
        shape.ensure(template, "metadata")
        claims.default(shape.ensure(template, "spec"))
    image = volume.get("image")
    if type(image) is dict and not image.get("pullPolicy"):
        image["pullPolicy"] = images.pull_policy(shape.text(image, "reference"))


def _default_items(source: Object) -> None:
    for item in shape.items(source, "items"):
        field = item.get("fieldRef")
        if type(field) is dict:
            shape.fill_zero(field, "apiVersion", "v1")
        resource = item.get("resourceFieldRef")
        if type(resource) is dict:
            resource["divisor"] = quantities.canonical(resource.get("divisor") or "0")


def problems(path: str, volumes: list[Object], known: dict[str, Object], *, pod: bool) -> Causes:
    """Rules of volumes; those without fault are added to `known`. `pod`: not a template's."""
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = shape.text(volume, "name")
        found = list(_source_problems(at, volume, name, pod=pod))
        if not name:
            found.append(errors.required(f"{at}.name", ""))
        else:
            found += [errors.invalid_value(f"{at}.name", name, problem) for problem in check.label_problems(name)]
            if name in known:
                found.append(errors.duplicate(f"{at}.name", name))
        if not found:
            known[name] = volume
        yield from found


def _rank(kind: str) -> int:
    return _RANK.get(kind, len(_ORDER))


def _source_problems(path: str, volume: Object, name: str, *, pod: bool) -> Causes:
    kinds = [key for key, value in volume.items() if key != "name" and value is not None]
    if not kinds:
        yield errors.required(path, "must specify a volume type")
        return
    if len(kinds) > 1:
        kinds.sort(key=_rank)
    kind = kinds[0]
    at, source = f"{path}.{kind}", shape.mapping(volume, kind)
    rule = sources.RULES.get(kind)
    if rule is not None:
        yield from rule(at, source)
    elif kind == "iscsi":
        yield from sources.iscsi(at, source, persistent=False, name=name)
    else:
        yield from _own_source(at, kind, source, pod=pod)
    for extra in kinds[1:]:
        yield errors.forbidden_field(f"{path}.{_MISSPELT.get(extra, extra)}", "may not specify more than 1 volume type")


def _own_source(at: str, kind: str, source: Object, *, pod: bool) -> Causes:
    """Sources that only pods have."""
    match kind:
        case "emptyDir":
            limit = source.get("sizeLimit")
            if type(limit) in (str, int, float) and (check.milli(limit) or 0) < 0:
                yield errors.forbidden_field(f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity")
        case "gitRepo":
            if not source.get("repository"):
                yield errors.required(f"{at}.repository", "")
            yield from paths.descending(f"{at}.directory", shape.text(source, "directory"))
        case "secret" | "configMap":
            field = "secretName" if kind == "secret" else "name"
            if not source.get(field):
                yield errors.required(f"{at}.{field}", "")
            yield from paths.mode(f"{at}.defaultMode", source.get("defaultMode"))
            yield from _keys(at, source)
        case "persistentVolumeClaim":
            if not source.get("claimName"):
                yield errors.required(f"{at}.claimName", "")
        case "downwardAPI":
            yield from paths.mode(f"{at}.defaultMode", source.get("defaultMode"))
            for item in shape.items(source, "items"):
                yield from _downward_file(at, item)
        case "projected":
            yield from _projected(at, source)
        case "ephemeral":
            template = source.get("volumeClaimTemplate")
            if type(template) is dict:
                yield from claims.template_problems(f"{at}.volumeClaimTemplate", template)
            else:
                yield errors.required(f"{at}.volumeClaimTemplate", "")
        case "image":
            if pod and not source.get("reference"):
                yield errors.required(f"{at}.reference", "")
            yield from images.policy_problems(f"{at}.pullPolicy", source.get("pullPolicy"))


def _keys(path: str, source: Object) -> Causes:
    for index, item in enumerate(shape.items(source, "items")):
        at = f"{path}.items[{index}]"
        target = shape.text(item, "path")
        if not item.get("key"):
            yield errors.required(f"{at}.key", "")
        if not target:
            yield errors.required(f"{at}.path", "")
        yield from paths.unreserved(f"{at}.path", target)
        yield from paths.mode(f"{at}.mode", item.get("mode"))


def _downward_file(at: str, item: Object) -> Causes:
    target = shape.text(item, "path")
    if not target:
        yield errors.required(f"{at}.path", "")
    yield from paths.unreserved(f"{at}.path", target)
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if type(field) is dict:
        yield from field_references.field_problems(f"{at}.fieldRef", field, field_references.IN_VOLUMES)
        if type(resource) is dict:
            message = "fieldRef and resourceFieldRef can not be specified simultaneously"
            yield errors.invalid_value(at, "resource", message)
    elif type(resource) is dict:
        yield from field_references.resource_problems(f"{at}.resourceFieldRef", resource, volume=True)
    else:
        yield errors.required(at, "one of fieldRef and resourceFieldRef is required")
    yield from paths.mode(f"{at}.mode", item.get("mode"))


@approved.part
def _projected(path: str, projected: Object) -> Causes:
    yield from paths.mode(f"{path}.defaultMode", projected.get("defaultMode"))
    seen: set[str] = set()
    for index, source in enumerate(shape.items(projected, "sources")):
        at = f"{path}.sources[{index}]"
        for kind in ("secret", "configMap"):
            inner = source.get(kind)
            if type(inner) is dict:
                if not inner.get("name"):
                    yield errors.required(f"{at}.{kind}.name", "")
                yield from _keys(f"{at}.{kind}", inner)
                for item in shape.items(inner, "items"):
                    yield from _once(path, shape.text(item, "path"), shape.text(inner, "name"), seen)
        for item in shape.items(shape.mapping(source, "downwardAPI"), "items"):
            yield from _downward_file(f"{at}.downwardAPI", item)
            yield from _once(path, shape.text(item, "path"), shape.text(item, "path"), seen)
        token = source.get("serviceAccountToken")
        if type(token) is dict:
            yield from _token(path, f"{at}.serviceAccountToken", token)
        bundle = source.get("clusterTrustBundle")
        if type(bundle) is dict:
            yield from _bundle(f"{at}.clusterTrustBundle", bundle)
            yield from _once(path, shape.text(bundle, "path"), shape.text(bundle, "path"), seen)
        if sum(value is not None for value in source.values()) > 1:
            yield errors.forbidden_field(at, "may not specify more than 1 volume type per source")


def _once(path: str, target: str, shown: str, seen: set[str]) -> Causes:
    if target and target in seen:
        yield errors.invalid_value(path, shown, _DUPLICATE)
    seen.add(target)


def _token(path: str, at: str, token: Object) -> Causes:
    seconds = token.get("expirationSeconds")
    if type(seconds) is int and seconds < _TOKEN_SECONDS_MIN:
        message = "may not specify a duration less than 10 minutes"
        yield errors.invalid_value(f"{at}.expirationSeconds", seconds, message)
    if type(seconds) is int and seconds > _TOKEN_SECONDS_MAX:
        message = "may not specify a duration larger than 2^32 seconds"
        yield errors.invalid_value(f"{at}.expirationSeconds", seconds, message)
    target = shape.text(token, "path")
    if not target:
        yield errors.required(f"{path}.path", "")
    else:
        yield from paths.unreserved(f"{path}.path", target)


def _bundle(at: str, bundle: Object) -> Causes:
    name, signer = bundle.get("name"), bundle.get("signerName")
    if name is not None and signer is not None:
        yield errors.invalid_value(at, bundle, "only one of name and signerName may be used")
    elif name is not None:
        if not name:
            yield errors.required(f"{at}.name", "must be a valid object name")
        if bundle.get("labelSelector") is not None:
            message = "labelSelector must be unset if name is specified"
            yield errors.invalid_value(f"{at}.labelSelector", bundle["labelSelector"], message)
    elif signer is not None:
        if not signer:
            yield errors.required(f"{at}.signerName", "must be a valid signer name")
        yield from selectors.problems(f"{at}.labelSelector", bundle.get("labelSelector"))
    else:
        yield errors.required(at, "either name or signerName must be specified")
    target = shape.text(bundle, "path")
    if not target:
        yield errors.required(f"{at}.path", "")
    yield from paths.unreserved(f"{at}.path", target)


def claim_problems(path: str, volumes: list[Object], pod_name: str) -> Causes:
    """Rules of ephemeral claims, which are named after the pod and the volume."""
    if not any("ephemeral" in volume for volume in volumes):
        return
    made = {f"{pod_name}-{shape.text(volume, 'name')}" for volume in volumes if type(volume.get("ephemeral")) is dict}
    for index, volume in enumerate(volumes):
        name = shape.text(volume, "name")
        if type(volume.get("ephemeral")) is dict and name:
            for problem in check.subdomain_problems(f"{pod_name}-{name}"):
                message = f'PVC name "{pod_name}-{name}": {problem}'
                yield errors.invalid_value(f"{path}[{index}].name", name, message)
        claim = shape.text(shape.mapping(volume, "persistentVolumeClaim"), "claimName")
        if claim in made:
            message = "must not reference a PVC that gets created for an ephemeral volume"
            yield errors.invalid_value(f"{path}[{index}].persistentVolumeClaim.claimName", claim, message)
