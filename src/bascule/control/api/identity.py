"""Who an object is: its place is the path's, and what the server alone decides stays as it is stored."""

from __future__ import annotations

from typing import Any, Final

from bascule.control.api import call as calls
from bascule.vocabulary import errors, objects

_CHANGE_SPEC: Final = ("resize", "ephemeralcontainers", "scale")


def place(call: calls.Call, obj: objects.Object) -> dict[str, Any]:
    """The object's metadata, placed where the path says."""
    meta: dict[str, Any] = obj.setdefault("metadata", {})
    if meta is None:
        meta = obj["metadata"] = {}
    if call.resource.namespaced:
        if meta.get("namespace") not in (None, "", call.namespace):
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        meta["namespace"] = call.namespace
    else:
        meta.pop("namespace", None)
    for field in ("ownerReferences", "finalizers"):
        if None in (meta.get(field) or ()):
            meta[field] = [entry for entry in meta[field] if entry is not None]
    if call.cluster != objects.ROOT:
        meta["annotations"] = {**(meta.get("annotations") or {}), objects.CLUSTER_ANNOTATION: call.cluster}
    elif objects.CLUSTER_ANNOTATION in (meta.get("annotations") or {}):
        annotations = meta["annotations"].items()
        meta["annotations"] = {name: value for name, value in annotations if name != objects.CLUSTER_ANNOTATION}
    return meta


def keep(call: calls.Call, new: objects.Object, old: objects.Object) -> None:
    """What the server alone decides is taken from `old`, and the body must be about the object in the path."""
    meta, before = place(call, new), old["metadata"]
    if meta.get("name") not in (None, "", call.name):
        raise errors.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({call.name})"
        )
    meta["name"] = call.name
    if meta.get("uid") not in (None, "", before.get("uid")):
        raise errors.conflict(
            call.resource.qualified,
            call.name,
            f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before.get('uid')}",
        )
    for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"):
        if field in before:
            meta[field] = before[field]
        else:
            meta.pop(field, None)
    meta.pop("selfLink", None)
    if call.subresource and call.subresource != "status":
        _keep_generation(call, new, old)


def _keep_generation(call: calls.Call, new: objects.Object, old: objects.Object) -> None:
    """Subresources have no strategy of their own; those that change what is desired count as a change."""
    before = old["metadata"].get("generation")
    if before is None:
        new["metadata"].pop("generation", None)
    else:
        changed = call.subresource in _CHANGE_SPEC and new.get("spec") != old.get("spec")
        new["metadata"]["generation"] = before + changed
