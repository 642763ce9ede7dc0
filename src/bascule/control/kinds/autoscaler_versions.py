"""HorizontalPodAutoscalers between `autoscaling/v1` and `/v2`.

What v1 has no field for it carries in annotations, in the form upstream gives them, so that an object that was read
and written in v1 has lost nothing. Annotations that cannot be read are dropped, as upstream drops them.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from bascule.control.kinds import shape
from bascule.vocabulary.objects import Object

_PREFIX: Final = "autoscaling.alpha.kubernetes.io/"
_METRICS, _BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
_CURRENT, _CONDITIONS = f"{_PREFIX}current-metrics", f"{_PREFIX}conditions"
CARRIED_SPEC: Final = (_METRICS, _BEHAVIOR)
CARRIED_STATUS: Final = (_CURRENT, _CONDITIONS)
_CARRIED: Final = (*CARRIED_SPEC, *CARRIED_STATUS)
DEFAULT_UTILIZATION: Final = 80
SOURCES: Final = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_RESOURCES: Final = ("resource", "containerResource")


def default_metric() -> Object:
    return _utilization(DEFAULT_UTILIZATION)


def _utilization(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def to_v2(obj: Object) -> Object:
    """Changes and returns a v1 object."""
    obj["apiVersion"] = "autoscaling/v2"
    carried = _take_annotations(obj)
    spec = shape.ensure(obj, "spec")
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [_metric_to_v2(metric) for metric in _listed(carried.get(_METRICS))]
    if type(percent) is int:
        metrics.append(_utilization(percent))
    spec["metrics"] = metrics or [default_metric()]
    behavior = _recased(_loaded(carried.get(_BEHAVIOR)), str.lower)
    if type(behavior) is dict and behavior:
        spec["behavior"] = behavior
    status = shape.mapping(obj, "status")
    current = status.pop("currentCPUUtilizationPercentage", None)
    if status:
        status["currentMetrics"] = None
        if not status.get("currentReplicas"):
            status.pop("currentReplicas", None)
    if type(current) is int:
        status["currentMetrics"] = [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": current}}}
        ]
    for annotation, key, converted in ((_CURRENT, "currentMetrics", _status_to_v2), (_CONDITIONS, "conditions", dict)):
        entries = _listed(carried.get(annotation))
        if entries:
            shape.ensure(obj, "status")[key] = [converted(entry) for entry in entries]
    return obj


def from_v2(obj: Object) -> Object:
    """Changes and returns a v2 object."""
    obj["apiVersion"] = "autoscaling/v1"
    _take_annotations(obj)
    spec = shape.ensure(obj, "spec")
    others = []
    percent = None
    for metric in _objects(spec.pop("metrics", None)):
        target = shape.mapping(shape.mapping(metric, "resource"), "target")
        if _is_cpu(metric) and target.get("averageUtilization") is not None:
            percent = target["averageUtilization"] if percent is None else percent
        else:
            others.append(_metric_to_v1(metric))
    if percent is not None:
        spec["targetCPUUtilizationPercentage"] = percent
    _carry(obj, _METRICS, others)
    _carry(obj, _BEHAVIOR, _recased(spec.pop("behavior", None), str.upper))
    status = obj.get("status")
    if type(status) is dict:
        status.setdefault("currentReplicas", 0)
        current = _objects(status.pop("currentMetrics", None))
        for metric in current:
            value = shape.mapping(shape.mapping(metric, "resource"), "current").get("averageUtilization")
            if _is_cpu(metric) and value is not None:
                status["currentCPUUtilizationPercentage"] = value
        _carry(obj, _CURRENT, [_status_to_v1(metric) for metric in current])
        _carry(obj, _CONDITIONS, status.pop("conditions", None))
    return obj


def keep_carried(new: Object, old: Object, keys: tuple[str, ...]) -> None:
    """What v1 carries in annotations is taken from `old` where the fields it stands for may not be written."""
    if new.get("apiVersion") != "autoscaling/v1":
        return
    before = shape.mapping(shape.mapping(old, "metadata"), "annotations")
    meta = shape.ensure(new, "metadata")
    annotations = {key: value for key, value in shape.mapping(meta, "annotations").items() if key not in keys}
    annotations |= {key: before[key] for key in keys if key in before}
    if annotations:
        meta["annotations"] = annotations
    else:
        meta.pop("annotations", None)


def _is_cpu(metric: Object) -> bool:
    return metric.get("type") == "Resource" and shape.mapping(metric, "resource").get("name") == "cpu"


def _objects(value: Any) -> list[Object]:
    return [entry for entry in value if type(entry) is dict] if type(value) is list else []


def _loaded(text: Any) -> Any:
    try:
        return orjson.loads(text) if type(text) is str else None
    except orjson.JSONDecodeError:
        return None


def _listed(text: Any) -> list[Object]:
    return _objects(_loaded(text))


def _take_annotations(obj: Object) -> Object:
    annotations = shape.mapping(shape.mapping(obj, "metadata"), "annotations")
    carried = {key: annotations.pop(key) for key in _CARRIED if key in annotations}
    if carried and not annotations:
        del obj["metadata"]["annotations"]
    return carried


def _carry(obj: Object, annotation: str, value: Any) -> None:
    if value:
        shape.ensure(shape.ensure(obj, "metadata"), "annotations")[annotation] = orjson.dumps(value).decode()


def _recased(value: Any, first: Any) -> Any:
    """The behavior's annotation has the names of Go's fields, which begin with capitals."""
    if type(value) is dict:
        return {(first(key[:1]) + key[1:]): _recased(inner, first) for key, inner in value.items() if inner is not None}
    return [_recased(inner, first) for inner in value] if type(value) is list else value


def _set(target: Object, key: str, value: Any) -> None:
    if value is not None:
        target[key] = value


def _metric_to_v1(metric: Object) -> Object:
    kind = shape.text(metric, "type")
    made: Object = {"type": kind}
    for field in SOURCES.values():
        if type(metric.get(field)) is dict:
            made[field] = _flat(field, metric[field], shape.mapping(metric[field], "target"), "target")
    return made


def _status_to_v1(metric: Object) -> Object:
    made: Object = {"type": shape.text(metric, "type")}
    for field in SOURCES.values():
        if type(metric.get(field)) is dict:
            made[field] = _flat(field, metric[field], shape.mapping(metric[field], "current"), "current")
    return made


def _flat(field: str, source: Object, amount: Object, prefix: str) -> Object:
    """One source of v1: its target's or current values are fields of their own, named with the prefix."""
    made: Object = {}
    if field in _RESOURCES:
        _set(made, "name", source.get("name"))
        _set(made, "container", source.get("container"))
        _set(made, f"{prefix}AverageUtilization", amount.get("averageUtilization"))
        _set(made, f"{prefix}AverageValue", amount.get("averageValue"))
        return made
    metric = shape.mapping(source, "metric")
    made["metricName"] = shape.text(metric, "name")
    _set(made, "metricSelector" if field == "external" else "selector", metric.get("selector"))
    if field == "object":
        _set(made, "target", source.get("describedObject"))
        made[f"{prefix}Value"] = amount.get("value", "0")
        _set(made, "averageValue", amount.get("averageValue"))
    elif field == "pods":
        made[f"{prefix}AverageValue"] = amount.get("averageValue", "0")
    else:
        _set(made, f"{prefix}Value", amount.get("value"))
        _set(made, f"{prefix}AverageValue", amount.get("averageValue"))
    return made


