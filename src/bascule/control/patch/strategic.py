"""Strategic merge patch: a merge patch whose lists merge by key, as each type's schema says, plus directives."""

from __future__ import annotations

from typing import Any

from bascule.control.schema import types


def apply(document: dict[str, Any], patch: dict[str, Any], schema: types.TypeSchema) -> dict[str, Any]:
    """The document with the patch merged in. Raises StatusError (400, 422)."""
    raise NotImplementedError
