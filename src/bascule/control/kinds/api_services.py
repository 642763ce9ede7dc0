"""APIServices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, identifiers, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, names, timestamps
from bascule.vocabulary.objects import Object

_STATUSES = ("False", "True", "Unknown")


def _default(obj: Object) -> None:
    service = shape.mapping(obj, "spec").get("service")
    if type(service) is dict:
        shape.fill(service, "port", 443)


def _create(obj: Object, context: Context) -> None:
    """What the server serves itself is there at once."""
    if type(shape.mapping(obj, "spec").get("service")) is not dict:
        condition = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": timestamps.format(context.now),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        obj["status"] = {"conditions": [condition]}


def _rules(obj: Object) -> Causes:
    spec, name = shape.mapping(obj, "spec"), columns.name(obj)
    group, version = shape.text(spec, "group"), shape.text(spec, "version")
    required = f"{version}.{group}"
    if name != required:
        yield errors.invalid_value("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{required}"')
    if group:
        yield from identifiers.subdomain("spec.group", group)
    elif version != "v1":
        yield errors.required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    for problem in metadata.dns1035_label(version):
        yield errors.invalid_value("spec.version", version, problem)
    for key, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = shape.count(spec, key)
        if not 0 < value <= limit:
            yield errors.invalid_value(f"spec.{key}", value, f"must be positive and less than {limit}")
    service, bundle, insecure = spec.get("service"), shape.text(spec, "caBundle"), spec.get("insecureSkipTLSVerify")
    if type(service) is not dict:
        if bundle:
            yield errors.invalid_value(
                "spec.caBundle", f"{len(bundle) * 3 // 4} bytes", "local APIServices may not have a caBundle"
            )
        if insecure is True:
            yield errors.invalid_value(
                "spec.insecureSkipTLSVerify", True, "local APIServices may not have insecureSkipTLSVerify"
            )
        return
    for key in ("namespace", "name"):
        if not service.get(key):
            yield errors.required(f"spec.service.{key}", "")
    port = shape.count(service, "port")
    if found := names.port_number_problems(port):
        yield errors.invalid_value("spec.service.port", port, f"port is not valid: {', '.join(found)}")
    if insecure is True and bundle:
        yield errors.invalid_value("spec.insecureSkipTLSVerify", True, "may not be true if caBundle is present")


def _status_rules(new: Object, old: Object) -> Causes:
    for index, condition in enumerate(shape.items(shape.mapping(new, "status"), "conditions")):
        status = shape.text(condition, "status")
        if status not in _STATUSES:
            yield errors.not_supported(f"status.conditions[{index}].status", status, _STATUSES)


def _available(obj: Object) -> str:
    for condition in shape.items(shape.mapping(obj, "status"), "conditions"):
        if condition.get("type") == "Available":
            status = shape.text(condition, "status")
            return status if status == "True" else f"{status} ({shape.text(condition, 'reason')})"
    return "Unknown"


def _cells(obj: Object, now: datetime) -> list[Any]:
    service = shape.mapping(shape.mapping(obj, "spec"), "service")
    where = f"{shape.text(service, 'namespace')}/{shape.text(service, 'name')}" if service else "Local"
    return [columns.name(obj), where, _available(obj), columns.age(obj, now)]


STRATEGY = generic.make(
    name_rule=metadata.path_segment,
    default=_default,
    create=_create,
    rules=_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Service", description="Who serves the group and version."),
        Column("Available", description="Whether it is served."),
        columns.AGE,
    ),
    cells=_cells,
    status=True,
    unconditional_update=False,
)
