"""A Deployment's status: counts and the conditions Available, Progressing and ReplicaFailure. Pure.

Reasons and messages are upstream's: `kubectl rollout status`, Helm and Argo CD act on them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bascule.control.controllers import rolling
from bascule.vocabulary import conditions, objects, timestamps

NO_DEADLINE = 2147483647


def status_of(
    deployment: objects.Object,
    new: objects.Object | None,
    old: Sequence[objects.Object],
    now: datetime,
    *,
    created: str | None = None,
) -> objects.Object:
    """`created`: the name of a set that was made just now."""
    before = deployment.get("status") or {}
    counts = _counts(deployment, new, old)
    items = [dict(item) for item in before.get("conditions") or ()]
    limits = rolling.bounds(deployment)
    if counts["availableReplicas"] >= limits.wanted - limits.unavailable:
        _set(items, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    else:
        message = "Deployment does not have minimum availability."
        _set(items, "Available", "False", "MinimumReplicasUnavailable", message, now)
    _progress(deployment, counts, items, new, created, now)
    _failure(items, [*([new] if new else []), *old], now)
    status: dict[str, Any] = {key: value for key, value in counts.items() if value}
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    status["conditions"] = items
    return status


def _counts(deployment: objects.Object, new: objects.Object | None, old: Sequence[objects.Object]) -> dict[str, int]:
    everyone = [*([new] if new else []), *old]

    def total(field: str) -> int:
        return sum((one.get("status") or {}).get(field) or 0 for one in everyone)

    wanted = sum((one.get("spec") or {}).get("replicas") or 0 for one in everyone)
    available = total("availableReplicas")
    return {
        "observedGeneration": objects.generation(deployment),
        "replicas": total("replicas"),
        "updatedReplicas": ((new or {}).get("status") or {}).get("replicas") or 0,
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
        "terminatingReplicas": total("terminatingReplicas"),
    }


def complete(deployment: objects.Object, status: objects.Object) -> bool:
    """Every pod wanted is of the current template and available, and no other is left."""
    wanted = rolling.bounds(deployment).wanted
    counted = (status.get(field) or 0 for field in ("updatedReplicas", "replicas", "availableReplicas"))
    seen = (status.get("observedGeneration") or 0) >= objects.generation(deployment)
    return seen and all(count == wanted for count in counted)


def deadline_seconds(deployment: objects.Object) -> int | None:
    seconds = (deployment.get("spec") or {}).get("progressDeadlineSeconds")
    return None if seconds is None or seconds == NO_DEADLINE else int(seconds)


def check_in_seconds(deployment: objects.Object, now: datetime) -> float | None:
    """When to look again for a passed deadline; None when nothing is progressing."""
    limit = deadline_seconds(deployment)
    progressing = conditions.find((deployment.get("status") or {}).get("conditions"), "Progressing")
    done = ("NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused")
    if limit is None or progressing is None or progressing.get("reason") in done:
        return None
    return max(1.0, limit + 1 - (now - _updated(progressing, now)).total_seconds())


def _updated(condition: dict[str, Any], now: datetime) -> datetime:
    text = condition.get("lastUpdateTime") or condition.get("lastTransitionTime")
    return timestamps.parse(text) if text else now


def _progress(
    deployment: objects.Object,
    counts: dict[str, int],
    items: list[dict[str, Any]],
    new: objects.Object | None,
    created: str | None,
    now: datetime,
) -> None:
    current = conditions.find(items, "Progressing")
    if deadline_seconds(deployment) is None:
        items[:] = [item for item in items if item.get("type") != "Progressing"]
        return
    if (deployment.get("spec") or {}).get("paused"):
        _set(items, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now)
        return
    if current is not None and current.get("reason") == "DeploymentPaused":
        _set(items, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now)
        current = conditions.find(items, "Progressing")
    subject = f'ReplicaSet "{objects.name(new)}"' if new else f'Deployment "{objects.name(deployment)}"'
    reason = (current or {}).get("reason")
    if created is not None:
        message = f'Created new replica set "{created}"'
        _set(items, "Progressing", "True", "NewReplicaSetCreated", message, now, refresh=True)
    elif reason == "NewReplicaSetAvailable" and counts["replicas"] == counts["updatedReplicas"]:
        return
    elif complete(deployment, counts):
        message = f"{subject} has successfully progressed."
        _set(items, "Progressing", "True", "NewReplicaSetAvailable", message, now)
    elif _advanced(deployment.get("status") or {}, counts):
        message = f"{subject} is progressing."
        _set(items, "Progressing", "True", "ReplicaSetUpdated", message, now, refresh=True)
    elif current is None and new is not None:
        message = f'Found new replica set "{objects.name(new)}"'
        _set(items, "Progressing", "True", "FoundNewReplicaSet", message, now)
    elif _timed_out(deployment, current, now):
        message = f"{subject} has timed out progressing."
        _set(items, "Progressing", "False", "ProgressDeadlineExceeded", message, now)


def _advanced(before: objects.Object, counts: dict[str, int]) -> bool:
    def was(field: str) -> int:
        return before.get(field) or 0

    old_left = counts["replicas"] - counts["updatedReplicas"]
    return (
        counts["updatedReplicas"] > was("updatedReplicas")
        or old_left < was("replicas") - was("updatedReplicas")
        or counts["readyReplicas"] > was("readyReplicas")
        or counts["availableReplicas"] > was("availableReplicas")
    )


def _timed_out(deployment: objects.Object, current: dict[str, Any] | None, now: datetime) -> bool:
    limit = deadline_seconds(deployment)
    if current is None or limit is None or current.get("reason") == "NewReplicaSetAvailable":
        return False
    if current.get("reason") == "ProgressDeadlineExceeded":
        return True
    return now > _updated(current, now) + timedelta(seconds=limit)


def _failure(items: list[dict[str, Any]], sets: Sequence[objects.Object], now: datetime) -> None:
    for one in sets:
        found = conditions.find((one.get("status") or {}).get("conditions"), "ReplicaFailure")
        if found is not None:
            reason, message = found.get("reason") or "", found.get("message") or ""
            _set(items, "ReplicaFailure", found.get("status") or "True", reason, message, now)
            return
    items[:] = [item for item in items if item.get("type") != "ReplicaFailure"]


def _set(
    items: list[dict[str, Any]],
    kind: str,
    status: str,
    reason: str,
    message: str,
    now: datetime,
    *,
    refresh: bool = False,
) -> None:
    """As `conditions.set_condition`, with the `lastUpdateTime` these conditions have; `refresh` moves that anyway."""
    changed = conditions.set_condition(items, kind, status, reason, message, now)
    condition = conditions.find(items, kind)
    assert condition is not None
    if changed or refresh:
        condition["lastUpdateTime"] = timestamps.format(now)
