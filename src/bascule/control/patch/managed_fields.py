"""Who owns which field: `metadata.managedFields` after a write."""

from __future__ import annotations

from typing import Any

from bascule.control.schema import types
from bascule.vocabulary.objects import Object


def record_update(
    old: Object | None,
    new: Object,
    manager: str,
    *,
    api_version: str,
    now: str,
    schema: types.TypeSchema,
    subresource: str = "",
    reset_fields: dict[str, Any] | None = None,
    operation: str = "Update",
) -> list[dict[str, Any]]:
    """The `managedFields` that `new` shall carry after a create (`old` None) or an update; `[]` means: none.

    `new` still has what the client sent in `metadata.managedFields` (`[]` and `[{}]` reset, nonsense is ignored).
    `now` is RFC 3339; it is used only if the manager took fields. `reset_fields` is a FieldsV1 set that is never
    owned through this endpoint, for example `{"f:status": {}}`. Returns old's list itself when nothing changed.
    """
    raise NotImplementedError
