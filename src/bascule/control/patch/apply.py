"""Server-side apply: merge what a manager wants, remove what it no longer wants, refuse what others own."""

from __future__ import annotations

from typing import Any

from bascule.control.schema import types
from bascule.vocabulary.objects import Object


def server_side(
    live: Object | None,
    applied: Object,
    manager: str,
    *,
    force: bool,
    schema: types.TypeSchema,
    now: str,
    subresource: str = "",
    reset_fields: dict[str, Any] | None = None,
) -> Object:
    """The object after the apply, managedFields included; equal to `live` if nothing changed.

    Raises StatusError: 409 with a cause for each conflict unless `force`, 400 for managedFields in `applied`
    or for undeclared fields (`.spec.x: field not declared in schema`).
    """
    raise NotImplementedError
