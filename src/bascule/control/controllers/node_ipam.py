"""Gives every node a pod range of its own out of the cluster's. `decide` is pure: the lowest free one."""

import ipaddress
from collections.abc import Iterable

from bascule.control.reconcile import events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, objects

_IPV4_SIZE, _IPV6_SIZE = 24, 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def decide(cluster_cidr: Network, taken: Iterable[str]) -> str | None:
    """The first free range; None when all are given away."""
    size = _IPV4_SIZE if cluster_cidr.version == 4 else _IPV6_SIZE
    used = {text for text in taken if text}
    for candidate in cluster_cidr.subnets(new_prefix=max(size, cluster_cidr.prefixlen)):
        if str(candidate) not in used:
            return str(candidate)
    return None


class NodeIpam:
    """One worker: two nodes must not be given the same range at once."""

    def __init__(self, boss: manager.Manager, cluster_cidr: str) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("cidrAllocator")
        self._cidr = ipaddress.ip_network(cluster_cidr)
        self._nodes = boss.informer(builtins.NODES)
        self._given: dict[Request, str] = {}
        self.controller = boss.controller("node-ipam", self.reconcile, of=builtins.NODES, workers=1)
        self.controller.watch(self._nodes)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        node = self._nodes.store.get(request)
        if node is None:
            self._given.pop(request, None)
            return outcome.DONE
        if (node.get("spec") or {}).get("podCIDR"):
            self._given.pop(request, None)
            return outcome.DONE
        taken = [(one.get("spec") or {}).get("podCIDR") or "" for one in self._nodes.store.values()]
        chosen = self._given.get(request) or decide(self._cidr, [*taken, *self._given.values()])
        if chosen is None:
            message = f"no pod range is left in {self._cidr}"
            self._events.record(node, events.WARNING, "CIDRNotAvailable", message)
            return outcome.RetryAfter(60.0)
        # Remembered until the informer shows it: the next node must not get the same.
        self._given[request] = chosen
        body = {"metadata": {"uid": objects.uid(node)}, "spec": {"podCIDR": chosen, "podCIDRs": [chosen]}}
        await self._boss.client.patch(builtins.NODES, request.name, body, cluster=request.cluster)
        return outcome.DONE
