"""Server-side apply: merge what a manager wants, remove what it no longer wants, refuse what others own.

A manager's applied set is exactly what it last applied. A field leaves the object when its last applier drops it and
nobody else owns it. Applying the same twice changes nothing. Defaults and validation come after, elsewhere.
"""

from __future__ import annotations

from typing import Any

import orjson

from bascule.control.patch import conflicts, field_set, field_tree, managed_fields, merging
from bascule.control.patch.field_set import Tree
from bascule.control.patch.managed_fields import Entry, Identity
from bascule.control.schema import types
from bascule.vocabulary import errors, objects
from bascule.vocabulary.objects import Object

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LAST_APPLIED_BYTES_MAX = 262_144


def server_side(
    live: Object | None,
    applied: Object,
    manager: str,
    *,
    force: bool,
    schema: types.TypeSchema,
    now: str,
    subresource: str = "",
    reset_fields: Tree | None = None,
) -> Object:
    """The object after the apply, managedFields included; `live` itself if nothing changed.

    Raises StatusError: 409 with a cause for each conflict unless `force`, 400 for managedFields in `applied`,
    for undeclared fields (`.spec.x: field not declared in schema`) and for list items without their keys.
    """
    problem = next(merging.problems(applied, schema), None)
    if problem is not None:
        raise errors.bad_request(f"failed to create typed patch object ({_shown(applied)}): {problem}")
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    applied = merging.without_nulls(applied)
    api_version = applied["apiVersion"]
    mine = Identity(manager, "Apply", "", subresource)
    wanted = field_set.difference(field_tree.applied(applied, schema), managed_fields.UNOWNED)
    if reset_fields:
        wanted = field_set.without_subtrees(wanted, reset_fields)
    entries = _entries(live, api_version, schema, now)
    mine_before = next((entry for entry in entries if managed_fields.identity(entry) == mine), None)
    others = [entry for entry in entries if entry is not mine_before]

    merged = merging.merge(live, applied, schema) if live is not None else applied
    if mine_before is not None and mine_before.get("fieldsV1") != wanted:
        owned = wanted
        for entry in others:
            owned = field_set.union(owned, entry.get("fieldsV1") or {})
        dropped = field_set.difference(mine_before.get("fieldsV1") or {}, owned)
        if dropped:
            merged = merging.prune(merged, dropped, owned, schema)
    changed, removed = managed_fields.changes(live or {}, merged, schema)
    if reset_fields:
        changed = field_set.without_subtrees(changed, reset_fields)
        removed = field_set.without_subtrees(removed, reset_fields)
    if not force:
        conflicts.refuse(changed, others, allowed=_upgradable(live, manager, schema))

    result = _with_last_applied(merged, applied, manager)
    is_same = live is not None and not changed and not removed and _same(live, result)
    after = [_taken(entry, changed, removed) for entry in others]
    kept = [entry for entry in after if entry is not None]
    if wanted:
        kept.append(_entry(mine, api_version, wanted, mine_before, now, is_same=is_same))
    kept = managed_fields.in_order(kept)
    if live is not None and is_same and kept == objects.metadata(live).get("managedFields"):
        return live
    return {**result, "metadata": {**(result.get("metadata") or {}), "managedFields": kept}}


def _entries(live: Object | None, api_version: str, schema: types.TypeSchema, now: str) -> list[Entry]:
    if live is None:
        return []
    entries = objects.metadata(live).get("managedFields") or []
    if entries:
        return list(entries)
    # Ownership was not tracked so far: everything there is belongs to whoever came before.
    return managed_fields.record_update(
        None,
        {**live, "metadata": {**objects.metadata(live), "managedFields": None}},
        "before-first-apply",
        api_version=api_version,
        now=now,
        schema=schema,
    )


def _taken(entry: Entry, changed: Tree, removed: Tree) -> Entry | None:
    owned = entry.get("fieldsV1") or {}
    remaining = field_set.difference(field_set.without_subtrees(owned, removed), changed)
    if remaining is owned:
        return entry
    return {**entry, "fieldsV1": remaining} if remaining else None


def _entry(mine: Identity, api_version: str, wanted: Tree, before: Entry | None, now: str, *, is_same: bool) -> Entry:
    if before is not None and is_same and before.get("fieldsV1") == wanted:
        if before.get("apiVersion") == api_version:
            return before
        now = before.get("time") or now
    return managed_fields.entry_of(mine, api_version, wanted, now)


def _same(live: Object, result: Object) -> bool:
    if live == result:
        return True
    metadata = {k: v for k, v in objects.metadata(live).items() if k != "managedFields"}
    after = {k: v for k, v in objects.metadata(result).items() if k != "managedFields"}
    return metadata == after and {**live, "metadata": None} == {**result, "metadata": None}


def _upgradable(live: Object | None, manager: str, schema: types.TypeSchema) -> Tree:
    """What client-side apply owned: `kubectl apply --server-side` may take it over without force."""
    text = objects.annotations(live).get(LAST_APPLIED) if live is not None and manager == "kubectl" else None
    if not text:
        return {}
    try:
        last = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return field_tree.applied(last, schema) if isinstance(last, dict) else {}


def _with_last_applied(merged: Object, applied: Object, manager: str) -> Object:
    """Keeps client-side apply's record true, where there is one, so that both ways of applying can be mixed."""
    if manager != "kubectl" or LAST_APPLIED not in objects.annotations(merged):
        return merged
    metadata = dict(applied.get("metadata") or {})
    kept: dict[str, Any] = {k: v for k, v in objects.annotations(applied).items() if k != LAST_APPLIED}
    metadata["annotations"] = kept
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    if len(text) > _LAST_APPLIED_BYTES_MAX:
        text = ""
    annotations = {**objects.annotations(merged), LAST_APPLIED: text}
    return {**merged, "metadata": {**objects.metadata(merged), "annotations": annotations}}


def _shown(applied: Object) -> str:
    group, slash, version = (applied.get("apiVersion") or "").rpartition("/")
    kind = f"{group}{slash}{version}, Kind={applied.get('kind') or ''}"
    found = applied.get("metadata")
    meta = found if isinstance(found, dict) else {}
    return f"{meta.get('namespace') or ''}/{meta.get('name') or ''}; {kind}"
