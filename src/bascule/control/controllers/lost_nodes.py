"""Which nodes count as lost, and what may be concluded from it. Pure.

The law: what the control side merely infers must never do more harm than the loss itself. If most nodes vanish at
once it is our own view that is broken, and nothing is concluded. A zone that went dark loses its pods slowly.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bascule.vocabulary import conditions, objects

CONNECTED = "bascule.dev/Connected"
"""The condition by which the bridgehead says whether it hears the node."""

ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"

DARK_SHARE = 0.55
"""From this share of lost nodes on, a zone counts as partly dark (upstream's value)."""
EVICTIONS_PER_SECOND = 1.0
SLOW_EVICTIONS_PER_SECOND = 0.05


def zone_of(node: objects.Object) -> tuple[str, str]:
    labels = objects.labels(node)
    return labels.get(REGION, ""), labels.get(ZONE, "")


def is_lost(node: objects.Object) -> bool:
    """Marked by us as unheard-of; a node that says itself that it is not ready is not lost."""
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready")
    return ready is not None and ready.get("status") == "Unknown"


def is_doubtful(node: objects.Object) -> bool:
    """Lost, or on the way there: the bridge does not hear it just now."""
    connected = conditions.find((node.get("status") or {}).get("conditions"), CONNECTED)
    return is_lost(node) or (connected is not None and connected.get("status") != "True")


def most_are_lost(nodes: Iterable[objects.Object]) -> bool:
    """Whether more than half of the nodes are doubtful: then it is our own sight that is to be doubted."""
    marks = [is_doubtful(node) for node in nodes]
    return sum(marks) * 2 > len(marks)


@dataclass(frozen=True)
class Pace:
    """How fast nodes of one zone may be tainted for eviction, in nodes a second; 0 is not at all."""

    evictions_per_second: float


def paces(nodes: Iterable[objects.Object]) -> Mapping[tuple[str, str], Pace]:
    """By zone. Where most of all nodes are lost, none may be."""
    everyone = list(nodes)
    zones: dict[tuple[str, str], list[bool]] = {}
    for node in everyone:
        zones.setdefault(zone_of(node), []).append(is_lost(node))
    if most_are_lost(everyone):
        return {zone: Pace(0.0) for zone in zones}
    return {zone: Pace(_pace(marks, only=len(zones) == 1)) for zone, marks in zones.items()}


def _pace(marks: list[bool], *, only: bool) -> float:
    lost, total = sum(marks), len(marks)
    # A cluster without zones is one zone, and one node to a zone makes the zone's loss the loss of a node.
    if only or total == 1:
        return EVICTIONS_PER_SECOND
    dark = lost == total or (lost > 2 and lost / total >= DARK_SHARE)
    return SLOW_EVICTIONS_PER_SECOND if dark else EVICTIONS_PER_SECOND


def withdrawable(ready: Iterable[tuple[str, str]], lost: frozenset[str]) -> frozenset[str]:
    """Of ready backends (name, node): the names that may be withdrawn because their node is lost; at most half."""
    backends = sorted(ready)
    candidates = [name for name, node in backends if node in lost]
    return frozenset(candidates[: len(backends) // 2])
