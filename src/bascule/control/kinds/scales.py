"""Scales, as they are printed: the scale subresource's own kind, which nobody stores."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, shape
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    return [columns.name(obj), shape.count(spec, "replicas"), shape.count(status, "replicas"), columns.age(obj, now)]


STRATEGY = generic.make(
    columns=(
        Column("Name", description="The name of what is scaled."),
        Column("Desired", "integer", description="Replicas wanted."),
        Column("Available", "integer", description="Replicas that exist."),
        columns.AGE,
    ),
    cells=_cells,
)
