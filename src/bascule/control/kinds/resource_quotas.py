"""ResourceQuotas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object

_SCOPES = (
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
)


def _default(obj: Object) -> None:
    quantities.canonicalize(shape.mapping(obj, "spec"), "hard")


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    for name, value in shape.mapping(spec, "hard").items():
        yield from check.quantity_value(f"spec.hard[{name}]", value)
    for scope in shape.texts(spec, "scopes"):
        yield from check.one_of("spec.scopes", scope, _SCOPES)


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.scopes", spec.get("scopes"), before.get("scopes"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    status = shape.mapping(obj, "status")
    hard, used = shape.mapping(status, "hard"), shape.mapping(status, "used")
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        text = f"{name}: {used.get(name, '0')}/{hard[name]}"
        (limits if name.startswith("limits.") else requests).append(text)
    return [columns.name(obj), columns.age(obj, now), ", ".join(requests), ", ".join(limits)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        columns.AGE,
        Column("Request", description="Requests used, of those allowed."),
        Column("Limit", description="Limits used, of those allowed."),
    ),
    cells=_cells,
    status=True,
    delete_returns_object=True,
)
