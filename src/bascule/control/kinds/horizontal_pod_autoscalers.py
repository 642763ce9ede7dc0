"""HorizontalPodAutoscalers, in the shapes of `autoscaling/v1` and `/v2`; they are stored as v2."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_UTILIZATION = 80
_METRICS_SHOWN = 2
_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_VALUES = ("averageValue", "value")


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "minReplicas", 1)
    if obj.get("apiVersion") == "autoscaling/v1":
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if type(behavior) is dict:
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        up, down = shape.ensure(behavior, "scaleUp"), shape.ensure(behavior, "scaleDown")
        for rules in (up, down):
            shape.fill_zero(rules, "selectPolicy", "Max")
        shape.fill(up, "stabilizationWindowSeconds", 0)
        shape.fill_zero(up, "policies", [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent])
        shape.fill_zero(down, "policies", [dict(percent)])


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    low, high = spec.get("minReplicas"), shape.count(spec, "maxReplicas")
    if type(low) is int and low < 1:
        yield errors.invalid_value("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield errors.invalid_value("spec.maxReplicas", high, "must be greater than 0")
    if type(low) is int and high < low:
        yield errors.invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = shape.mapping(spec, "scaleTargetRef")
    yield from check.required("spec.scaleTargetRef.kind", target.get("kind"))
    yield from check.required("spec.scaleTargetRef.name", target.get("name"))
    for index, metric in enumerate(shape.items(spec, "metrics")):
        at, kind = f"spec.metrics[{index}]", shape.text(metric, "type")
        if not kind:
            yield errors.required(f"{at}.type", "must specify a metric source type")
        yield from check.one_of(f"{at}.type", kind, tuple(_SOURCES))
        if kind in _SOURCES and type(metric.get(_SOURCES[kind])) is not dict:
            yield errors.required(f"{at}.{_SOURCES[kind]}", "must populate information for the given metric source")


def _measured(metric: Object, currents: list[Object]) -> str:
    kind = shape.text(metric, "type")
    source = _SOURCES.get(kind, "")
    inner = shape.mapping(metric, source)
    name = shape.text(inner, "name") or shape.text(shape.mapping(inner, "metric"), "name")
    current: Object = {}
    for candidate in currents:
        other = shape.mapping(candidate, source)
        if candidate.get("type") == kind and name == (
            shape.text(other, "name") or shape.text(shape.mapping(other, "metric"), "name")
        ):
            current = shape.mapping(other, "current")
    target = shape.mapping(inner, "target")
    if target.get("averageUtilization") is not None:
        now = current.get("averageUtilization")
        text = f"{'<unknown>' if now is None else f'{now}%'}/{target['averageUtilization']}%"
        return f"{name}: {text}"
    for key in _VALUES:
        if target.get(key) is not None:
            text = f"{current.get(key, '<unknown>')}/{target[key]}" + (" (avg)" if key == "averageValue" else "")
            return f"{name}: {text}" if kind == "Resource" else text
    return "<unknown>"


def _targets(obj: Object) -> str:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    wanted = spec.get("targetCPUUtilizationPercentage")
    if wanted is not None:
        now = status.get("currentCPUUtilizationPercentage")
        return f"cpu: {'<unknown>' if now is None else f'{now}%'}/{wanted}%"
    measured = [_measured(metric, shape.items(status, "currentMetrics")) for metric in shape.items(spec, "metrics")]
    if not measured:
        return columns.NONE
    shown = ", ".join(measured[:_METRICS_SHOWN])
    hidden = len(measured) - _METRICS_SHOWN
    return f"{shown} + {hidden} more..." if hidden > 0 else shown


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    target = shape.mapping(spec, "scaleTargetRef")
    return [
        columns.name(obj),
        f"{shape.text(target, 'kind')}/{shape.text(target, 'name')}",
        _targets(obj),
        columns.or_none(spec.get("minReplicas"), columns.UNSET),
        shape.count(spec, "maxReplicas"),
        shape.count(shape.mapping(obj, "status"), "currentReplicas"),
        columns.age(obj, now),
    ]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    columns=(
        columns.NAME,
        Column("Reference", description="What is scaled."),
        Column("Targets", description="Measured and wanted values."),
        Column("MinPods", description="The fewest replicas."),
        Column("MaxPods", description="The most replicas."),
        Column("Replicas", description="Replicas now."),
        columns.AGE,
    ),
    cells=_cells,
    status=True,
    zero_counts=("desiredReplicas", "currentReplicas"),
)
