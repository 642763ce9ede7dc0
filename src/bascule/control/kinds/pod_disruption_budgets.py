"""PodDisruptionBudgets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, condition_rules, generic, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield errors.invalid_value("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for key in ("minAvailable", "maxUnavailable"):
        yield from check.percent_or_count(f"spec.{key}", spec.get(key))
        yield from check.at_most_full(f"spec.{key}", spec.get(key))
    yield from check.one_of("spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"), _POLICIES)
    yield from selectors.problems("spec.selector", spec.get("selector"))


def _status_rules(new: Object, old: Object) -> Causes:
    conditions = shape.items(shape.mapping(new, "status"), "conditions")
    yield from condition_rules.problems("status.conditions", conditions)
    keys = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    yield from check.not_negative_fields("status", shape.mapping(new, "status"), keys)


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [
        columns.name(obj),
        columns.or_none(spec.get("minAvailable"), "N/A"),
        columns.or_none(spec.get("maxUnavailable"), "N/A"),
        shape.count(shape.mapping(obj, "status"), "disruptionsAllowed"),
        columns.age(obj, now),
    ]


STRATEGY = generic.make(
    rules=_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Min Available", description="The fewest pods that must stay."),
        Column("Max Unavailable", description="The most pods that may be away."),
        Column("Allowed Disruptions", "integer", description="Pods that may be evicted now."),
        columns.AGE,
    ),
    cells=_cells,
    status=True,
    zero_counts=("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"),
    generation=True,
    unconditional_update=False,
)
