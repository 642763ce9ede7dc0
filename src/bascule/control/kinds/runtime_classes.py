"""RuntimeClasses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, identifiers, metadata, quantities, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import scheduling as pod_scheduling
from bascule.control.kinds.pod import warnings as pod_warnings
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _default(obj: Object) -> None:
    quantities.canonicalize(shape.mapping(obj, "overhead"), "podFixed")


def _rules(obj: Object) -> Causes:
    handler = shape.text(obj, "handler")
    if not handler:
        yield errors.required("handler", "")
    else:
        yield from check.label("handler", handler)
    for key, amount in shape.mapping(shape.mapping(obj, "overhead"), "podFixed").items():
        yield from identifiers.qualified("overhead.limits", key)
        yield from check.quantity_value(f"overhead.limits.{key}", amount)
    scheduling = shape.mapping(obj, "scheduling")
    yield from metadata.label_problems("scheduling.nodeSelector", scheduling.get("nodeSelector"))
    seen: list[tuple[Any, ...]] = []
    for index, toleration in enumerate(shape.items(scheduling, "tolerations")):
        at = f"scheduling.tolerations[{index}]"
        yield from pod_scheduling.toleration_problems(at, toleration)
        said = tuple(toleration.get(key) or "" for key in ("key", "operator", "value", "effect"))
        if said in seen:
            yield errors.duplicate(at, toleration)
        seen.append(said)


def _update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("handler", new.get("handler"), old.get("handler"))


def _warnings(obj: Object) -> list[str]:
    chosen = shape.mapping(shape.mapping(obj, "scheduling"), "nodeSelector")
    found = ((key, pod_warnings.of_node_label(key)) for key in chosen)
    return [f"scheduling.nodeSelector: {message}" for _, message in found if message]


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), shape.text(obj, "handler"), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    columns=(columns.NAME, Column("Handler", description="The runtime's configuration."), columns.AGE),
    cells=_cells,
    warnings=_warnings,
    unconditional_update=False,
)