def _metric_to_v2(metric: Object) -> Object:
    made: Object = {"type": shape.text(metric, "type")}
    for field in SOURCES.values():
        if type(metric.get(field)) is dict:
            source, amount = _deep(field, metric[field], "target")
            made[field] = source | {"target": {"type": _target_type(amount), **amount}}
    return made


def _status_to_v2(metric: Object) -> Object:
    made: Object = {"type": shape.text(metric, "type")}
    for field in SOURCES.values():
        if type(metric.get(field)) is dict:
            source, amount = _deep(field, metric[field], "current")
            made[field] = source | {"current": amount}
    return made


def _target_type(amount: Object) -> str:
    if "averageUtilization" in amount:
        return "Utilization"
    return "Value" if "value" in amount and "averageValue" not in amount else "AverageValue"


def _deep(field: str, source: Object, prefix: str) -> tuple[Object, Object]:
    """A source of v2 without its values, and the values."""
    made: Object = {}
    amount: Object = {}
    if field in _RESOURCES:
        _set(made, "name", source.get("name"))
        _set(made, "container", source.get("container"))
        _set(amount, "averageUtilization", source.get(f"{prefix}AverageUtilization"))
        _set(amount, "averageValue", source.get(f"{prefix}AverageValue"))
        return made, amount
    made["metric"] = {"name": shape.text(source, "metricName")}
    _set(made["metric"], "selector", source.get("metricSelector" if field == "external" else "selector"))
    if field == "object":
        _set(made, "describedObject", source.get("target"))
        average = source.get("averageValue")
        value = source.get(f"{prefix}Value")
        if average is None or value not in ("0", 0):
            _set(amount, "value", value)
        _set(amount, "averageValue", average)
    else:
        _set(amount, "value", source.get(f"{prefix}Value") if field == "external" else None)
        _set(amount, "averageValue", source.get(f"{prefix}AverageValue"))
    return made, amount
