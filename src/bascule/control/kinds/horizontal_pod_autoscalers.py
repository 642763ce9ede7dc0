"""HorizontalPodAutoscalers, in the shapes of `autoscaling/v1` and `/v2`; they are stored as v2."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from bascule.control.kinds import autoscaler_metrics, autoscaler_versions, check, columns, generic, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, objects
from bascule.vocabulary.objects import Object

_METRICS_SHOWN = 2
_PERCENT = {"type": "Percent", "value": 100, "periodSeconds": 15}


def _default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "minReplicas", 1)
    if obj.get("apiVersion") == "autoscaling/v1":
        return
    if not spec.get("metrics"):
        spec["metrics"] = [autoscaler_versions.default_metric()]
    behavior = spec.get("behavior")
    if type(behavior) is dict:
        up, down = shape.ensure(behavior, "scaleUp"), shape.ensure(behavior, "scaleDown")
        for rules in (up, down):
            shape.fill(rules, "selectPolicy", "Max")
        shape.fill(up, "stabilizationWindowSeconds", 0)
        shape.fill(up, "policies", [{"type": "Pods", "value": 4, "periodSeconds": 15}, dict(_PERCENT)])
        shape.fill(down, "policies", [dict(_PERCENT)])


def _in_v2(obj: Object) -> Object:
    """The object as v2 says it; a copy where it is not v2 yet."""
    if obj.get("apiVersion") != "autoscaling/v1":
        return obj
    return autoscaler_versions.to_v2(objects.deep_copy(obj))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(_in_v2(obj), "spec")
    low, high = spec.get("minReplicas"), shape.count(spec, "maxReplicas")
    if type(low) is int and low < 1:
        yield errors.invalid_value("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield errors.invalid_value("spec.maxReplicas", high, "must be greater than 0")
    if type(low) is int and high < low:
        yield errors.invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = shape.mapping(spec, "scaleTargetRef")
    yield from identifiers.required_segment("spec.scaleTargetRef.kind", target.get("kind"))
    yield from identifiers.required_segment("spec.scaleTargetRef.name", target.get("name"))
    metrics = shape.items(spec, "metrics")
    for index, metric in enumerate(metrics):
        yield from autoscaler_metrics.problems(f"spec.metrics[{index}]", metric)
    if low == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        message = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield errors.forbidden_field("spec.metrics", message)
    behavior = shape.mapping(spec, "behavior")
    for key in ("scaleUp", "scaleDown"):
        if type(behavior.get(key)) is dict:
            yield from autoscaler_metrics.scaling_problems(f"spec.behavior.{key}", behavior[key])


def _create(obj: Object, context: Context) -> None:
    """What a version says of an autoscaler that has done nothing yet."""
    unsaid = {"currentReplicas": 0} if obj.get("apiVersion") == "autoscaling/v1" else {"currentMetrics": None}
    obj["status"] = {**unsaid, "desiredReplicas": 0}


def _update(new: Object, old: Object, context: Context) -> None:
    autoscaler_versions.keep_carried(new, old, autoscaler_versions.CARRIED_STATUS)


def _prepare_status(new: Object, old: Object, context: Context) -> None:
    _STRATEGY.prepare_status(new, old, context)
    autoscaler_versions.keep_carried(new, old, autoscaler_versions.CARRIED_SPEC)


def _status_rules(new: Object, old: Object) -> Causes:
    yield from check.not_negative_fields("status", shape.mapping(new, "status"), ("currentReplicas", "desiredReplicas"))


def _measured(metric: Object, current: Object) -> str:
    kind = shape.text(metric, "type")
    source = autoscaler_versions.SOURCES.get(kind)
    if source is None:
        return "<unknown type>"
    inner = shape.mapping(metric, source)
    target, now = shape.mapping(inner, "target"), shape.mapping(shape.mapping(current, source), "current")
    if kind in ("Resource", "ContainerResource"):
        name = shape.text(inner, "name")
        if target.get("averageValue") is not None:
            return f"{name}: {now.get('averageValue', '<unknown>')}/{target['averageValue']}"
        percent, wanted = now.get("averageUtilization"), target.get("averageUtilization")
        shown = "<unknown>" if percent is None else f"{percent}%"
        return f"{name}: {shown}/{'<auto>' if wanted is None else f'{wanted}%'}"
    if kind != "Pods" and target.get("averageValue") is None:
        return f"{now.get('value', '<unknown>')}/{target.get('value')}"
    text = f"{now.get('averageValue', '<unknown>')}/{target.get('averageValue')}"
    return text if kind == "Pods" else f"{text} (avg)"


def _targets(obj: Object) -> str:
    obj = _in_v2(obj)
    metrics = shape.items(shape.mapping(obj, "spec"), "metrics")
    currents = shape.items(shape.mapping(obj, "status"), "currentMetrics")
    measured = [
        _measured(metric, currents[index] if index < len(currents) else {}) for index, metric in enumerate(metrics)
    ]
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


_STRATEGY = generic.make(
    default=_default,
    create=_create,
    update=_update,
    rules=_rules,
    status_rules=_status_rules,
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
)
STRATEGY = dataclasses.replace(_STRATEGY, prepare_status=_prepare_status)
