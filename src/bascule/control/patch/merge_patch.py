"""JSON merge patch (RFC 7386): objects merge member by member, null removes, everything else replaces.

Inputs are never changed; parts that the patch leaves alone are shared between the document and the result.
"""

from __future__ import annotations

from typing import Any


def apply(document: Any, patch: Any) -> Any:
    """The document with the patch merged in. A patch that is not an object replaces the document."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = apply(merged.get(name), value)
        else:
            merged[name] = value
    return merged


def diff(before: Any, after: Any) -> Any:
    """A patch which, applied to `before`, gives `after`. Nulls inside `after` cannot be expressed and are lost."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif before[name] != value or type(before[name]) is not type(value):
            patch[name] = diff(before[name], value)
    return patch
