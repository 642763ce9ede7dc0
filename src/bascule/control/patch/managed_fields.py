"""Who owns which field: `metadata.managedFields` after a create, an update or any patch but apply.

A manager owns what it last changed; changing a field takes it from everyone else. An entry is identified by manager,
operation, version and subresource. At most ten entries come from updates, older ones are folded into one. A write that
changes no field changes no entry, so that it can be recognised as a write of nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from bascule.control.patch import field_set, field_tree, standing
from bascule.control.patch.field_set import SELF, Tree
from bascule.control.patch.versions import Version, Versions
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
_TYPE = frozenset({"apiVersion", "kind"})
_IGNORED = frozenset(_UNOWNED_METADATA)
_REMEMBERED_MAX = 64
_REMEMBERED_BYTES_MAX = 4096


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


def is_of(entry: Entry, who: Identity) -> bool:
    """Whether `identity(entry)` is this one."""
    return (
        (entry.get("manager") or "") == who.manager
        and (entry.get("operation") or "") == who.operation
        and (entry.get("subresource") or "") == who.subresource
        and (who.operation == "Apply" or (entry.get("apiVersion") or "") == who.api_version)
    )


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
    versions: Versions | None = None,
) -> list[Entry]:
    """The `managedFields` that `new` shall carry after a create (`old` None) or an update; `[]` means: none.

    `new` still has what the client sent in `metadata.managedFields` (`[]` and `[{}]` reset, nonsense is ignored).
    `now` is RFC 3339; it is used only if the manager took fields. `reset_fields` is a FieldsV1 set that is never
    owned through this endpoint, for example `{"f:status": {}}`. Returns old's list itself when nothing changed.
    An object whose fields nobody owns stays so until somebody applies. `versions`: the kind's others, unless their
    fields are named alike.
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
        return [entry_of(mine, api_version, changed, now)] if changed and old is None else entries
    difference = Difference(changed, removed)
    if versions is None or old is None:
        return _recorded(entries, mine, difference, now, lambda _: difference)
    return _recorded(entries, mine, difference, now, _Elsewhere(old, new, versions, reset_fields).difference)


class _Elsewhere:
    """What a write changed, in the versions of other managers."""

    def __init__(self, old: Object, new: Object, versions: Versions, reset_fields: Tree | None) -> None:
        self._write = old, new
        self._versions = versions
        self._reset_fields = reset_fields
        self._known: dict[str, Difference | None] = {}

    def difference(self, api_version: str) -> Difference | None:
        """None for a version that is served no more."""
        if api_version not in self._known:
            version = self._versions(api_version)
            self._known[api_version] = None if version is None else self._compared(version)
        return self._known[api_version]

    def _compared(self, version: Version) -> Difference:
        old, new = self._write
        changed, removed = changes(version.there(old), version.there(new), version.schema)
        if self._reset_fields:
            changed = field_set.without_subtrees(changed, self._reset_fields)
            removed = field_set.without_subtrees(removed, self._reset_fields)
        return Difference(changed, removed)


def _recorded(
    entries: list[Entry],
    mine: Identity,
    difference: Difference,
    now: str,
    elsewhere: Callable[[str], Difference | None],
) -> list[Entry]:
    changed, removed = difference
    kept: list[Entry] = []
    own: Tree = {}
    for entry in entries:
        owned = entry.get("fieldsV1") or {}
        if is_of(entry, mine):
            own = field_set.without_subtrees(owned, removed)
            if changed:
                continue
            remaining = own
        else:
            version = entry.get("apiVersion") or ""
            seen = difference if version == mine.api_version else elsewhere(version)
            if seen is None:
                continue
            remaining = field_set.difference(field_set.without_subtrees(owned, seen.removed), seen.changed)
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
    fields = schema.fields
    for name, value in new.items():
        before = old.get(name, field_tree.ABSENT)
        if before is value or name in _TYPE or before == value:
            continue
        declared = fields.get(name) or schema.field(name) or types.ANYTHING
        if name != "metadata":
            if before is field_tree.ABSENT and name in standing.of_object(schema):
                before = {}
            field_tree.compare_member(before, value, f"f:{name}", declared, changed, removed)
            continue
        below = field_tree.compare(old.get(name) or {}, value, declared, ignoring=_IGNORED)
        if below.changed:
            changed["f:metadata"] = below.changed
        if below.removed:
            removed["f:metadata"] = below.removed
    if not old.keys() <= new.keys():
        removed.update({f"f:{name}": {} for name in old if name not in new})
    return Difference(changed, removed)


