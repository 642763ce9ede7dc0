"""IngressClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    parameters = shape.mapping(obj, "spec").get("parameters")
    if type(parameters) is dict:
        shape.fill(parameters, "scope", "Cluster")


def _rules(obj: Object) -> Causes:
    yield from check.required("spec.controller", shape.mapping(obj, "spec").get("controller"))


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from check.immutable("spec.controller", spec.get("controller"), before.get("controller"))


def _parameters(spec: Object) -> str:
    parameters = shape.mapping(spec, "parameters")
    if not parameters:
        return columns.NONE
    group = shape.text(parameters, "apiGroup")
    kind = shape.text(parameters, "kind") + (f".{group}" if group else "")
    return f"{kind}/{shape.text(parameters, 'name')}"


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    return [columns.name(obj), shape.text(spec, "controller"), _parameters(spec), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Controller", description="Who serves ingresses of the class."),
        Column("Parameters", description="Further settings."),
        columns.AGE,
    ),
    cells=_cells,
    generation=True,
)
