"""What is concluded about one node from what is heard of it: its Ready condition and its taints. Pure.

The bridgehead's condition `bascule.dev/Connected` speaks first; without it, the age of the node's Lease. A node's
own word "not ready" is passed on as a taint at once; only silence is an inference.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bascule.control.controllers import lost_nodes
from bascule.vocabulary import conditions, objects, timestamps

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
_BY_CONDITION = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
_OWN_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True)
class Grace:
    """How long silence is believed to be nothing: by the bridge's word, and by the Lease alone."""

    connected_seconds: float = 5.0
    lease_seconds: float = 40.0


def silent_in_seconds(
    node: objects.Object, lease: objects.Object | None, first_seen: datetime, now: datetime, grace: Grace
) -> float:
    """Seconds until the node counts as lost; 0 or less: it does now; infinite: not by the passing of time."""
    connected = conditions.find((node.get("status") or {}).get("conditions"), lost_nodes.CONNECTED)
    if connected is not None:
        if connected.get("status") == "True":
            return float("inf")
        since = _time(connected.get("lastTransitionTime")) or first_seen
        return grace.connected_seconds - (now - since).total_seconds()
    heard = [first_seen]
    renewed = _time(((lease or {}).get("spec") or {}).get("renewTime"))
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready") or {}
    heard += [moment for moment in (renewed, _time(ready.get("lastHeartbeatTime"))) if moment]
    return grace.lease_seconds - (now - max(heard)).total_seconds()


def _time(text: str | None) -> datetime | None:
    return timestamps.parse(text) if text else None


def lost_seconds(node: objects.Object, now: datetime) -> float:
    """How long the node has been marked as lost; 0 if it is not."""
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready") or {}
    since = _time(ready.get("lastTransitionTime"))
    return (now - since).total_seconds() if since and ready.get("status") == "Unknown" else 0.0


def conditions_when_lost(node: objects.Object, now: datetime) -> list[dict[str, Any]] | None:
    """The conditions with everything the node alone can know set to Unknown; None if they are so already."""
    items = [dict(item) for item in (node.get("status") or {}).get("conditions") or ()]
    changed = False
    for kind in _OWN_CONDITIONS:
        known = conditions.find(items, kind)
        if kind != "Ready" and known is None:
            continue
        if known is not None and known.get("status") == "Unknown":
            continue
        message = "The node is no longer heard of."
        changed |= conditions.set_condition(items, kind, "Unknown", "NodeStatusUnknown", message, now)
    return items if changed else None


Eviction = Literal["begin", "keep", "none"]


def evicting(node: objects.Object) -> bool:
    """Whether the eviction of a lost node's pods has begun."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return any((one.get("key"), one.get("effect")) == (UNREACHABLE, "NoExecute") for one in taints)


def taints(node: objects.Object, *, eviction: Eviction, now: datetime) -> list[dict[str, Any]] | None:
    """The node's taints as they should be, or None if they are. `eviction` of a lost node's pods may begin, may
    only go on if it has begun, or is called off.
    """
    current = list((node.get("spec") or {}).get("taints") or ())
    items = (node.get("status") or {}).get("conditions")
    ready = (conditions.find(items, "Ready") or {}).get("status")
    wanted: set[tuple[str, str]] = set()
    if ready == "Unknown":
        wanted.add((UNREACHABLE, "NoSchedule"))
    elif ready != "True":
        wanted |= {(NOT_READY, "NoSchedule")}
    had = {(taint.get("key"), taint.get("effect")) for taint in current}
    if ready == "Unknown" and (eviction == "begin" or (eviction == "keep" and evicting(node))):
        wanted.add((UNREACHABLE, "NoExecute"))
    if ready == "False":
        wanted.add((NOT_READY, "NoExecute"))
    for kind, key in _BY_CONDITION.items():
        if (conditions.find(items, kind) or {}).get("status") == "True":
            wanted.add((key, "NoSchedule"))
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.add((_UNSCHEDULABLE, "NoSchedule"))
    ours = {NOT_READY, UNREACHABLE, _UNSCHEDULABLE, *_BY_CONDITION.values()}
    result = [
        taint for taint in current if taint.get("key") not in ours or (taint.get("key"), taint.get("effect")) in wanted
    ]
    for key, effect in sorted(wanted - had):
        taint = {"key": key, "effect": effect}
        if effect == "NoExecute":
            taint["timeAdded"] = timestamps.format(now)
        result.append(taint)
    return result if result != current else None
