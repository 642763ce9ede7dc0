"""DaemonSets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, selectors, shape, workloads
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
)


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Counts the templates there were. Nothing reads it, but clients are used to finding it."""


def default(obj: Object) -> None:
    annotations = shape.ensure(shape.ensure(obj, "metadata"), "annotations")
    shape.fill_zero(annotations, TEMPLATE_GENERATION, "1")
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "revisionHistoryLimit", 10)
    strategy = shape.ensure(spec, "updateStrategy")
    shape.fill_zero(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = shape.ensure(strategy, "rollingUpdate")
        shape.fill(rolling, "maxUnavailable", 1)
        shape.fill(rolling, "maxSurge", 0)
    template.default(shape.ensure(spec, "template"))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.not_negative_fields("spec", spec, ("minReadySeconds", "revisionHistoryLimit"))
    if type(spec.get("selector")) is dict:
        yield from workloads.selector_problems(spec, "daemonset", refusal=None)
    else:
        yield from selectors.chooses_template(None, spec)
    strategy = shape.mapping(spec, "updateStrategy")
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") not in ("OnDelete", "RollingUpdate"):
        yield errors.not_supported("spec.updateStrategy", strategy, ("RollingUpdate", "OnDelete"), in_order=True)
    elif strategy["type"] == "RollingUpdate" and type(rolling) is dict:
        yield from _rolling("spec.updateStrategy.rollingUpdate", rolling)
    own = shape.mapping(spec, "template")
    yield from pod_rules.template_problems("spec.template", own)
    yield from pod_rules.always_restarted("spec.template", own, "DaemonSet")


def _rolling(path: str, rolling: Object) -> Causes:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    yield from check.percent_or_count(f"{path}.maxUnavailable", unavailable)
    yield from check.percent_or_count(f"{path}.maxSurge", surge)
    yield from check.at_most_full(f"{path}.maxUnavailable", unavailable)
    yield from check.at_most_full(f"{path}.maxSurge", surge)
    no_surge, no_unavailable = check.is_zero(surge), check.is_zero(unavailable)
    if not no_surge and not no_unavailable:
        yield errors.invalid_value(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif no_surge and no_unavailable:
        yield errors.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def _update(new: Object, old: Object, context: Context) -> None:
    before = shape.text(shape.mapping(shape.mapping(old, "metadata"), "annotations"), TEMPLATE_GENERATION)
    count = int(before) if before.isascii() and before.isdigit() else 1
    changed = shape.mapping(new, "spec").get("template") != shape.mapping(old, "spec").get("template")
    shape.ensure(shape.ensure(new, "metadata"), "annotations")[TEMPLATE_GENERATION] = str(count + changed)


def _update_rules(new: Object, old: Object) -> Causes:
    yield from selectors.immutable(shape.mapping(new, "spec"), shape.mapping(old, "spec"))


def _status_rules(new: Object, old: Object) -> Causes:
    keys = (*_COUNTS, "numberMisscheduled", "numberUnavailable", "observedGeneration")
    yield from check.not_negative_fields("status", shape.mapping(new, "status"), keys)
    yield from workloads.collisions(new, old)


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    own = shape.mapping(spec, "template")
    return [
        columns.name(obj),
        *(shape.count(status, key) for key in _COUNTS),
        selectors.shown_map(shape.mapping(own, "spec").get("nodeSelector")),
        columns.age(obj, now),
        *columns.template_cells(own, spec.get("selector")),
    ]


STRATEGY = generic.make(
    default=default,
    update=_update,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Desired", "integer", description="Nodes that should run the pod."),
        Column("Current", "integer", description="Nodes that run at least one."),
        Column("Ready", "integer", description="Nodes whose pod is ready."),
        Column("Up-to-date", "integer", description="Nodes that run the latest template."),
        Column("Available", "integer", description="Nodes whose pod is available."),
        Column("Node Selector", description="Which nodes run the pod."),
        columns.AGE,
        columns.CONTAINERS,
        columns.IMAGES,
        columns.SELECTOR,
    ),
    cells=_cells,
    warnings=workloads.template_warnings,
    status=True,
    zero_counts=("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"),
    generation=True,
)
