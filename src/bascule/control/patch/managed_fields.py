"""Who owns which field: `metadata.managedFields` after a create, an update or any patch but apply.

A manager owns what it last changed; changing a field takes it from everyone else. An entry is identified by manager,
operation, version and subresource. At most ten entries come from updates, older ones are folded into one. A write that
changes no field changes no entry, so that it can be recognised as a write of nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bascule.control.patch import field_set, field_tree
from bascule.control.patch.field_set import SELF, Tree
from bascule.control.schema import types
from bascule.vocabulary.objects import Object

UPDATE_MANAGERS_MAX = 10
ANCIENT = "ancient-changes"

Entry = dict[str, Any]
Difference = field_tree.Difference

# What the server sets, or what names the object, belongs to no manager.
_UNOWNED_METADATA = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
UNOWNED: Tree = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {SELF: {}, **{f"f:{name}": {} for name in _UNOWNED_METADATA}},
}
_IGNORED = frozenset(_UNOWNED_METADATA)
_UNOWNED_LABELS = tuple(f"f:{name}" for name in _UNOWNED_METADATA)


class Identity(NamedTuple):
    """What tells entries apart. An applier keeps its identity over versions: `api_version` is empty for it."""

    manager: str
    operation: str
    api_version: str
    subresource: str


def identity(entry: Entry) -> Identity:
    """The identity of an entry."""
    operation = entry.get("operation") or ""
    version = "" if operation == "Apply" else entry.get("apiVersion") or ""
    return Identity(entry.get("manager") or "", operation, version, entry.get("subresource") or "")


def record_update(
    old: Object | None,
    new: Object,
    manager: str,
    *,
    api_version: str,
    now: str,
    schema: types.TypeSchema,
    subresource: str = "",
    reset_fields: Tree | None = None,
    operation: str = "Update",
) -> list[Entry]:
    """The `managedFields` that `new` shall carry after a create (`old` None) or an update; `[]` means: none.

    `new` still has what the client sent in `metadata.managedFields` (`[]` and `[{}]` reset, nonsense is ignored).
    `now` is RFC 3339; it is used only if the manager took fields. `reset_fields` is a FieldsV1 set that is never
    owned through this endpoint, for example `{"f:status": {}}`. Returns old's list itself when nothing changed.
    """
    metadata = new.get("metadata") or {}
    sent = metadata.get("managedFields") if not subresource else None
    if old is None:
        changed, removed = Difference(_created(new, schema), {})
        entries: list[Entry] = [] if sent is None or is_reset(sent) or not is_valid(sent) else sent
    else:
        changed, removed = changes(old, new, schema)
        entries = _entries_before(old, sent)
    if reset_fields:
        changed = field_set.without_subtrees(changed, reset_fields)
        removed = field_set.without_subtrees(removed, reset_fields)
    if not changed and not removed:
        return entries
    mine = Identity(manager, operation, api_version, subresource)
    if not entries:
        return [entry_of(mine, api_version, changed, now)] if changed else entries
    return _recorded(entries, mine, Difference(changed, removed), now)


def _recorded(entries: list[Entry], mine: Identity, difference: Difference, now: str) -> list[Entry]:
    changed, removed = difference
    kept: list[Entry] = []
    own: Tree = {}
    for entry in entries:
        owned = entry.get("fieldsV1") or {}
        if identity(entry) == mine:
            own = field_set.without_subtrees(owned, removed)
            if changed:
                continue
            remaining = own
        else:
            remaining = field_set.difference(field_set.without_subtrees(owned, removed), changed)
        if remaining is owned:
            kept.append(entry)
        elif remaining:
            kept.append({**entry, "fieldsV1": remaining})
    if changed:
        kept.append(entry_of(mine, mine.api_version, field_set.union(own, changed) if own else changed, now))
    return in_order(_capped(kept))


def changes(old: Object, new: Object, schema: types.TypeSchema) -> Difference:
    """What a write changed, less what nobody owns."""
    changed: Tree = {}
    removed: Tree = {}
    for name, value in new.items():
        before = old.get(name)
        if before is value or before == value or name in ("apiVersion", "kind"):
            continue
        if not isinstance(value, dict) or not isinstance(before or {}, dict):
            changed[f"f:{name}"] = {}
            continue
        ignoring = _IGNORED if name == "metadata" else frozenset()
        below = field_tree.compare(before or {}, value, schema.field(name) or types.ANYTHING, ignoring=ignoring)
        if below.changed:
            changed[f"f:{name}"] = below.changed
        if below.removed:
            removed[f"f:{name}"] = below.removed
    removed.update({f"f:{name}": {} for name in old if name not in new})
    return Difference(changed, removed)


def _created(new: Object, schema: types.TypeSchema) -> Tree:
    changed: Tree = {}
    for name, value in new.items():
        if name in ("apiVersion", "kind"):
            continue
        tree = field_tree.complete(value, schema.field(name) or types.ANYTHING)
        if name == "metadata":
            for label in _UNOWNED_LABELS:
                tree.pop(label, None)
            tree.pop(SELF, None)
            if not tree:
                continue
        elif name in ("spec", "status"):
            tree.pop(SELF, None)  # these are always there, even in an empty object
        changed[f"f:{name}"] = tree
    return changed


def _entries_before(old: Object, sent: Any) -> list[Entry]:
    stored: list[Entry] = (old.get("metadata") or {}).get("managedFields") or []
    if sent is None or sent is stored or sent == stored:
        return stored
    if is_reset(sent):
        return []
    return sent if is_valid(sent) else stored


def is_reset(sent: Any) -> bool:
    """Whether a client's managedFields ask to forget all ownership."""
    return sent in ([], [{}])


