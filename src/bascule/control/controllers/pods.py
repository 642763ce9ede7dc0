"""Questions about a pod that several controllers ask. Pure; absent and null parts read as "not yet"."""

from datetime import datetime

from bascule.vocabulary import conditions, objects, timestamps

FINISHED = frozenset({"Succeeded", "Failed"})


def status(pod: objects.Object) -> objects.Object:
    return pod.get("status") or {}


def spec(pod: objects.Object) -> objects.Object:
    return pod.get("spec") or {}


def finished(pod: objects.Object) -> bool:
    return status(pod).get("phase") in FINISHED


def active(pod: objects.Object) -> bool:
    """Neither finished nor being deleted."""
    return not finished(pod) and objects.deletion_timestamp(pod) is None


def ready(pod: objects.Object) -> bool:
    return conditions.is_true(pod, "Ready")


def ready_since(pod: objects.Object) -> datetime | None:
    condition = conditions.find(status(pod).get("conditions"), "Ready")
    if condition is None or condition.get("status") != "True" or not condition.get("lastTransitionTime"):
        return None
    return timestamps.parse(condition["lastTransitionTime"])


def available_in_seconds(pod: objects.Object, min_ready_seconds: int, now: datetime) -> float | None:
    """0 if available, a number of seconds until it will be if it stays ready, None if it is not ready."""
    if not ready(pod):
        return None
    since = ready_since(pod)
    if not min_ready_seconds or since is None:
        return 0.0 if not min_ready_seconds else None
    return max(0.0, min_ready_seconds - (now - since).total_seconds())


def restarts(pod: objects.Object) -> int:
    return max((status.get("restartCount") or 0 for status in status(pod).get("containerStatuses") or ()), default=0)
