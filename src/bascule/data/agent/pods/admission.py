"""Whether a node takes a pod that was bound to it. Pure: (pod, the node's other pods) → why not.

The scheduler has looked at the same, but nobody who writes `spec.nodeName` asks it. What the node refuses has failed,
and who controls the pod makes another. Reasons and messages are the kubelet's.
"""

from __future__ import annotations

from collections.abc import Iterable

from bascule.data.agent.pods import model
from bascule.vocabulary.objects import Object

PREFIX = "Pod was rejected: "
PORTS_TAKEN = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
_ANY = ("", "0.0.0.0", "::")

HostPort = tuple[str, str, int]
"""Address ("" for all of the node's), protocol, number."""


def host_ports(pod: Object) -> set[HostPort]:
    """The node's ports that a pod's containers take for themselves."""
    lasting = [entry for entry in model.init_containers(pod) if model.is_sidecar(entry)]
    out = set()
    for container in (*model.main_containers(pod), *lasting):
        for port in container.get("ports") or ():
            if number := port.get("hostPort"):
                address = port.get("hostIP") or ""
                out.add(("" if address in _ANY else address, port.get("protocol") or "TCP", int(number)))
    return out


def refusal(pod: Object, others: Iterable[Object]) -> model.Stop | None:
    """Why the node does not take the pod, whose ports must be free of those `others` hold; None: it does."""
    wanted = host_ports(pod)
    if not wanted:
        return None
    if any(_meet(one, other) for held in others for other in host_ports(held) for one in wanted):
        return model.Stop("NodePorts", f"{PREFIX}{PORTS_TAKEN}")
    return None


def _meet(one: HostPort, other: HostPort) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or "" in (one[0], other[0]))
