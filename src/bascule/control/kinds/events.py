"""Events, in the words of both groups: `v1` says involvedObject, `events.k8s.io/v1` regarding."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, duration, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def _involved(obj: Object) -> Object:
    return shape.mapping(obj, "involvedObject") or shape.mapping(obj, "regarding")


def _default(obj: Object) -> None:
    if "regarding" not in obj:
        shape.ensure(obj, "source")
        shape.fill(obj, "reportingComponent", "")
        shape.fill(obj, "reportingInstance", "")


def _rules(obj: Object) -> Causes:
    own = shape.text(shape.mapping(obj, "metadata"), "namespace")
    field = "regarding" if "regarding" in obj else "involvedObject"
    involved = shape.text(_involved(obj), "namespace")
    expected = (involved,) if involved else ("default", "kube-system")
    if own and own not in expected:
        yield errors.invalid_value(f"{field}.namespace", involved, "does not match event.namespace")
    if field == "regarding" and obj.get("eventTime"):
        for key in ("reportingController", "action", "reason"):
            if not obj.get(key):
                yield errors.required(key, "")


def _fields(obj: Object) -> dict[str, str]:
    involved = _involved(obj)
    prefix = "regarding" if "regarding" in obj else "involvedObject"
    found = {f"{prefix}.{key}": shape.text(involved, key) for key in _REFERENCE}
    component = shape.text(shape.mapping(obj, "source"), "component")
    reporter = shape.text(obj, "reportingComponent") or shape.text(obj, "reportingController")
    found["reason"] = shape.text(obj, "reason")
    found["type"] = shape.text(obj, "type")
    found["source"] = component or reporter
    found["reportingComponent" if prefix == "involvedObject" else "reportingController"] = reporter
    return found


def _object(involved: Object) -> str:
    kind, name = shape.text(involved, "kind").lower(), shape.text(involved, "name")
    return f"{kind}/{name}" if name else kind


def _source(obj: Object) -> str:
    source = shape.mapping(obj, "source") or shape.mapping(obj, "deprecatedSource")
    component = shape.text(source, "component") or shape.text(obj, "reportingComponent")
    component = component or shape.text(obj, "reportingController")
    host = shape.text(source, "host") or shape.text(obj, "reportingInstance")
    return f"{component}, {host}" if host else component


def _cells(obj: Object, now: datetime) -> list[Any]:
    involved, series = _involved(obj), shape.mapping(obj, "series")
    happened = obj.get("eventTime")
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or happened
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or happened
    count = shape.count(obj, "count") or shape.count(obj, "deprecatedCount") or 1
    if series:
        last = series.get("lastObservedTime") or last
        count = shape.count(series, "count") or count
    return [
        duration.since(last, now),
        shape.text(obj, "type"),
        shape.text(obj, "reason"),
        _object(involved),
        shape.text(involved, "fieldPath"),
        _source(obj),
        (shape.text(obj, "message") or shape.text(obj, "note")).strip(),
        duration.since(first, now),
        count,
        columns.name(obj),
    ]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    fields=_fields,
    columns=(
        Column("Last Seen", description="Time since it last happened."),
        Column("Type", description="Normal or Warning."),
        Column("Reason", description="Why, in one word."),
        Column("Object", description="What it happened to."),
        Column("Subobject", priority=1, description="Which part of the object."),
        Column("Source", priority=1, description="Who reported it."),
        Column("Message", description="What happened."),
        Column("First Seen", priority=1, description="Time since it first happened."),
        Column("Count", priority=1, description="How often it happened."),
        Column("Name", priority=1, format="name", description="The event's name."),
    ),
    cells=_cells,
    create_on_update=True,
)
