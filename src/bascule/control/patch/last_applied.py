"""Client-side apply's own record of what was applied, an annotation, beside server-side apply's.

Only for the manager `kubectl`: it may take over without force what client-side apply had set and nobody has changed
since, and the record, where there is one, keeps saying what was applied last, so that both ways can be mixed.
"""

from __future__ import annotations

import orjson

from bascule.control.patch import field_set, field_tree, fitness, managed_fields
from bascule.control.patch.field_set import Tree
from bascule.control.schema import types
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl"
_ANNOTATIONS_BYTES_MAX = 262_144
# As Go's encoder writes them.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def upgradable(live: Object | None, manager: str, api_version: str, schema: types.TypeSchema) -> Tree:
    """What client-side apply owned and still is as it said."""
    text = objects.annotations(live).get(ANNOTATION) if live is not None and manager == MANAGER else None
    if not text or live is None:
        return {}
    try:
        last = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != api_version:
        return {}
    if next(fitness.problems(last, schema), None) is not None:
        return {}
    changed, removed = managed_fields.changes(last, live, schema)
    stated = field_tree.applied(last, schema)
    return field_set.without_subtrees(field_set.difference(stated, changed), removed)


def kept_true(merged: Object, applied: Object, manager: str) -> Object:
    """The merged object with its record, if it has one, saying what was applied now."""
    if manager != MANAGER or not objects.annotations(merged).get(ANNOTATION):
        return merged
    metadata = dict(applied.get("metadata") or {})
    if isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != ANNOTATION}
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode()
    annotations = {**objects.annotations(merged), ANNOTATION: text.translate(_ESCAPES) + "\n"}
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items() if v) > _ANNOTATIONS_BYTES_MAX:
        del annotations[ANNOTATION]
    return {**merged, "metadata": {**objects.metadata(merged), "annotations": annotations}}
