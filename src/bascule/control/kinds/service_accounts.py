"""ServiceAccounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, shape
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), len(shape.items(obj, "secrets")), columns.age(obj, now)]


STRATEGY = generic.make(
    columns=(columns.NAME, Column("Secrets", description="How many secrets are attached."), columns.AGE),
    cells=_cells,
    delete_returns_object=True,
)
