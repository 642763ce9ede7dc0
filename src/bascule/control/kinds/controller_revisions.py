"""ControllerRevisions: immutable snapshots of a workload's template."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object


def _rules(obj: Object) -> Causes:
    yield from check.not_negative("revision", obj.get("revision"))
    if obj.get("data") is None:
        yield errors.required("data", "data is mandatory")


def _update_rules(new: Object, old: Object) -> Causes:
    yield from check.immutable("data", new.get("data"), old.get("data"))


def _controller(obj: Object) -> str:
    for owner in shape.items(shape.mapping(obj, "metadata"), "ownerReferences"):
        if owner.get("controller") is True:
            group, slash, _ = shape.text(owner, "apiVersion").partition("/")
            kind = shape.text(owner, "kind").lower() + (f".{group}" if slash else "")
            return f"{kind}/{shape.text(owner, 'name')}"
    return columns.NONE


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), _controller(obj), shape.count(obj, "revision"), columns.age(obj, now)]


STRATEGY = generic.make(
    rules=_rules,
    update_rules=_update_rules,
    columns=(
        columns.NAME,
        Column("Controller", description="The workload the revision belongs to."),
        Column("Revision", description="The revision's number."),
        columns.AGE,
    ),
    cells=_cells,
)
