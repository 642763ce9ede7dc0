"""APIServices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    service = shape.mapping(obj, "spec").get("service")
    if type(service) is dict:
        shape.fill(service, "port", 443)


def _rules(obj: Object) -> Causes:
    spec, name = shape.mapping(obj, "spec"), columns.name(obj)
    group, version = shape.text(spec, "group"), shape.text(spec, "version")
    if name != f"{version}.{group}":
        yield errors.invalid_value("metadata.name", name, 'must be `spec.version+"."+spec.group`')
    for key in ("groupPriorityMinimum", "versionPriority"):
        limit = 20000 if key == "groupPriorityMinimum" else 1000
        value = shape.count(spec, key)
        if not 0 < value <= limit:
            yield errors.invalid_value(f"spec.{key}", value, f"must be positive and less than {limit}")
    service = spec.get("service")
    if type(service) is dict:
        yield from check.required("spec.service.name", service.get("name"))
        yield from check.required("spec.service.namespace", service.get("namespace"))
    elif spec.get("caBundle"):
        yield errors.invalid_value("spec.caBundle", "...", "local APIServices may not have a caBundle")


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
    rules=_rules,
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
