"""Deployments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, selectors, shape, workloads
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column, Scale
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_STRATEGIES = ("Recreate", "RollingUpdate")
_NUMBERS = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "replicas", 1)
    shape.fill(spec, "revisionHistoryLimit", 10)
    shape.fill(spec, "progressDeadlineSeconds", 600)
    strategy = shape.ensure(spec, "strategy")
    shape.fill_zero(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = shape.ensure(strategy, "rollingUpdate")
        shape.fill(rolling, "maxUnavailable", "25%")
        shape.fill(rolling, "maxSurge", "25%")
    template.default(shape.ensure(spec, "template"))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.not_negative_fields("spec", spec, _NUMBERS)
    yield from workloads.selector_problems(spec, "deployment")
    yield from _strategy(shape.mapping(spec, "strategy"))
    deadline = spec.get("progressDeadlineSeconds")
    if type(deadline) is int and deadline <= shape.count(spec, "minReadySeconds"):
        yield errors.invalid_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    own = shape.mapping(spec, "template")
    yield from pod_rules.template_problems("spec.template", own)
    yield from pod_rules.always_restarted("spec.template", own)


def _strategy(strategy: Object) -> Causes:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in _STRATEGIES:
        yield errors.not_supported("spec.strategy", strategy, _STRATEGIES)
    path = "spec.strategy.rollingUpdate"
    if kind == "Recreate" and rolling is not None:
        yield errors.forbidden_field(path, "may not be specified when strategy `type` is 'Recreate'")
    elif kind == "RollingUpdate" and type(rolling) is dict:
        unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
        yield from check.percent_or_count(f"{path}.maxUnavailable", unavailable)
        yield from check.percent_or_count(f"{path}.maxSurge", surge)
        yield from check.at_most_full(f"{path}.maxUnavailable", unavailable)
        if check.is_zero(unavailable) and check.is_zero(surge):
            yield errors.invalid_value(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


def _update_rules(new: Object, old: Object) -> Causes:
    yield from selectors.immutable(shape.mapping(new, "spec"), shape.mapping(old, "spec"))


def _status_rules(new: Object, old: Object) -> Causes:
    status = shape.mapping(new, "status")
    keys = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
    yield from check.not_negative_fields("status", status, ("observedGeneration", *keys))
    yield from workloads.at_most_replicas(status, keys[1:4])
    yield from workloads.available_at_most_ready(status, "readyReplicas")
    yield from workloads.collisions(new, old)


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    return [
        columns.name(obj),
        f"{shape.count(status, 'readyReplicas')}/{shape.count(spec, 'replicas')}",
        shape.count(status, "updatedReplicas"),
        shape.count(status, "availableReplicas"),
        columns.age(obj, now),
        *columns.template_cells(shape.mapping(spec, "template"), spec.get("selector")),
    ]


STRATEGY = generic.make(
    default=default,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Ready", description="Ready replicas of those wanted."),
        Column("Up-to-date", description="Replicas of the latest template."),
        Column("Available", description="Replicas available for the minimum time."),
        columns.AGE,
        columns.CONTAINERS,
        columns.IMAGES,
        columns.SELECTOR,
    ),
    cells=_cells,
    warnings=workloads.warnings,
    status=True,
    generation=True,
    annotations_desired=True,
    status_keeps_labels=True,
    scale=Scale(),
)
