"""ComponentStatuses: how the platform's own processes are. Asked of the API server, never stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, shape
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object

DEPRECATED = "v1 ComponentStatus is deprecated in v1.19+"


def _cells(obj: Object, now: datetime) -> list[Any]:
    for condition in shape.items(obj, "conditions"):
        if condition.get("type") == "Healthy":
            status = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [columns.name(obj), status, shape.text(condition, "message"), shape.text(condition, "error")]
    return [columns.name(obj), "Unknown", "", ""]


STRATEGY = generic.make(
    columns=(
        columns.NAME,
        Column("Status", description="Whether the component is healthy."),
        Column("Message", description="What it says of itself."),
        Column("Error", description="Why it is not known to be healthy."),
    ),
    cells=_cells,
    deprecated=DEPRECATED,
)
