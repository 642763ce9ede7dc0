"""Server-side apply: merge what a manager wants, remove what it no longer wants, refuse what others own.

A manager's applied set is exactly what it last applied. A field leaves the object when its last applier drops it and
nobody else owns it. Applying the same twice changes nothing. Defaults and validation come after, elsewhere.
"""

from __future__ import annotations

import orjson

from bascule.control.patch import (
    conflicts,
    field_set,
    field_tree,
    fitness,
    last_applied,
    managed_fields,
    merging,
    pruning,
    statement,
)
from bascule.control.patch import versions as kind_versions
from bascule.control.patch.field_set import Tree
from bascule.control.patch.managed_fields import Entry, Identity
from bascule.control.patch.versions import Version, Versions
from bascule.control.schema import types
from bascule.vocabulary import errors, objects
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
    reset_fields: Tree | None = None,
    versions: Versions | None = None,
) -> Object:
    """The object after the apply, managedFields included; `live` itself if nothing changed.

    Raises StatusError: 409 with a cause for each conflict unless `force`, 400 for managedFields in `applied`,
    for undeclared fields (`.spec.x: field not declared in schema`) and for list items without their keys.
    `versions`: the kind's others, unless their fields are named alike.
    """
    wanted = _stated(applied, schema)
    if reset_fields:
        wanted = field_set.without_subtrees(wanted, reset_fields)
    applied = _without_unowned_nulls(applied)
    api_version = applied["apiVersion"]
    mine = Identity(manager, "Apply", "", subresource)
    entries = _entries(live, mine._replace(operation="Update", api_version=api_version), schema, now, reset_fields)
    known = _known(entries, api_version, schema, versions)
    before = next((entry for entry in entries if managed_fields.is_of(entry, mine)), None)
    others = [entry for entry in entries if entry is not before and (entry.get("apiVersion") or "") in known]

    merged = merging.merge(live, applied, schema) if live is not None else merging.without_nulls(applied, schema)
    if before is not None and before.get("fieldsV1") != wanted and (before.get("apiVersion") or "") in known:
        kept = [(known[api_version], wanted), *_owned(others, known)]
        then = known[before.get("apiVersion") or ""]
        pruned = pruning.prune(merged, before.get("fieldsV1") or {}, then, kept)
        # What was emptied is gone; where it is applied as empty, it comes back.
        merged = merged if pruned is merged else merging.merge(pruned, applied, schema)

    differences: dict[str, managed_fields.Difference] = {}
    left: list[Entry] = []
    taken: list[tuple[Entry, Tree]] = []
    for entry in others:
        version = entry.get("apiVersion") or ""
        difference = differences.get(version)
        if difference is None:
            difference = _difference(live or {}, merged, known[version], reset_fields)
            if version == api_version and b"null" in orjson.dumps(applied):
                nulled = field_set.without_subtrees(merging.nulled(applied, schema), reset_fields or {})
                difference = difference._replace(changed=field_set.union(difference.changed, nulled))
            differences[version] = difference
        remaining = _without(entry, difference)
        if remaining is not entry:
            taken.append((entry, difference.changed))
        if remaining is not None:
            left.append(remaining)
    if taken and not force:
        conflicts.refuse(taken, allowed=last_applied.upgradable(live, manager, api_version, schema))

    result = last_applied.kept_true(merged, applied, manager)
    is_same = live is not None and _same(live, result)
    if wanted:
        left.append(_entry(mine, api_version, wanted, before, now, is_same=is_same))
    left = managed_fields.in_order(left)
    if live is not None and is_same and left == (objects.metadata(live).get("managedFields") or []):
        return live
    return {**result, "metadata": {**(result.get("metadata") or {}), "managedFields": left}}


def _stated(applied: Object, schema: types.TypeSchema) -> Tree:
    """What the manager is to own."""
    metadata = applied.get("metadata")
    if metadata.__class__ is dict and metadata.get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    stated = statement.walker(schema)(applied)
    if stated is not None:
        return managed_fields.owned(stated)
    problems = list(fitness.problems(applied, schema))
    if problems:
        raise errors.bad_request(f"failed to create typed patch object ({_shown(applied)}): {fitness.listed(problems)}")
    return field_set.difference(field_tree.applied(applied, schema), managed_fields.UNOWNED)


