"""ServiceAccounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, shape
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary.objects import Object

_ENFORCED = "kubernetes.io/enforce-mountable-secrets"


def _create(obj: Object, context: Context) -> None:
    """Of the objects it refers to only the names count."""
    secrets = shape.items(obj, "secrets")
    if secrets:
        obj["secrets"] = [{"name": secret["name"]} if secret.get("name") else {} for secret in secrets]


def _update(new: Object, old: Object, context: Context) -> None:
    _create(new, context)


def _warnings(obj: Object) -> list[str]:
    if _ENFORCED not in shape.mapping(shape.mapping(obj, "metadata"), "annotations"):
        return []
    instead = "prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_ENFORCED}]: deprecated in v1.32+; {instead}"]


def _cells(obj: Object, now: datetime) -> list[Any]:
    return [columns.name(obj), len(shape.items(obj, "secrets")), columns.age(obj, now)]


STRATEGY = generic.make(
    create=_create,
    update=_update,
    warnings=_warnings,
    columns=(columns.NAME, Column("Secrets", description="How many secrets are attached."), columns.AGE),
    cells=_cells,
    delete_returns_object=True,
)