def is_valid(sent: Any) -> bool:
    """Whether a client's managedFields can be taken over."""
    return isinstance(sent, list) and all(
        isinstance(entry, dict)
        and entry.get("operation") in ("Apply", "Update")
        and entry.get("apiVersion")
        and entry.get("fieldsType") == "FieldsV1"
        and field_set.is_valid(entry.get("fieldsV1") or {})
        for entry in sent
    )


def entry_of(who: Identity, api_version: str, fields: Tree, now: str) -> Entry:
    """An entry in the API's form."""
    entry: Entry = {
        "manager": who.manager,
        "operation": who.operation,
        "apiVersion": api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if who.subresource:
        entry["subresource"] = who.subresource
    return entry


def in_order(entries: list[Entry]) -> list[Entry]:
    """Entries as the API lists them: appliers first, then by time."""
    if len(entries) < 2:
        return entries
    return sorted(
        entries,
        key=lambda e: (
            e.get("operation") or "",
            e.get("time") or "",
            e.get("manager") or "",
            e.get("apiVersion") or "",
            e.get("subresource") or "",
        ),
    )


def _capped(entries: list[Entry]) -> list[Entry]:
    updates = [entry for entry in entries if entry.get("operation") != "Apply"]
    excess = len(updates) - UPDATE_MANAGERS_MAX
    if excess <= 0:
        return entries
    kept = [entry for entry in entries if entry.get("operation") == "Apply"]
    folded: dict[str, list[Entry]] = {}
    for entry in sorted(updates, key=lambda e: (e.get("time") or "", e.get("manager") or "")):
        version = entry.get("apiVersion") or ""
        if excess > 0:
            excess -= version in folded
            folded.setdefault(version, []).append(entry)
        else:
            kept.append(entry)
    for version, oldest in folded.items():
        kept.append(oldest[0] if len(oldest) == 1 else _folded(version, oldest))
    return kept


def _folded(version: str, entries: list[Entry]) -> Entry:
    fields: Tree = {}
    for entry in entries:
        fields = field_set.union(fields, entry.get("fieldsV1") or {})
    return entry_of(Identity(ANCIENT, "Update", version, ""), version, fields, entries[-1].get("time") or "")