def _without_unowned_nulls(applied: Object) -> Object:
    """What is applied, without what it cannot say: nulls for what the server sets."""
    metadata = applied.get("metadata")
    if metadata.__class__ is dict and None in metadata.values():
        unowned = managed_fields.UNOWNED["f:metadata"]
        stated = {k: v for k, v in metadata.items() if v is not None or f"f:{k}" not in unowned}
        return {**applied, "metadata": stated}
    return applied


def _known(
    entries: list[Entry], api_version: str, schema: types.TypeSchema, versions: Versions | None
) -> dict[str, Version]:
    """The version applied, and those that entries are of as far as they are served."""
    known = {api_version: kind_versions.own(schema)}
    for entry in entries:
        version = entry.get("apiVersion") or ""
        if version not in known:
            found = known[api_version] if versions is None else versions(version)
            if found is not None:
                known[version] = found
    return known


def _entries(
    live: Object | None, who: Identity, schema: types.TypeSchema, now: str, reset_fields: Tree | None
) -> list[Entry]:
    """Who owns what is live; `who` wants to know."""
    if live is None:
        return []
    entries = objects.metadata(live).get("managedFields") or []
    if entries:
        return list(entries)
    # Ownership was not tracked so far: everything that is owned through this endpoint belongs to whoever came before.
    return managed_fields.record_update(
        None,
        {**live, "metadata": {**objects.metadata(live), "managedFields": None}},
        "before-first-apply",
        api_version=who.api_version,
        now=now,
        schema=schema,
        subresource=who.subresource,
        reset_fields=reset_fields,
    )


def _owned(entries: list[Entry], known: dict[str, Version]) -> list[tuple[Version, Tree]]:
    """What others own, whether they applied or updated it, together for each version."""
    owned: dict[str, Tree] = {}
    for entry in entries:
        version = entry.get("apiVersion") or ""
        owned[version] = field_set.union(owned.get(version, {}), entry.get("fieldsV1") or {})
    return [(known[version], tree) for version, tree in owned.items()]


def _difference(live: Object, merged: Object, version: Version, reset_fields: Tree | None) -> managed_fields.Difference:
    changed, removed = managed_fields.changes(
        version.there(live) if live else live, version.there(merged), version.schema
    )
    if reset_fields:
        changed = field_set.without_subtrees(changed, reset_fields)
        removed = field_set.without_subtrees(removed, reset_fields)
    return managed_fields.Difference(changed, removed)


def _without(entry: Entry, difference: managed_fields.Difference) -> Entry | None:
    """What the entry is after a write; itself where that took nothing from it."""
    owned = entry.get("fieldsV1") or {}
    remaining = field_set.difference(field_set.without_subtrees(owned, difference.removed), difference.changed)
    if remaining is owned:
        return entry
    return {**entry, "fieldsV1": remaining} if remaining else None


def _entry(mine: Identity, api_version: str, wanted: Tree, before: Entry | None, now: str, *, is_same: bool) -> Entry:
    """An apply that leaves the object as it is does not move its manager's time; a new manager then has none."""
    if not is_same:
        return managed_fields.entry_of(mine, api_version, wanted, now)
    if before is not None and before.get("apiVersion") == api_version and before.get("fieldsV1") == wanted:
        return before
    time = (before or {}).get("time")
    entry = managed_fields.entry_of(mine, api_version, wanted, time or now)
    if not time:
        del entry["time"]
    return entry


def _same(live: Object, result: Object) -> bool:
    """Whether nothing changes but who owns it; where something does, that is mostly seen at once."""
    if live is result:
        return True
    for name, value in result.items():
        if name != "metadata" and value is not live.get(name) and value != live.get(name):
            return False
    metadata = {k: v for k, v in objects.metadata(live).items() if k != "managedFields"}
    after = {k: v for k, v in objects.metadata(result).items() if k != "managedFields"}
    return metadata == after and {**live, "metadata": None} == {**result, "metadata": None}


def shown_kind(obj: Object) -> str:
    """An object's type in messages: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return f"{group}/{version}, Kind={obj.get('kind') or ''}"


def _shown(applied: Object) -> str:
    found = applied.get("metadata")
    meta = found if isinstance(found, dict) else {}
    return f"{meta.get('namespace') or ''}/{meta.get('name') or ''}; {shown_kind(applied)}"
