"""Leases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_STRATEGIES = ("OldestEmulationVersion",)


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"))
    yield from check.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    strategy = shape.text(spec, "strategy")
    if "/" in strategy:
        yield from identifiers.qualified("spec.strategy.strategy", strategy)
    elif spec.get("strategy") is not None and strategy not in _STRATEGIES:
        yield errors.not_supported("spec.strategy.strategy", strategy, _STRATEGIES)
    if spec.get("preferredHolder") and not strategy:
        yield errors.forbidden_field("spec.preferredHolder", "may only be specified if `strategy` is defined")


def _cells(obj: Object, now: datetime) -> list[Any]:
    holder = shape.text(shape.mapping(obj, "spec"), "holderIdentity")
    return [columns.name(obj), holder, columns.age(obj, now)]


STRATEGY = generic.make(
    rules=_rules,
    columns=(columns.NAME, Column("Holder", description="Who holds the lease."), columns.AGE),
    cells=_cells,
    create_on_update=True,
    unconditional_update=False,
)
