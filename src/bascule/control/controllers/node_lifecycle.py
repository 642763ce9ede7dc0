"""Node lifecycle: marks silent nodes, taints them, and paces evictions by zone.

What is concluded is in `node_health` and `lost_nodes`, both pure. This process itself may be the one cut off: while
its own view of nodes is not live it concludes nothing.
"""

from collections.abc import Iterable
from datetime import datetime

from bascule.control.controllers import lost_nodes, node_health, options
from bascule.control.reconcile import events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, objects

LEASES = "kube-node-lease"
_LOOK_AGAIN_SECONDS = 1.0
_SETTLE_SECONDS = 3.0
"""Between marking a node lost and evicting its pods: time for the loss of its neighbours to show."""


class NodeLifecycle:
    def __init__(self, boss: manager.Manager, chosen: options.Options) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("node-controller")
        self._client = boss.client
        self._grace = node_health.Grace(chosen.node_monitor_grace_seconds, chosen.node_lease_grace_seconds)
        self._nodes = boss.informer(builtins.NODES)
        self._nodes.add_index("cluster", lambda node: [objects.cluster(node)])
        self._leases = boss.informer(builtins.LEASES, namespace=LEASES)
        self._first_seen: dict[Request, tuple[str, datetime]] = {}
        self._tokens: dict[tuple[str, tuple[str, str]], tuple[float, float]] = {}
        self.controller = boss.controller("nodelifecycle", self.reconcile, of=builtins.NODES, workers=8)
        self.controller.watch(self._nodes)
        self.controller.watch(self._nodes, self._neighbours)
        self.controller.wait_for(self._leases)

    def _neighbours(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        """When a node is lost or found, what may be concluded about other lost nodes changes."""
        if (old is not None and lost_nodes.is_lost(old)) == (new is not None and lost_nodes.is_lost(new)):
            return []
        current = new or old
        cluster = objects.cluster(current) if current else ""
        return [objects.key(node) for node in self._nodes.by_index("cluster", cluster) if lost_nodes.is_lost(node)]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        node = self._nodes.store.get(request)
        if node is None:
            self._first_seen.pop(request, None)
            return outcome.DONE
        if not (self._nodes.connected and self._leases.connected):
            return outcome.RetryAfter(_LOOK_AGAIN_SECONDS)
        now = self._boss.clock.now()
        uid, first_seen = self._first_seen.setdefault(request, (objects.uid(node), now))
        if uid != objects.uid(node):
            self._first_seen[request] = (objects.uid(node), first_seen := now)
        lease = self._leases.store.get(Request(request.cluster, LEASES, request.name))
        wait = node_health.silent_in_seconds(node, lease, first_seen, now, self._grace)
        if wait <= 0:
            node = await self._mark_lost(node, now)
        node = await self._taint(node, now)
        if lost_nodes.is_lost(node) and wait <= 0:
            return outcome.RetryAfter(_LOOK_AGAIN_SECONDS)
        return outcome.RetryAfter(max(wait, 0.1)) if wait != float("inf") else outcome.DONE

    async def _mark_lost(self, node: objects.Object, now: datetime) -> objects.Object:
        items = node_health.conditions_when_lost(node, now)
        if items is None:
            return node
        self._events.record(
            node, events.NORMAL, "NodeNotReady", f"Node {objects.name(node)} status is now: NodeNotReady"
        )
        fresh = {**node, "status": {**(node.get("status") or {}), "conditions": items}}
        return await self._client.update_status(builtins.NODES, fresh)

    async def _taint(self, node: objects.Object, now: datetime) -> objects.Object:
        everyone = [
            node if objects.name(one) == objects.name(node) else one
            for one in self._nodes.by_index("cluster", objects.cluster(node))
        ]
        eviction: node_health.Eviction = "keep"
        if lost_nodes.most_are_lost(everyone):
            eviction = "none"  # What was begun before the others fell silent too is called off.
        elif lost_nodes.is_lost(node) and self._may_begin(node, everyone, now):
            eviction = "begin"
        wanted = node_health.taints(node, eviction=eviction, now=now)
        if wanted is None:
            return node
        fresh = objects.deep_copy(node)
        fresh.setdefault("spec", {})["taints"] = wanted
        return await self._client.update(builtins.NODES, fresh)

    def _may_begin(self, node: objects.Object, everyone: list[objects.Object], now: datetime) -> bool:
        """Takes a token from its zone's bucket, which holds at most one and fills at the zone's pace."""
        if node_health.evicting(node) or node_health.lost_seconds(node, now) < _SETTLE_SECONDS:
            return False
        zone = lost_nodes.zone_of(node)
        pace = lost_nodes.paces(everyone)[zone].evictions_per_second
        moment = self._boss.clock.monotonic()
        bucket = (objects.cluster(node), zone)
        tokens, filled_at = self._tokens.get(bucket, (1.0, moment))
        if pace < lost_nodes.EVICTIONS_PER_SECOND and bucket not in self._tokens:
            tokens = 0.0
        tokens = min(1.0, tokens + (moment - filled_at) * pace)
        allowed = tokens >= 1.0
        self._tokens[bucket] = (tokens - 1.0 if allowed else tokens, moment)
        return allowed
