"""ReplicaSets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, selectors, shape, workloads
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column, Scale
from bascule.vocabulary.objects import Object

COLUMNS = (
    columns.NAME,
    Column("Desired", "integer", description="Replicas wanted."),
    Column("Current", "integer", description="Replicas that exist."),
    Column("Ready", "integer", description="Replicas that are ready."),
    columns.AGE,
    columns.CONTAINERS,
    columns.IMAGES,
    columns.SELECTOR,
)


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "replicas", 1)
    template.default(shape.ensure(spec, "template"))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.not_negative_fields("spec", spec, ("replicas", "minReadySeconds"))
    yield from workloads.selector_problems(spec, "deployment")
    own = shape.mapping(spec, "template")
    yield from pod_rules.template_problems("spec.template", own)
    yield from pod_rules.always_restarted("spec.template", own)


def _update_rules(new: Object, old: Object) -> Causes:
    yield from selectors.immutable(shape.mapping(new, "spec"), shape.mapping(old, "spec"))


def status_rules(new: Object, old: Object) -> Causes:
    """Also ReplicationController's: no count may exceed the replicas there are."""
    status = shape.mapping(new, "status")
    keys = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
    yield from check.not_negative_fields("status", status, keys)
    yield from workloads.at_most_replicas(status, keys[1:4])
    yield from workloads.available_at_most_ready(status, "readyReplicas")


def fields(obj: Object) -> dict[str, str]:
    return {"status.replicas": str(shape.count(shape.mapping(obj, "status"), "replicas"))}


def counts(obj: Object) -> list[int]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    return [
        shape.count(spec, "replicas"),
        shape.count(status, "replicas"),
        shape.count(status, "readyReplicas"),
    ]


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    wide = columns.template_cells(shape.mapping(spec, "template"), spec.get("selector"))
    return [columns.name(obj), *counts(obj), columns.age(obj, now), *wide]


STRATEGY = generic.make(
    default=default,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=status_rules,
    fields=fields,
    columns=COLUMNS,
    cells=_cells,
    warnings=workloads.warnings,
    status=True,
    zero_counts=("replicas",),
    generation=True,
    scale=Scale(),
)
