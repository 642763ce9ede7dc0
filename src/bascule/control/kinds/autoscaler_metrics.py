"""Rules of what an autoscaler measures, and of how fast it may scale, as `autoscaling/v2` says them."""

from __future__ import annotations

from typing import Final

from bascule.control.kinds import autoscaler_versions, check, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_TYPES: Final = tuple(sorted(autoscaler_versions.SOURCES))
_ORDER: Final = ("object", "external", "pods", "resource", "containerResource")
_TARGETS: Final = ("Utilization", "Value", "AverageValue")
_POLICIES: Final = ("Percent", "Pods")
_SELECTED: Final = ("Disabled", "Max", "Min")
_WINDOW_SECONDS_MAX: Final = 3600
_PERIOD_SECONDS_MAX: Final = 1800


def problems(path: str, metric: Object) -> Causes:
    kind = shape.text(metric, "type")
    if not kind:
        yield errors.required(f"{path}.type", "must specify a metric source type")
    if kind not in _TYPES:
        yield errors.not_supported(f"{path}.type", kind, _TYPES)
    present = [field for field in _ORDER if type(metric.get(field)) is dict]
    if present:
        yield from _source(f"{path}.{present[0]}", present[0], metric[present[0]])
    expected = autoscaler_versions.SOURCES.get(kind)
    if expected is not None and expected not in present:
        yield errors.required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(present) > 1:
        for field in present:
            if field != expected:
                yield errors.forbidden_field(f"{path}.{field}", "must populate the given metric source only")


def _source(path: str, field: str, source: Object) -> Causes:
    target = shape.mapping(source, "target")
    value, average = target.get("value"), target.get("averageValue")
    if field in ("resource", "containerResource"):
        if not source.get("name"):
            yield errors.required(f"{path}.name", "must specify a resource name")
        if field == "containerResource":
            if not source.get("container"):
                yield errors.required(f"{path}.container", "must specify a container")
            else:
                yield from identifiers.label(f"{path}.container", source["container"])
    else:
        if field == "object":
            described = shape.mapping(source, "describedObject")
            for key in ("kind", "name"):
                yield from identifiers.required_segment(f"{path}.describedObject.{key}", described.get(key))
        name = shape.mapping(source, "metric").get("name")
        yield from identifiers.required_segment(f"{path}.metric.name", name, "must specify a metric name")
    yield from _target(f"{path}.target", target)
    if field in ("resource", "containerResource"):
        percent = target.get("averageUtilization")
        if percent is None and average is None:
            yield errors.required(
                f"{path}.target.averageUtilization", "must set either a target raw value or a target utilization"
            )
        elif percent is not None and average is not None:
            yield errors.forbidden_field(
                f"{path}.target.averageValue", "may not set both a target raw value and a target utilization"
            )
    elif field == "pods":
        if average is None:
            yield errors.required(f"{path}.target.averageValue", "must specify a positive target averageValue")
    elif value is None and average is None:
        what = "averageValue" if field == "object" else "for metric or a per-pod target"
        text = f"must set either a target value {'or ' if field == 'object' else ''}{what}"
        yield errors.required(f"{path}.target.averageValue", text)
    elif field == "external" and value is not None and average is not None:
        yield errors.forbidden_field(
            f"{path}.target.value", "may not set both a target value for metric and a per-pod target"
        )


def _target(path: str, target: Object) -> Causes:
    kind = shape.text(target, "type")
    if not kind:
        yield errors.required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        yield errors.invalid_value(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if type(amount) in (str, int, float) and (check.milli(amount) or 0) <= 0:
            yield errors.invalid_value(f"{path}.{key}", amount, "must be positive")
    percent = shape.integer(target, "averageUtilization")
    if percent is not None and percent < 1:
        yield errors.invalid_value(f"{path}.averageUtilization", percent, "must be greater than 0")


def scaling_problems(path: str, rules: Object) -> Causes:
    window, selected = shape.integer(rules, "stabilizationWindowSeconds"), rules.get("selectPolicy")
    if window is not None and window < 0:
        yield errors.invalid_value(
            f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero"
        )
    if window is not None and window > _WINDOW_SECONDS_MAX:
        yield errors.invalid_value(
            f"{path}.stabilizationWindowSeconds", window, f"must be less than or equal to {_WINDOW_SECONDS_MAX}"
        )
    if selected is not None and selected not in _SELECTED:
        yield errors.not_supported(f"{path}.selectPolicy", selected, _SELECTED)
    policies = shape.items(rules, "policies")
    if not policies:
        yield errors.required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies):
        yield from _policy(f"{path}.policies[{index}]", policy)
    tolerance = rules.get("tolerance")
    if type(tolerance) in (str, int, float) and (check.milli(tolerance) or 0) < 0:
        yield errors.invalid_value(f"{path}.tolerance", tolerance, "must be greater than or equal to zero")


def _policy(path: str, policy: Object) -> Causes:
    kind = shape.text(policy, "type")
    if kind not in _POLICIES:
        yield errors.not_supported(f"{path}.type", kind, _POLICIES)
    for key in ("value", "periodSeconds"):
        if shape.count(policy, key) <= 0:
            yield errors.invalid_value(f"{path}.{key}", shape.count(policy, key), "must be greater than zero")
    if shape.count(policy, "periodSeconds") > _PERIOD_SECONDS_MAX:
        yield errors.invalid_value(
            f"{path}.periodSeconds",
            policy["periodSeconds"],
            f"must be less than or equal to {_PERIOD_SECONDS_MAX}",
        )
