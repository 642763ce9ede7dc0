"""Which nodes are heard, told to the API: the condition `bascule.dev/Connected` as soon as it changes, the lease
every ten seconds, the tunnel's address, and whether what the node shall have is in force (`bascule.dev/Synced`).

A beat costs the store nothing. Nodes that connected elsewhere, or to nobody since this process began, are judged by
their leases.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bascule.client import api, faults
from bascule.control.bridgehead import acting, streams, world
from bascule.vocabulary import builtins, conditions, errors, objects, timestamps
from bascule.vocabulary import clock as clocks

CONNECTED = "bascule.dev/Connected"
SYNCED = "bascule.dev/Synced"
TUNNEL_ANNOTATION = "bascule.dev/tunnel"
GENERATION_ANNOTATION = "bascule.dev/generation-in-force"
LEASE_NAMESPACE = "kube-node-lease"
SILENCE_SECONDS = 2.5
LEASE_SECONDS = 10.0
LEASE_DURATION_SECONDS = 40
BEHIND_SECONDS = 3.0
_TICK_SECONDS = 0.25
_SWEEP_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass
class Node:
    links: int = 0
    heard: float = 0.0
    lease_due: float = 0.0
    settled: float = 0.0
    next_look: float = 0.0
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    next_write: float = 0.0
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Liveness:
    def __init__(
        self,
        client: api.Client,
        known: world.World,
        fed: streams.Streams,
        clock: clocks.Clock,
        *,
        tunnel_address: str,
        why_away: Callable[[], str],
    ) -> None:
        self._client = client
        self._world = known
        self._streams = fed
        self._clock = clock
        self._tunnel_address = tunnel_address
        self._why_away = why_away
        self._random = random.Random()
        self.nodes: dict[str, Node] = {}

    def linked(self, node: str) -> None:
        state = self.nodes.setdefault(node, Node())
        state.links += 1
        state.heard = state.settled = self._clock.monotonic()

    def unlinked(self, node: str) -> int:
        """How many links are left of the node."""
        self.nodes[node].links -= 1
        return self.nodes[node].links

    def beat(self, node: str) -> None:
        self.nodes[node].heard = self._clock.monotonic()

    def connected(self, node: str) -> bool:
        state = self.nodes.get(node)
        return bool(state and state.links and self._clock.monotonic() - state.heard <= SILENCE_SECONDS)

    async def run(self) -> None:
        swept = self._clock.monotonic()
        try:
            while True:
                now = self._clock.monotonic()
                for node, state in list(self.nodes.items()):
                    self._look(node, state, now)
                if now - swept >= _SWEEP_SECONDS:
                    swept = now
                    await self._sweep()
                await self._clock.sleep(_TICK_SECONDS)
        finally:
            tasks = [state.task for state in self.nodes.values() if state.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, node: str, state: Node, now: float) -> None:
        if now >= state.next_look:
            state.next_look = now + 1.0
            state.refused = self._streams.refused(node)
            if self._streams.settled(node):
                state.settled = now
        if state.task is not None or now < state.next_write:
            return
        wanted = self._wanted(node, state, now)
        if wanted != state.written:
            state.task = asyncio.create_task(self._write(node, state, wanted))
        elif self.connected(node) and now >= state.lease_due:
            state.lease_due = now + LEASE_SECONDS * self._random.uniform(0.9, 1.0)
            state.task = asyncio.create_task(self._renew(node, state))

    def _wanted(self, node: str, state: Node, now: float) -> tuple[str, ...]:
        """What shall stand on the Node, comparable."""
        if not self.connected(node):
            return ("False", "Unknown", "BridgeLost", self._why_away())
        if self._world.regressed:
            return ("True", "False", "StoreWentBack", "the store is older than what nodes know; nothing is removed")
        if state.refused:
            return ("True", "False", "Refused", _refusals(state.refused))
        if now - state.settled > BEHIND_SECONDS:
            return ("True", "False", "Behind", "not everything this node shall have is in force there")
        return ("True", "True", "InForce", "everything this node shall have is in force there")

    async def _write(self, node: str, state: Node, wanted: tuple[str, ...]) -> None:
        connected, synced, reason, message = wanted
        now = timestamps.format(self._clock.now())
        if connected == "True":
            first = _condition(CONNECTED, "True", "BridgeConnected", "the node is connected to the bridge", now)
        else:
            away = message or "the node is not heard; what runs there goes on, changes wait"
            first = _condition(CONNECTED, "False", "BridgeLost", away, now)
            message = "unknown while the node is away"
        try:
            present = self._world.object("nodes", f"{objects.ROOT}//{node}")
            address = self._tunnel_address
            if connected == "True" and present and objects.annotations(present).get(TUNNEL_ANNOTATION) != address:
                change = {"metadata": {"annotations": {TUNNEL_ANNOTATION: address}}}
                await self._client.patch(builtins.NODES, node, change, **acting.as_node(node))
            second = _condition(SYNCED, synced, reason, message, now)
            await self._patch_status(node, {"conditions": _stamped(present, [first, second])})
            state.written = wanted
            if present is None:  # its registration had not been seen yet: the annotation is still to be written
                state.written = ()
                state.next_write = self._clock.monotonic() + 0.2
        except (errors.StatusError, faults.Unreachable) as error:
            absent = isinstance(error, errors.StatusError) and error.code == 404
            if absent and not state.links:
                self.nodes.pop(node, None)  # deleted while away: nothing is left to say of it
            elif not absent:
                _log.info("conditions of %s not written yet: %s", node, error)
            state.next_write = self._clock.monotonic() + (0.3 if absent else 1.0)
        finally:
            state.task = None

    async def _patch_status(self, node: str, status: dict[str, Any]) -> None:
        await self._client.patch(
            builtins.NODES, node, {"status": status}, kind="strategic", subresource="status", **acting.as_node(node)
        )

    async def _renew(self, node: str, state: Node) -> None:
        position = max((self._world.position(kind) for kind in world.FOLLOWED), key=lambda found: found.generation)
        metadata: dict[str, Any] = {"name": node, "namespace": LEASE_NAMESPACE, "annotations": {}}
        if self._streams.settled(node):
            metadata["annotations"] = {GENERATION_ANNOTATION: position.text()}
        spec = {
            "holderIdentity": node,
            "leaseDurationSeconds": LEASE_DURATION_SECONDS,
            "renewTime": timestamps.format_micro(self._clock.now()),
        }
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            try:
                await self._client.patch(
                    builtins.LEASES,
                    node,
                    {"metadata": {"annotations": metadata["annotations"]}, "spec": spec},
                    namespace=LEASE_NAMESPACE,
                    **acting.as_node(node),
                )
            except errors.StatusError as error:
                if error.code != 404:
                    raise
                await self._client.create(builtins.LEASES, lease, **acting.as_node(node))
        except (errors.StatusError, faults.Unreachable) as error:
            _log.info("lease of %s not renewed: %s", node, error)
            state.lease_due = self._clock.monotonic() + 1.0
        finally:
            state.task = None

    async def _sweep(self) -> None:
        """Nodes that stand as connected but have not been heard here: their leases tell."""
        for key, obj in list(self._world.informers["nodes"].store.items()):
            if key.name in self.nodes or key.cluster != objects.ROOT or not conditions.is_true(obj, CONNECTED):
                continue
            try:
                lease = await self._client.get(builtins.LEASES, key.name, namespace=LEASE_NAMESPACE)
                renewed = timestamps.parse((lease.get("spec") or {}).get("renewTime") or "1970-01-01T00:00:00Z")
            except (errors.StatusError, faults.Unreachable, ValueError) as error:
                _log.info("lease of %s not read: %s", key.name, error)
                continue
            if (self._clock.now() - renewed).total_seconds() > 2 * LEASE_SECONDS + SILENCE_SECONDS:
                self.nodes.setdefault(key.name, Node())


def _refusals(refused: dict[str, dict[str, str]]) -> str:
    """For people: what, and why; the first few."""
    every = sorted(
        f"{kind}: {reason}" if name == streams.EVERYTHING else f"{kind} {name}: {reason}"
        for kind, items in refused.items()
        for name, reason in items.items()
    )
    return "; ".join(every[:3])[:900] + (f"; and {len(every) - 3} more" if len(every) > 3 else "")


def _condition(type: str, status: str, reason: str, message: str, now: str) -> dict[str, str]:
    return {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def _stamped(node: objects.Object | None, new: list[dict[str, str]]) -> list[dict[str, str]]:
    """A condition that keeps its status keeps the time of its transition."""
    present = ((node or {}).get("status") or {}).get("conditions")
    for condition in new:
        before = conditions.find(present, condition["type"])
        if before is not None and before.get("status") == condition["status"] and before.get("lastTransitionTime"):
            condition["lastTransitionTime"] = before["lastTransitionTime"]
    return new
