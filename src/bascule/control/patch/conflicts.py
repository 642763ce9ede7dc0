"""Conflicts of an apply with other managers, in the words that kubectl shows."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from bascule.control.patch import field_set
from bascule.control.patch.field_set import Tree
from bascule.control.patch.managed_fields import Entry
from bascule.vocabulary import errors


def refuse(others: Iterable[tuple[Entry, Tree]], *, allowed: Tree) -> None:
    """Raises 409 if others own what changed (said of each in its version), unless all of it is in `allowed`."""
    found: list[tuple[str, str]] = []
    for entry, changed in sorted(others, key=_sort_key):
        taken = field_set.difference(field_set.intersection(entry.get("fieldsV1") or {}, changed), allowed)
        shown = _manager(entry)
        found += [(shown, path) for path in field_set.paths(taken)]
    if not found:
        return
    causes = [errors.Cause("FieldManagerConflict", path, f"conflict with {shown}") for shown, path in found]
    raise errors.apply_conflict(causes, _message(found))


def _message(found: list[tuple[str, str]]) -> str:
    if len(found) == 1:
        shown, path = found[0]
        return f"Apply failed with 1 conflict: conflict with {shown}: {path}"
    lines: list[str] = []
    for manager in dict.fromkeys(shown for shown, _ in found):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {path}" for shown, path in found if shown == manager]
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)


def _manager(entry: Entry) -> str:
    text = orjson.dumps(entry.get("manager") or "").decode()
    if entry.get("subresource"):
        text += f" with subresource {orjson.dumps(entry['subresource']).decode()}"
    if entry.get("operation") == "Update":
        text += f" using {entry.get('apiVersion')}"
    return text


def _sort_key(other: tuple[Entry, Tree]) -> tuple[str, str, str, str]:
    entry = other[0]
    return (
        entry.get("manager") or "",
        entry.get("operation") or "",
        entry.get("apiVersion") or "",
        entry.get("subresource") or "",
    )
