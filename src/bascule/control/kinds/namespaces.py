"""Namespaces. Deleting one and removing its finalizers is the API server's and the controller's work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, metadata, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

FINALIZER = "kubernetes"
_STANDARD = (FINALIZER, "orphan", "foregroundDeletion")
NAME_LABEL = "kubernetes.io/metadata.name"


def default(obj: Object) -> None:
    own = shape.ensure(obj, "metadata")
    name = own.get("name")
    if name:
        shape.ensure(own, "labels")[NAME_LABEL] = name
    status = obj.get("status")
    if type(status) is dict:
        shape.fill_zero(status, "phase", "Active")


def _create(obj: Object, context: Context) -> None:
    finalizers = shape.ensure(obj, "spec")
    listed = shape.texts(finalizers, "finalizers")
    finalizers["finalizers"] = listed if FINALIZER in listed else [*listed, FINALIZER]
    obj["status"] = {"phase": "Active"}


def _update(new: Object, old: Object, context: Context) -> None:
    """Finalizers change only through the `finalize` subresource."""
    spec, before = shape.ensure(new, "spec"), shape.mapping(old, "spec")
    if "finalizers" in before:
        spec["finalizers"] = before["finalizers"]
    else:
        spec.pop("finalizers", None)


def _rules(obj: Object) -> Causes:
    for name in shape.texts(shape.mapping(obj, "spec"), "finalizers"):
        for problem in names.is_qualified_name(name):
            yield errors.invalid_value("spec.finalizers", name, problem)
        if "/" not in name and name not in _STANDARD:
            message = "name is neither a standard finalizer name nor is it fully qualified"
            yield errors.invalid_value("spec.finalizers", name, message)


def _status_rules(new: Object, old: Object) -> Causes:
    ending = bool(shape.mapping(new, "metadata").get("deletionTimestamp"))
    phase = shape.text(shape.mapping(new, "status"), "phase")
    if ending and phase != "Terminating":
        message = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        yield errors.invalid_value("status.Phase", phase, message)
    if not ending and phase != "Active":
        yield errors.invalid_value("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")


def _fields(obj: Object) -> dict[str, str]:
    return {"status.phase": shape.text(shape.mapping(obj, "status"), "phase"), "name": columns.name(obj)}


def _cells(obj: Object, now: datetime) -> list[Any]:
    phase = shape.text(shape.mapping(obj, "status"), "phase")
    return [columns.name(obj), phase, columns.age(obj, now)]


STRATEGY = generic.make(
    name_rule=metadata.label,
    default=default,
    create=_create,
    update=_update,
    rules=_rules,
    status_rules=_status_rules,
    fields=_fields,
    columns=(columns.NAME, Column("Status", description="Active or Terminating."), columns.AGE),
    cells=_cells,
    status=True,
    defaults_status=True,
)
