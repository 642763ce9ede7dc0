"""Which pods go first when a ReplicaSet shrinks: upstream's order (`ActivePodsWithRanks`). Pure.

Unassigned, not running, not ready, cheap (`pod-deletion-cost`), crowded on their node, ready for a short time,
often restarted, young: in this order. Times are compared by their order of magnitude, as upstream does.
"""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from bascule.control.controllers import pods as pod_facts
from bascule.vocabulary import objects, timestamps

_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def to_delete(
    pods: Iterable[objects.Object], related: Iterable[objects.Object], count: int, now: datetime
) -> list[objects.Object]:
    """The `count` of `pods` to delete; `related` are all pods of the same owner, for crowding on nodes."""
    crowd = Counter(str(pod_facts.spec(pod).get("nodeName")) for pod in related if pod_facts.active(pod))
    return sorted(pods, key=lambda pod: _rank(pod, crowd, now))[:count]


def _rank(pod: objects.Object, crowd: Counter[str], now: datetime) -> tuple[float | str, ...]:
    node = pod_facts.spec(pod).get("nodeName") or ""
    is_ready = pod_facts.ready(pod)
    ready_since = pod_facts.ready_since(pod)
    created = objects.metadata(pod).get("creationTimestamp")
    return (
        1 if node else 0,
        _PHASES.get(pod_facts.status(pod).get("phase") or "Pending", 1),
        1 if is_ready else 0,
        _cost(pod),
        -(crowd[node] if node else 0),
        _magnitude(ready_since, now) if is_ready else 0,
        -pod_facts.restarts(pod),
        _magnitude(timestamps.parse(created) if created else None, now),
        objects.uid(pod),
    )


def _cost(pod: objects.Object) -> int:
    try:
        return int(objects.annotations(pod).get(_COST) or 0)
    except ValueError:
        return 0


def _magnitude(moment: datetime | None, now: datetime) -> int:
    """The order of magnitude of an age: larger is older."""
    if moment is None:
        return -1
    return int(math.log2(max(1.0, (now - moment).total_seconds())))