def _created(new: Object, schema: types.TypeSchema) -> Tree:
    changed: Tree = {}
    stands = standing.of_object(schema)
    for name, value in new.items():
        if name in _TYPE:
            continue
        declared = schema.field(name) or types.ANYTHING
        if name == "metadata":
            owned = {key: member for key, member in (value or {}).items() if key not in _IGNORED}
            tree = field_tree.complete(owned, declared)
            tree.pop(SELF, None)
        elif name in stands:
            tree = _present(value, declared)
            if value and declared.is_leaf(value):
                changed[f"f:{name}"] = tree
        else:
            changed[f"f:{name}"] = field_tree.complete(value, declared)
            continue
        if tree:
            changed[f"f:{name}"] = tree
    return changed


def _present(value: Any, schema: types.TypeSchema) -> Tree:
    """`field_tree.present`, but a small spec of pods that was seen lately is not walked again."""
    encoded = orjson.dumps(value) if schema.definition == types.POD_SPEC else b""
    if not encoded or len(encoded) > _REMEMBERED_BYTES_MAX:
        return field_tree.present(value, schema)
    return _present_encoded(encoded, schema)


@lru_cache(maxsize=_REMEMBERED_MAX)
def _present_encoded(encoded: bytes, schema: types.TypeSchema) -> Tree:
    return field_tree.present(orjson.loads(encoded), schema)


def _entries_before(old: Object, sent: Any) -> list[Entry]:
    stored: list[Entry] = (old.get("metadata") or {}).get("managedFields") or []
    if sent is None or sent is stored or sent == stored:
        return stored
    if is_reset(sent):
        return []
    return _told_apart(sent) if is_valid(sent) else stored


def _told_apart(sent: list[Entry]) -> list[Entry]:
    """A client's entries as they are kept: of those with one identity the last, none that owns nothing."""
    by_identity = {identity(entry): entry for entry in sent}
    kept = [entry for entry in by_identity.values() if entry.get("fieldsV1")]
    return sent if len(kept) == len(sent) else in_order(kept)


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


def owned(stated: Tree) -> Tree:
    """Of what an object states, which nobody else holds, what somebody may own: changed in place."""
    stated.pop("f:apiVersion", None)
    stated.pop("f:kind", None)
    metadata = stated.get("f:metadata")
    if metadata is not None:
        for label in metadata.keys() & UNOWNED["f:metadata"].keys():
            del metadata[label]
        if not metadata:
            del stated["f:metadata"]
    return stated


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
    for entry in sorted(updates, key=_age):
        version = entry.get("apiVersion") or ""
        if excess > 0:
            excess -= version in folded
            folded.setdefault(version, []).append(entry)
        else:
            kept.append(entry)
    for version, oldest in folded.items():
        kept.append(oldest[0] if len(oldest) == 1 else _folded(version, oldest))
    return kept


def _age(entry: Entry) -> tuple[bool, str, str]:
    """What is folded already goes on being folded into."""
    manager = entry.get("manager") or ""
    return manager != ANCIENT, entry.get("time") or "", manager


def _folded(version: str, entries: list[Entry]) -> Entry:
    fields: Tree = {}
    for entry in entries:
        fields = field_set.union(fields, entry.get("fieldsV1") or {})
    return entry_of(Identity(ANCIENT, "Update", version, ""), version, fields, entries[-1].get("time") or "")
