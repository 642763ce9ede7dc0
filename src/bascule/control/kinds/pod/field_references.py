"""References to fields of a pod and to resources of its containers, in variables and in files."""

from __future__ import annotations

import re

from bascule.control.kinds import shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

IN_VARIABLES = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
IN_VOLUMES = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_CONVERTIBLE = frozenset(
    (*IN_VARIABLES, *IN_VOLUMES, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host")
)
_RESOURCES = tuple(
    sorted(f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage"))
)
_SUBSCRIPTED = re.compile(r"(.+?)\['(.*)'\]", re.DOTALL)
_BYTES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {"cpu": ("1m", "1"), "memory": _BYTES, "ephemeral-storage": _BYTES, "hugepages": _BYTES}
_DIVIDED = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "local ephemeral storage", "hugepages": "hugepages"}


def field_problems(path: str, reference: Object, known: tuple[str, ...]) -> Causes:
    """A `fieldRef`; `known` are the fields that may be used here."""
    version, field = shape.text(reference, "apiVersion"), shape.text(reference, "fieldPath")
    if not version:
        yield errors.required(f"{path}.apiVersion", "")
        return
    if not field:
        yield errors.required(f"{path}.fieldPath", "")
        return
    if version != "v1":
        message = f"error converting fieldPath: unsupported pod version: {version}"
        yield errors.invalid_value(f"{path}.fieldPath", field, message)
        return
    if field in known:
        return
    subscripted = _SUBSCRIPTED.fullmatch(field)
    if subscripted is None and field == "spec.host" and "spec.nodeName" in known:
        return
    if subscripted is None and field in _CONVERTIBLE:
        yield errors.not_supported(f"{path}.fieldPath", field, known)
    elif subscripted is not None and subscripted[1] in ("metadata.annotations", "metadata.labels"):
        key = subscripted[2].lower() if subscripted[1] == "metadata.annotations" else subscripted[2]
        for problem in names.is_qualified_name(key):
            yield errors.invalid_value(path, key, problem)
    else:
        refusal = "not supported" if subscripted is None else "does not support subscript"
        message = f"error converting fieldPath: field label {refusal}: {field}"
        yield errors.invalid_value(f"{path}.fieldPath", field, message)


def resource_problems(path: str, reference: Object, *, volume: bool) -> Causes:
    """A `resourceFieldRef`; in a volume it says whose."""
    resource = shape.text(reference, "resource")
    side, _, name = resource.partition(".")
    huge = side in ("limits", "requests") and name.startswith("hugepages-")
    if volume and not reference.get("containerName"):
        yield errors.required(f"{path}.containerName", "")
    elif not resource:
        yield errors.required(f"{path}.resource", "")
    elif resource not in _RESOURCES and not huge:
        yield errors.not_supported(f"{path}.resource", resource, _RESOURCES)
    divisor = str(reference.get("divisor") or "0")
    kind = "hugepages" if huge else name
    if divisor != "0" and resource and divisor not in _DIVISORS.get(kind, (divisor,)):
        listed = "1m and 1" if kind == "cpu" else ", ".join(_BYTES)
        message = f"only divisor's values {listed} are supported with the {_DIVIDED[kind]} resource"
        yield errors.invalid_value(f"{path}.divisor", resource, message)
