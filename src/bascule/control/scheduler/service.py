"""The scheduler at work: events change the world, one loop decides, bindings run beside it.

Invariant: a decided pod is placed in the world before its binding is sent and taken back when that fails, so that no
two decisions give away the same room. The API server has the last word: what it says is bound or gone is so.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Coroutine
from typing import Any

from bascule.client import faults
from bascule.control.reconcile import events, manager
from bascule.control.scheduler import decide, demand, evicting, metrics, preempt
from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.queue import Queue
from bascule.control.scheduler.world import World
from bascule.vocabulary import builtins, conditions, errors, objects
from bascule.vocabulary.clock import Clock
from bascule.vocabulary.objects import Object

NAME = "default-scheduler"
BINDINGS_MAX = 64
SLICE_SECONDS = 0.02
"""How long the loop decides before events get their turn."""

log = logging.getLogger(__name__)


class Service:
    def __init__(self, boss: manager.Manager, *, clock: Clock, source: random.Random) -> None:
        self._client = boss.client
        self._recorder = boss.recorder
        self._clock = clock
        self._random = source
        self._numbers = metrics.Metrics(boss.metrics.registry)
        self._world = World()
        self._queue = Queue()
        self._assumed: dict[objects.Key, str] = {}
        self._room_made: dict[objects.Key, preempt.Eviction] = {}
        self._evictor = evicting.Evictor(boss, clock)
        self._pods: dict[objects.Key, Object] = {}
        self._stirred = asyncio.Event()
        self._room = asyncio.Semaphore(BINDINGS_MAX)
        self._bindings: set[asyncio.Task[None]] = set()
        self._informers = (
            boss.informer(builtins.NODES, cluster=objects.ROOT),
            boss.informer(builtins.NAMESPACES),
            boss.informer(builtins.PODS),
        )
        self._disruption_budgets = boss.informer(builtins.POD_DISRUPTION_BUDGETS)
        nodes, namespaces, pods = self._informers
        nodes.on_change(self._node_changed)
        namespaces.on_change(self._namespace_changed)
        pods.on_change(self._pod_changed)
        boss.loop("scheduling", self.run)

    async def run(self) -> None:
        for informer in self._informers:
            await informer.wait_synced()
        while True:
            began = time.monotonic()
            while (wanted := self._queue.pop(self._clock.monotonic())) is not None:
                await self._decide(wanted)
                if time.monotonic() - began > SLICE_SECONDS:
                    await asyncio.sleep(0)
                    began = time.monotonic()
            self._numbers.pending.set(len(self._queue))
            await self._pause()

    async def _pause(self) -> None:
        """Until something happened, a waiting pod is due, or parked ones deserve another look."""
        now = self._clock.monotonic()
        due = self._queue.next_time()
        self._stirred.clear()
        try:
            async with asyncio.timeout(min(30.0, max(0.0, due - now) if due is not None else 30.0)):
                await self._stirred.wait()
        except TimeoutError:
            self._queue.stir(self._clock.monotonic(), everything=False)

    async def _decide(self, wanted: Demand) -> None:
        began = time.perf_counter()
        if wanted.key in self._room_made:
            self._world.remove(wanted.key)
        choice = decide.choose(self._world, wanted, self._random)
        self._numbers.decision_seconds.observe(time.perf_counter() - began)
        if choice.node is None:
            self._numbers.attempts.labels("unschedulable").inc()
            self._queue.park(wanted, self._clock.monotonic())
            self._start(self._refuse(wanted, choice.message()))
            self._make_room(wanted)
            return
        self._room_made.pop(wanted.key, None)
        self._world.place(wanted, choice.node)
        self._assumed[wanted.key] = choice.node
        await self._room.acquire()
        self._start(self._bind(wanted, choice.node))

    def _make_room(self, wanted: Demand) -> None:
        """Has pods of lower priority go where that helps; what is decided next sees the room taken."""
        held = self._room_made.pop(wanted.key, None)
        if held is None or not any(self._world.node_of(one.key) == held.node for one in held.victims):
            held = preempt.plan(self._world, wanted, self._budgets(), self._random)
            if held is None:
                return
            self._start(self._evictor.evict(wanted, held, self._pods))
            for victim in held.victims:
                if self._room_made.pop(victim.key, None) is not None:  # it only waits for room, which it loses
                    self._world.remove(victim.key)
        self._room_made[wanted.key] = held
        self._world.place(wanted, held.node)

    def _budgets(self) -> list[preempt.Budget]:
        return [
            budget for one in self._disruption_budgets.store.values() if (budget := evicting.budget(one)) is not None
        ]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._bindings.add(task)
        task.add_done_callback(self._bindings.discard)

    async def _bind(self, wanted: Demand, node: str) -> None:
        cluster, namespace, name = wanted.key
        body: Object = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": wanted.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._client.create(
                builtins.PODS, body, cluster=cluster, namespace=namespace, name=name, subresource="binding"
            )
            self._numbers.attempts.labels("scheduled").inc()
            pod = self._pods.get(wanted.key)
            if pod is not None:
                message = f"Successfully assigned {namespace}/{name} to {node}"
                self._recorder.record(pod, events.NORMAL, "Scheduled", message)
        except (errors.StatusError, faults.Unreachable) as error:
            self._numbers.attempts.labels("error").inc()
            self._take_back(wanted, error)
        finally:
            self._room.release()

    def _take_back(self, wanted: Demand, error: Exception) -> None:
        """The binding failed: the room is free again, and the pod is tried later unless it is gone or bound."""
        self._assumed.pop(wanted.key, None)
        pod = self._pods.get(wanted.key)
        node = ((pod or {}).get("spec") or {}).get("nodeName")
        if pod is not None and node:
            self._world.place(demand.of(pod), node)
            return
        self._world.remove(wanted.key)
        if pod is not None and not (isinstance(error, errors.StatusError) and error.code == 404):
            log.warning("binding %s failed, trying again: %s", wanted.key.text(), error)
            self._queue.retry_later(wanted, self._clock.monotonic())
        self._stir()

    async def _refuse(self, wanted: Demand, message: str) -> None:
        """Says on the pod why no node would have it, if that is news."""
        pod = self._pods.get(wanted.key)
        if pod is None:
            return
        held = conditions.find((pod.get("status") or {}).get("conditions"), "PodScheduled")
        if held is not None and held.get("status") == "False" and held.get("message") == message:
            return
        condition: list[Object] = [] if held is None else [dict(held)]
        conditions.set_condition(condition, "PodScheduled", "False", "Unschedulable", message, self._clock.now())
        cluster, namespace, name = wanted.key
        try:
            await self._client.patch(
                builtins.PODS,
                name,
                {"status": {"conditions": condition}},
                kind="strategic",
                cluster=cluster,
                namespace=namespace,
                subresource="status",
            )
        except (errors.StatusError, faults.Unreachable) as error:
            log.info("could not say why %s waits: %s", wanted.key.text(), error)
            return
        self._recorder.record(pod, events.WARNING, "FailedScheduling", message)

    # Events.

    def _stir(self) -> None:
        self._queue.stir(self._clock.monotonic())
        self._stirred.set()

    def _node_changed(self, kind: str, old: Object | None, new: Object | None) -> None:
        if new is None:
            assert old is not None
            self._world.remove_node(objects.name(old))
            return
        self._world.put_node(new)
        if old is None or _matters(old) != _matters(new):
            self._stir()

    def _namespace_changed(self, kind: str, old: Object | None, new: Object | None) -> None:
        namespace = new or old
        assert namespace is not None
        labels = objects.labels(new) if new is not None else None
        self._world.set_namespace(objects.cluster(namespace), objects.name(namespace), labels)

    def _pod_changed(self, kind: str, old: Object | None, new: Object | None) -> None:
        pod = new or old
        assert pod is not None
        key = objects.key(pod)
        if new is None or (new.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            self._pods.pop(key, None)
            self._assumed.pop(key, None)
            self._room_made.pop(key, None)
            self._queue.discard(key)
            if self._world.remove(key):
                self._stir()
            return
        self._pods[key] = new
        try:
            wanted = demand.of(new)
        except (ValueError, errors.StatusError, AttributeError, TypeError, KeyError) as error:
            log.warning("pod %s cannot be understood: %s", key.text(), error)
            self._queue.discard(key)
            return
        if wanted.node_name:
            self._assumed.pop(key, None)
            self._room_made.pop(key, None)
            self._queue.discard(key)
            self._world.place(wanted, wanted.node_name)
        elif key not in self._assumed and _is_ours(new):
            self._queue.put(wanted)
            self._stirred.set()


def _is_ours(pod: Object) -> bool:
    spec = pod.get("spec") or {}
    if spec.get("schedulingGates") or objects.deletion_timestamp(pod):
        return False
    return (spec.get("schedulerName") or NAME) == NAME


def _matters(node: Object) -> tuple[object, ...]:
    """What of a node can make room for a pod that had none."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    return spec.get("taints"), spec.get("unschedulable"), objects.labels(node), status.get("allocatable")
