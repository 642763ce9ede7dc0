"""Removes pods nobody else will: too many finished ones, those of nodes that no longer exist, and those that were
deleted before they ever had a node. `decide` is pure; a node's absence is confirmed by the server before it counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from bascule.control.controllers import pods as pod_facts
from bascule.control.controllers import sources
from bascule.control.reconcile import manager
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects

_PERIOD_SECONDS = 20.0
_ABSENCE_SECONDS = 40.0


@dataclass
class Garbage:
    finished: list[objects.Object] = field(default_factory=list)
    orphaned: list[objects.Object] = field(default_factory=list)
    unscheduled: list[objects.Object] = field(default_factory=list)


def decide(pods: Iterable[objects.Object], *, absent: frozenset[tuple[str, str]], finished_kept: int) -> Garbage:
    """`absent`: the (cluster, node) pairs that are known not to exist. `finished_kept` of 0 keeps all."""
    garbage = Garbage()
    done = []
    for pod in pods:
        node = pod_facts.spec(pod).get("nodeName") or ""
        if node and (objects.cluster(pod), node) in absent:
            garbage.orphaned.append(pod)
        elif not node and objects.deletion_timestamp(pod) is not None:
            garbage.unscheduled.append(pod)
        elif pod_facts.finished(pod):
            done.append(pod)
    if finished_kept:
        done.sort(key=lambda pod: objects.metadata(pod).get("creationTimestamp") or "")
        garbage.finished = done[: max(0, len(done) - finished_kept)]
    return garbage


class PodCollection:
    """A loop of its own: what it looks for is the state of all pods, not the change of one."""

    def __init__(self, boss: manager.Manager, *, finished_kept: int) -> None:
        self._boss = boss
        self._client = boss.client
        self._finished_kept = finished_kept
        self._pods = sources.pods(boss)
        self._nodes = boss.informer(builtins.NODES)
        self._missing_since: dict[tuple[str, str], float] = {}
        boss.loop("pod-collection", self.run)

    async def run(self) -> None:
        await self._pods.wait_synced()
        await self._nodes.wait_synced()
        while True:
            if self._pods.connected and self._nodes.connected:
                await self.collect()
            await self._boss.clock.sleep(_PERIOD_SECONDS)

    async def collect(self) -> None:
        absent = await self._absent()
        garbage = decide(self._pods.store.values(), absent=absent, finished_kept=self._finished_kept)
        for pod in garbage.orphaned:
            await self._fail(pod)
        for pod in [*garbage.orphaned, *garbage.unscheduled, *garbage.finished]:
            await self._delete(pod)

    async def _absent(self) -> frozenset[tuple[str, str]]:
        """Nodes that pods name, missing for a while, and that the server says do not exist."""
        now = self._boss.clock.monotonic()
        named = {
            (objects.cluster(pod), pod_facts.spec(pod)["nodeName"])
            for pod in self._pods.store.values()
            if pod_facts.spec(pod).get("nodeName")
        }
        missing = {pair for pair in named if Request(pair[0], "", pair[1]) not in self._nodes.store}
        self._missing_since = {pair: self._missing_since.get(pair, now) for pair in missing}
        confirmed = set()
        for pair, since in self._missing_since.items():
            if now - since < _ABSENCE_SECONDS:
                continue
            try:
                await self._client.get(builtins.NODES, pair[1], cluster=pair[0])
            except errors.StatusError as error:
                if error.code != 404:
                    raise
                confirmed.add(pair)
        return frozenset(confirmed)

    async def _fail(self, pod: objects.Object) -> None:
        """An orphan ends as Failed, for those who count outcomes (Jobs)."""
        if pod_facts.finished(pod):
            return
        key = objects.key(pod)
        try:
            await self._client.patch(
                builtins.PODS,
                key.name,
                {"status": {"phase": "Failed", "reason": "NodeLost"}},
                namespace=key.namespace,
                cluster=key.cluster,
                subresource="status",
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise

    async def _delete(self, pod: objects.Object) -> None:
        key = objects.key(pod)
        try:
            await self._client.delete(
                builtins.PODS,
                key.name,
                namespace=key.namespace,
                cluster=key.cluster,
                uid=objects.uid(pod),
                grace_seconds=0,
            )
        except errors.StatusError as error:
            if error.code not in (404, 409):
                raise
