"""The spec of a claim for storage: PersistentVolumeClaims, and the templates that make them (in pods and workloads)."""

from __future__ import annotations

from bascule.control.kinds import check, metadata, quantities, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

ACCESS_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
VOLUME_MODES = ("Block", "Filesystem")
_SOLE = "ReadWriteOncePod"
_TEMPLATE_METADATA = frozenset(("labels", "annotations"))


def default(spec: Object) -> None:
    shape.fill_zero(spec, "volumeMode", "Filesystem")
    resources = shape.ensure(spec, "resources")
    quantities.canonicalize(resources, "requests")
    quantities.canonicalize(resources, "limits")


def mode_problems(path: str, wanted: list[str]) -> Causes:
    """Access modes, of volumes and claims."""
    for mode in wanted:
        if mode not in ACCESS_MODES:
            yield errors.not_supported(path, mode, tuple(ACCESS_MODES))
    if _SOLE in wanted and any(mode in ACCESS_MODES and mode != _SOLE for mode in wanted):
        yield errors.forbidden_field(path, "may not use ReadWriteOncePod with other access modes")


def positive_amount(path: str, value: object) -> Causes:
    amount = check.milli(value) if type(value) in (str, int, float) else None
    if amount is None:
        yield from check.quantity_value(path, value)
    elif amount <= 0:
        yield errors.invalid_value(path, str(value), "must be greater than zero")


def problems(path: str, spec: Object) -> Causes:
    modes = shape.texts(spec, "accessModes")
    if not modes:
        yield errors.required(f"{path}.accessModes", "at least 1 access mode is required")
    if spec.get("selector"):
        yield from selectors.problems(f"{path}.selector", spec["selector"])
    yield from mode_problems(f"{path}.accessModes", modes)
    requests = shape.mapping(shape.mapping(spec, "resources"), "requests")
    if requests.get("storage") is None:
        yield errors.required(f"{path}.resources[storage]", "")
    else:
        yield from positive_amount(f"{path}.resources[storage]", requests["storage"])
    yield from _class(f"{path}.storageClassName", shape.text(spec, "storageClassName"))
    mode = spec.get("volumeMode")
    if type(mode) is str and mode not in VOLUME_MODES:
        yield errors.not_supported(f"{path}.volumeMode", mode, VOLUME_MODES)
    yield from _sources(path, spec)
    yield from _class(f"{path}.volumeAttributesClassName", shape.text(spec, "volumeAttributesClassName"))


def _class(path: str, name: str) -> Causes:
    if name:
        yield from check.subdomain(path, name)


def _sources(path: str, spec: Object) -> Causes:
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    if type(old) is dict:
        yield from _source(f"{path}.dataSource", old)
    if type(new) is not dict:
        return
    yield from _source(f"{path}.dataSourceRef", new)
    namespace = shape.text(new, "namespace")
    if namespace:
        yield from check.label(f"{path}.dataSourceRef.namespace", namespace)
    if type(old) is not dict:
        return
    if namespace:
        message = "may not be specified when dataSourceRef.namespace is specified"
        yield errors.invalid_value(path, f"{path}.dataSource", message)
    elif any(old.get(key) != new.get(key) for key in ("apiGroup", "kind", "name")):
        yield errors.invalid_value(path, f"{path}.dataSource", "must match dataSourceRef")


def _source(path: str, source: Object) -> Causes:
    kind, group = shape.text(source, "kind"), shape.text(source, "apiGroup")
    if not source.get("name"):
        yield errors.required(f"{path}.name", "")
    if not kind:
        yield errors.required(f"{path}.kind", "")
    if not group and kind != "PersistentVolumeClaim":
        message = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield errors.invalid_value(path, kind, message)
    if group:
        yield from check.subdomain(f"{path}.apiGroup", group)


def template_problems(path: str, template: Object) -> Causes:
    """A pod's `ephemeral.volumeClaimTemplate`: only labels and annotations of its metadata count."""
    own = shape.mapping(template, "metadata")
    yield from metadata.annotation_problems(f"{path}.metadata.annotations", own.get("annotations"))
    yield from metadata.label_problems(f"{path}.metadata.labels", own.get("labels"))
    for key, value in own.items():
        if value and key not in _TEMPLATE_METADATA:
            yield errors.forbidden_field(f"{path}.metadata.{key}", "cannot be set")
    yield from problems(f"{path}.spec", shape.mapping(template, "spec"))


def warnings(path: str, spec: Object) -> list[str]:
    """Storage that is asked for in fractions of a byte."""
    found = []
    for key in ("requests", "limits"):
        value = shape.mapping(shape.mapping(spec, "resources"), key).get("storage")
        if type(value) is str and (check.milli(value) or 0) % 1000:
            found.append(
                f'{path}.resources.{key}[storage]: fractional byte value "{value}" is invalid, must be an integer'
            )
    return found
