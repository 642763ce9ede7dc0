"""Who owns an object's number of replicas, seen from its Scale and back.

A Scale has one field that somebody can own. What is owned of it is kept with the object, in entries of the
subresource `scale`. Such an entry is without a time, as upstream's is: it is not the object that was written then.
"""

from __future__ import annotations

from bascule.control.patch import field_set, managed_fields
from bascule.control.patch.field_set import Tree
from bascule.control.patch.managed_fields import Entry, Identity

API_VERSION = "autoscaling/v1"
REPLICAS: Tree = {"f:spec": {"f:replicas": {}}}


def to_scale(entries: list[Entry], path: str) -> list[Entry]:
    """The entries of the Scale: of those who own the object's field at `path`, as `spec.replicas`."""
    field = _tree(path)
    return [
        {**entry, "apiVersion": API_VERSION, "fieldsV1": REPLICAS}
        for entry in entries
        if field_set.intersection(entry.get("fieldsV1") or {}, field)
    ]


def to_object(entries: list[Entry], scaled: list[Entry], path: str, api_version: str) -> list[Entry]:
    """The object's entries after its Scale's became `scaled`."""
    field = _tree(path)
    owners = {_who(entry): entry for entry in scaled if field_set.intersection(entry.get("fieldsV1") or {}, REPLICAS)}
    kept: list[Entry] = []
    for entry in entries:
        owned = entry.get("fieldsV1") or {}
        if field_set.intersection(owned, field) and owners.pop(_who(entry), None) is None:
            owned = field_set.difference(owned, field)
            if not owned:
                continue
            entry = {**entry, "fieldsV1": owned}
        kept.append(entry)
    new = [{**_without_time(entry), "apiVersion": api_version, "fieldsV1": field} for entry in owners.values()]
    return managed_fields.in_order([*kept, *new])


def _without_time(entry: Entry) -> Entry:
    return {name: value for name, value in entry.items() if name != "time"}


def _who(entry: Entry) -> Identity:
    return managed_fields.identity(entry)._replace(api_version="")


def _tree(path: str) -> Tree:
    tree: Tree = {}
    for part in reversed(path.split(".")):
        tree = {f"f:{part}": tree}
    return tree
