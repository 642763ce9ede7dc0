"""PriorityClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

USER_VALUE_MAX = 1_000_000_000
_SYSTEM_PREFIX = "system-"
_SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def _default(obj: Object) -> None:
    shape.fill_zero(obj, "preemptionPolicy", "PreemptLowerPriority")
    shape.fill(obj, "value", 0)


def _rules(obj: Object) -> Causes:
    name, value = columns.name(obj), shape.count(obj, "value")
    if name.startswith(_SYSTEM_PREFIX):
        problem = _system_problem(name, value, obj)
        if problem:
            yield errors.forbidden_field(
                "metadata.name",
                f"priority class names with 'system-' prefix are reserved for system use only. error: {problem}",
            )
    elif value > USER_VALUE_MAX:
        yield errors.forbidden_field("value", f"maximum allowed value of a user defined priority is {USER_VALUE_MAX}")
    policies = ("PreemptLowerPriority", "Never")
    yield from check.one_of("preemptionPolicy", obj.get("preemptionPolicy"), policies, in_order=True)


def _system_problem(name: str, value: int, obj: Object) -> str:
    if name not in _SYSTEM:
        return f"{name} is not a known system priority class"
    if value != _SYSTEM[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM[name]}"
    if shape.flag(obj, "globalDefault"):
        return f"globalDefault of {name} PriorityClass must be false"
    return ""


def _create(obj: Object, context: Context) -> None:
    """The first generation is the only one: nothing that counts may change."""
    shape.ensure(obj, "metadata")["generation"] = 1


def _update_rules(new: Object, old: Object) -> Causes:
    if shape.count(new, "value") != shape.count(old, "value"):
        yield errors.forbidden_field("value", "may not be changed in an update.")
    yield from check.immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [
        columns.name(obj),
        shape.count(obj, "value"),
        shape.flag(obj, "globalDefault"),
        columns.age(obj, now),
        shape.text(obj, "preemptionPolicy"),
    ]


STRATEGY = generic.make(
    default=_default,
    create=_create,
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Value", "integer", description="The priority; higher is scheduled first."),
        Column("Global-Default", "boolean", description="Whether pods without a class get this one."),
        columns.AGE,
        Column("PreemptionPolicy", description="Whether pods of lower priority make room."),
    ),
    cells=_cells,
)
