"""Which ReplicaSet belongs to which revision of a Deployment's template. Pure.

The annotations are upstream's, because `kubectl rollout history|undo|status` reads them. The hash in names and labels
is ours: stable over restarts and versions of Bascule, since the set of the current template is found by comparing
templates and never by its hash.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from bascule.control.controllers import rolling
from bascule.vocabulary import objects, timestamps

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
_OWN = frozenset({REVISION, HISTORY, DESIRED, MAX, "kubectl.kubernetes.io/last-applied-configuration"})
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_LONGEST_HISTORY = 2000


def template_of(obj: objects.Object) -> dict[str, Any]:
    """The pod template in a form that compares: without the hash label and without nulls."""
    template = _without_nulls((obj.get("spec") or {}).get("template") or {})
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    found = {key: value for key, value in (metadata.pop("labels", None) or {}).items() if key != HASH_LABEL}
    if found:
        metadata["labels"] = found
    return {"metadata": {key: value for key, value in metadata.items() if value}, "spec": template.get("spec")}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def template_hash(template: Any, collisions: int) -> str:
    text = orjson.dumps([template, collisions], option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(text).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def _created(obj: objects.Object) -> tuple[str, str]:
    return objects.metadata(obj).get("creationTimestamp") or "", objects.name(obj)


def find_new(deployment: objects.Object, sets: Iterable[objects.Object]) -> objects.Object | None:
    """The set of the current template; the oldest if there are several."""
    wanted = template_of(deployment)
    same = [one for one in sets if template_of(one) == wanted]
    return min(same, key=_created, default=None)


def number(obj: objects.Object) -> int:
    text = objects.annotations(obj).get(REVISION) or "0"
    return int(text) if text.isdigit() else 0


def next_number(old: Iterable[objects.Object]) -> int:
    return 1 + max((number(one) for one in old), default=0)


def annotations_for(deployment: objects.Object, current: dict[str, str], revision: int) -> dict[str, str]:
    """What the new set's annotations should be, given what they are."""
    wanted = dict(current)
    wanted |= {key: value for key, value in objects.annotations(deployment).items() if key not in _OWN}
    wanted.pop(objects.CLUSTER_ANNOTATION, None)
    if objects.CLUSTER_ANNOTATION in current:
        wanted[objects.CLUSTER_ANNOTATION] = current[objects.CLUSTER_ANNOTATION]
    before = current.get(REVISION) or ""
    if not before.isdigit() or int(before) < revision:
        wanted[REVISION] = str(revision)
        if before.isdigit():
            past = [*filter(None, (current.get(HISTORY) or "").split(",")), before]
            while len(",".join(past)) > _LONGEST_HISTORY:
                past.pop(0)
            wanted[HISTORY] = ",".join(past)
    return wanted


def new_set(deployment: objects.Object, old: Sequence[objects.Object], replicas: int) -> objects.Object:
    """The ReplicaSet for the current template."""
    spec = deployment.get("spec") or {}
    template = objects.deep_copy(spec.get("template") or {})
    collisions = (deployment.get("status") or {}).get("collisionCount") or 0
    code = template_hash(template_of(deployment), collisions)
    metadata = template.setdefault("metadata", {}) or {}
    template["metadata"] = metadata
    metadata["labels"] = {**(metadata.get("labels") or {}), HASH_LABEL: code}
    selector = objects.deep_copy(spec.get("selector") or {})
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: code}
    annotations = annotations_for(deployment, {}, next_number(old))
    made: objects.Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{objects.name(deployment)}-{code}",
            "namespace": objects.namespace(deployment),
            "labels": dict(metadata["labels"]),
            "annotations": annotations | size_annotations(rolling.bounds(deployment)),
            "ownerReferences": [objects.owner_reference(deployment)],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        made["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return made


def size_annotations(limits: rolling.Bounds) -> dict[str, str]:
    return {DESIRED: str(limits.wanted), MAX: str(limits.most)}


def as_set(obj: objects.Object, now: datetime) -> rolling.Set:
    """What the arithmetic needs to know of a ReplicaSet."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    created = objects.metadata(obj).get("creationTimestamp")
    return rolling.Set(
        objects.name(obj),
        1 if spec.get("replicas") is None else int(spec["replicas"]),
        status.get("availableReplicas") or 0,
        (now - timestamps.parse(created)).total_seconds() if created else 0.0,
        _int(objects.annotations(obj).get(MAX)),
        _int(objects.annotations(obj).get(DESIRED)),
    )


def _int(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0


def resized(sets: Iterable[objects.Object], wanted: int) -> bool:
    """Whether the Deployment's size changed since a live set was last scaled."""
    return any(
        (one.get("spec") or {}).get("replicas") and objects.annotations(one).get(DESIRED, str(wanted)) != str(wanted)
        for one in sets
    )


def to_clean(deployment: objects.Object, old: Iterable[objects.Object]) -> list[objects.Object]:
    """Old, empty sets beyond the history limit, lowest revision first."""
    limit = (deployment.get("spec") or {}).get("revisionHistoryLimit")
    if limit is None:
        limit = 10
    there = sorted(
        (one for one in old if objects.deletion_timestamp(one) is None), key=lambda one: (number(one), _created(one))
    )
    return [one for one in there[: max(0, len(there) - limit)] if _empty(one)]


def _empty(one: objects.Object) -> bool:
    status = one.get("status") or {}
    seen = (status.get("observedGeneration") or 0) >= objects.generation(one)
    return seen and not (one.get("spec") or {}).get("replicas") and not status.get("replicas")
