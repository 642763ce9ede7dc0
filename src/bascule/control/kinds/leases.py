"""Leases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds"))
    yield from check.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))


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
