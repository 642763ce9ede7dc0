"""Events, in the words of both groups: `v1` says involvedObject, `events.k8s.io/v1` regarding."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, duration, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_TEXT_MAX = 128
_NOTE_MAX = 1024
_KEPT = {
    "regarding": "involvedObject",
    "reason": "reason",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "type": "type",
    "eventTime": "eventTime",
    "action": "action",
    "related": "related",
    "reportingController": "reportingController",
    "reportingInstance": "reportingInstance",
}
"""What stays of an event, and what messages call it."""
_REFERENCE = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def _involved(obj: Object) -> Object:
    return shape.mapping(obj, "involvedObject") or shape.mapping(obj, "regarding")


def _default(obj: Object) -> None:
    if "regarding" not in obj:
        shape.ensure(obj, "source")
        shape.fill(obj, "reportingComponent", "")
        shape.fill(obj, "reportingInstance", "")


def _rules(obj: Object) -> Causes:
    """What both groups' events keep to; messages use the names of one."""
    own = shape.text(shape.mapping(obj, "metadata"), "namespace")
    involved = shape.text(_involved(obj), "namespace")
    if not obj.get("eventTime"):
        matches = own in ("", "default") if not involved else own == involved
    else:
        matches = bool(involved) or own in ("default", "kube-system")
    if not matches:
        yield errors.invalid_value("involvedObject.namespace", involved, "does not match event.namespace")
    if obj.get("eventTime"):
        yield from _reported(obj)


def _reported(obj: Object) -> Causes:
    """Events that say when they happened also say who saw them, and what was done."""
    reporter = shape.text(obj, "reportingController") or shape.text(obj, "reportingComponent")
    message = shape.text(obj, "note") or shape.text(obj, "message")
    field = "reportingController" if "regarding" in obj else "reportingComponent"
    if not reporter:
        yield errors.required(field, "")
    for problem in names.is_qualified_name(reporter):
        yield errors.invalid_value(field, reporter, problem)
    for key in ("reportingInstance", "action", "reason"):
        text = shape.text(obj, key)
        if not text:
            yield errors.required(key, "")
        if len(text) > _TEXT_MAX:
            yield errors.invalid_value(key, "", f"can have at most {_TEXT_MAX} characters")
    if len(message) > _NOTE_MAX:
        yield errors.invalid_value("message", "", f"can have at most {_NOTE_MAX} characters")


def _creation_rules(obj: Object) -> Causes:
    """Of `events.k8s.io/v1`, which has no past to be compatible with."""
    yield from _series(obj)
    if not obj.get("eventTime"):
        yield errors.required("eventTime", "")
    kind = shape.text(obj, "type")
    if kind not in ("Normal", "Warning"):
        yield errors.invalid_value("type", "", f"has invalid value: {kind}")
    for key in ("FirstTimestamp", "LastTimestamp", "Count"):
        if obj.get(f"deprecated{key}"):
            yield errors.invalid_value(f"{key[0].lower()}{key[1:]}", "", "needs to be unset")
    source = shape.mapping(obj, "deprecatedSource")
    if source.get("component") or source.get("host"):
        yield errors.invalid_value("source", "", "needs to be unset")


def _series(obj: Object) -> Causes:
    series = obj.get("series")
    if type(series) is not dict:
        return
    if shape.count(series, "count") < 2:
        yield errors.invalid_value("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield errors.required("series.lastObservedTime", "")


def _update_rules(new: Object, old: Object) -> Causes:
    """Of `events.k8s.io/v1`: only the series goes on."""
    if new.get("series") != old.get("series"):
        yield from _series(new)
    for key, shown in _KEPT.items():
        yield from check.immutable(shown, new.get(key), old.get(key))


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
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    count = shape.count(obj, "count") or shape.count(obj, "deprecatedCount") or 1
    if series:
        last, count = series.get("lastObservedTime"), shape.count(series, "count")
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


_COLUMNS = (
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
)
STRATEGY = generic.make(
    name_rule=metadata.path_segment,
    default=_default,
    rules=_rules,
    fields=_fields,
    columns=_COLUMNS,
    cells=_cells,
    create_on_update=True,
)
_MODERN = generic.make(
    rules=_rules,
    update_rules=_update_rules,
    fields=_fields,
    columns=_COLUMNS,
    cells=_cells,
    create_on_update=True,
)


def _validate_create(obj: Object) -> list[errors.Cause]:
    return [*_MODERN.validate(obj), *_creation_rules(obj)]


MODERN = dataclasses.replace(_MODERN, validate_create=_validate_create)
"""Of `events.k8s.io/v1`."""
