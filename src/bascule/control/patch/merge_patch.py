"""JSON merge patch (RFC 7386): objects merge member by member, null removes, everything else replaces.

As upstream, and unlike the RFC, a list loses the null members of its objects, unless it replaces an object.
Inputs are never changed; what the patch leaves as it is, is the same object in the result.
"""

from __future__ import annotations

from typing import Any

_ABSENT: Any = object()


def apply(document: Any, patch: Any) -> Any:
    """The document with the patch merged in. A patch that is not an object replaces the document."""
    if not isinstance(patch, dict):
        return patch
    original = document if isinstance(document, dict) else {}
    merged = original
    for name, value in patch.items():
        present = original.get(name, _ABSENT)
        if isinstance(value, dict):
            value = apply(present, value)
        elif value is None:
            value = _ABSENT
        elif value.__class__ is list and present.__class__ is not dict:
            value = _without_nulls(value)
        if value is present or (value == present and value.__class__ is str):
            continue
        if merged is original:
            merged = original.copy()
        if value is _ABSENT:
            del merged[name]
        else:
            merged[name] = value
    return merged


def _without_nulls(value: Any) -> Any:
    if value.__class__ is dict:
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    if value.__class__ is list:
        return [_without_nulls(item) for item in value]
    return value


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
