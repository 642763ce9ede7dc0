"""What deleting an object means, decided without touching it: gone at once, or marked and waiting.

Pure. An object waits for its finalizers, for its grace (pods on a node), or, a namespace, for its content.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from bascule.control.api import options
from bascule.control.kinds import shape, strategy
from bascule.vocabulary import conditions, errors, objects, resources, timestamps

Propagation = Literal["", "Orphan", "Background", "Foreground"]
ORPHAN: Final = "orphan"
FOREGROUND: Final = "foregroundDeletion"
CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
"""Keeps a definition until all its objects are gone."""
_OWN_DELETION: Final = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io")
_FINISHED: Final = ("Succeeded", "Failed")


class Wish(NamedTuple):
    """The DeleteOptions; `grace_seconds` None leaves it to the object."""

    grace_seconds: int | None = None
    propagation: Propagation = ""
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
    says_no_orphans: bool = False
    """In the older way, whose answer then is 202 while the object waits."""


class Verdict(NamedTuple):
    """`marked` is what the object becomes while it waits; None: it goes at once."""

    marked: objects.Object | None


def wish(parameters: options.Parameters, body: objects.Object | None) -> Wish:
    """From the query or from a body that fits its type. Raises 400 and 422 for what contradicts itself."""
    given: dict[str, Any] = body or {}
    grace = given.get("gracePeriodSeconds", parameters.number("gracePeriodSeconds"))
    policy: Any = given.get("propagationPolicy")
    says_nothing = policy == ""
    policy = policy or parameters.get("propagationPolicy") or ""
    orphan = given.get("orphanDependents")
    if orphan is None and "orphanDependents" in parameters:
        orphan = parameters.flag("orphanDependents")
    if policy and orphan is not None:
        causes = [
            errors.invalid_value(
                "propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"
            )
        ]
        raise errors.invalid("DeleteOptions", "meta.k8s.io", "", causes)
    if says_nothing or policy not in ("", "Orphan", "Background", "Foreground"):
        supported = ["Foreground", "Background", "Orphan", "nil"]
        causes = [errors.not_supported("propagationPolicy", policy, supported, in_order=True)]
        raise errors.invalid("DeleteOptions", "meta.k8s.io", "", causes)
    if orphan is not None:
        policy = "Orphan" if orphan else "Background"
    dry_run = given.get("dryRun") or parameters.all("dryRun")
    if any(stage != "All" for stage in dry_run):
        raise errors.invalid("DeleteOptions", "meta.k8s.io", "", [errors.not_supported("dryRun", dry_run, ["All"])])
    if grace is not None and grace.__class__ is not int:
        raise errors.bad_request("gracePeriodSeconds must be an integer")
    if grace is not None and grace < 0:
        grace = 1
    required = given.get("preconditions") or {}
    uid, version = required.get("uid"), required.get("resourceVersion")
    return Wish(grace, policy, uid, version, bool(dry_run), says_no_orphans=orphan is False)


def check_preconditions(wanted: Wish, obj: objects.Object, resource: resources.Resource) -> None:
    """409 when the object is not the one that was meant; some kinds have words of their own for it."""
    meta = obj["metadata"]
    for label, asked, found, fate in (
        ("UID", wanted.uid, meta.get("uid"), "deleted and then recreated"),
        ("ResourceVersion", wanted.resource_version, meta.get("resourceVersion"), "modified"),
    ):
        if asked is None or asked == found:
            continue
        if resource.qualified in _OWN_DELETION:
            text = f"Precondition failed: {label} in precondition: {asked}, {label} in object meta: {found}"
            raise errors.conflict(resource.qualified, meta["name"], text)
        kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        text = f"the {label} in the precondition ({asked}) does not match the {label} in record ({found}). "
        raise errors.conflict(kind, meta["name"], f"{text}The object might have been {fate}")


def decide(
    obj: objects.Object, wanted: Wish, kind: strategy.Strategy, now: datetime, *, orphans_by_default: bool = False
) -> Verdict:
    """What becomes of the object, which stays as it is; what is marked shares with it what is not."""
    meta: dict[str, Any] = obj["metadata"]
    propagation = wanted.propagation
    if not propagation and orphans_by_default and FOREGROUND not in (meta.get("finalizers") or []):
        propagation = "Orphan"
    finalizers = _finalizers(meta.get("finalizers") or [], propagation)
    definition = obj.get("kind") == "CustomResourceDefinition" and not meta.get("deletionTimestamp")
    if definition:  # Its first deletion says nothing but that it waits.
        held = meta.get("finalizers") or []
        finalizers = held if CLEANUP in held else [*held, CLEANUP]
    grace_seconds = _grace(obj, wanted, kind)
    namespace = obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1"
    waits = bool(finalizers) or (namespace and bool((obj.get("spec") or {}).get("finalizers")))
    if grace_seconds == 0 and not waits:
        return Verdict(None)
    meta = dict(meta)
    marked = obj | {"metadata": meta}
    _set(meta, "finalizers", finalizers)
    started = meta.get("deletionTimestamp")
    if definition:
        meta["deletionTimestamp"] = timestamps.format(now)
    elif not started:
        meta["deletionTimestamp"] = timestamps.format(now + timedelta(seconds=grace_seconds))
        meta["deletionGracePeriodSeconds"] = grace_seconds
        if meta.get("generation"):
            meta["generation"] += 1
    elif grace_seconds < (meta.get("deletionGracePeriodSeconds") or 0):
        began = timestamps.parse(started) - timedelta(seconds=meta["deletionGracePeriodSeconds"])
        meta["deletionTimestamp"] = timestamps.format(began + timedelta(seconds=grace_seconds))
        meta["deletionGracePeriodSeconds"] = grace_seconds
    if namespace:
        marked["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    if definition:
        marked["status"] = _terminating(shape.mapping(obj, "status"), now)
    return Verdict(marked)


def _grace(obj: objects.Object, wanted: Wish, kind: strategy.Strategy) -> int:
    """Seconds the object still gets; 0 for kinds and pods that need no farewell."""
    if not kind.graceful_delete:
        return 0
    if wanted.grace_seconds == 0:
        return 0
    if not (obj.get("spec") or {}).get("nodeName") or (obj.get("status") or {}).get("phase") in _FINISHED:
        return 0
    own = strategy.grace_period_seconds(obj) if wanted.grace_seconds is None else wanted.grace_seconds
    return 1 if own < 0 else own


def _terminating(status: objects.Object, now: datetime) -> objects.Object:
    """From its first deletion on a definition says that it waits for its objects' end."""
    found = objects.deep_copy(shape.items(status, "conditions"))
    text = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    conditions.set_condition(found, "Terminating", "True", "InstanceDeletionPending", text, now)
    return {**status, "conditions": found}


def _finalizers(held: list[str], propagation: Propagation) -> list[str]:
    if not propagation:
        return held
    kept = [name for name in held if name not in (ORPHAN, FOREGROUND)]
    if propagation == "Orphan":
        kept.append(ORPHAN)
    elif propagation == "Foreground":
        kept.append(FOREGROUND)
    return kept


def _set(meta: dict[str, Any], field: str, value: list[str]) -> None:
    if value:
        meta[field] = value
    else:
        meta.pop(field, None)
