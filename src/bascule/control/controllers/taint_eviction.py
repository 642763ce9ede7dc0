"""Deletes pods from nodes with a NoExecute taint that they do not tolerate, or no longer. `decide` is pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bascule.control.controllers import sources
from bascule.control.reconcile import events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects, timestamps


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def decide(pod: objects.Object, taints: Sequence[Mapping[str, Any]], now: datetime) -> float | None:
    """Seconds until the pod must go (0 or less: now); None if it may stay."""
    waits: list[float] = []
    for taint in taints:
        if taint.get("effect") != "NoExecute":
            continue
        matching = [one for one in (pod.get("spec") or {}).get("tolerations") or () if tolerates(one, taint)]
        if not matching:
            return 0.0
        limits = [one["tolerationSeconds"] for one in matching if one.get("tolerationSeconds") is not None]
        if limits:
            since = timestamps.parse(taint["timeAdded"]) if taint.get("timeAdded") else now
            waits.append(max(0, min(limits)) - (now - since).total_seconds())
    return min(waits, default=None)


class TaintEviction:
    """Requests name pods."""

    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("taint-eviction-controller")
        self._pods = sources.pods(boss)
        self._nodes = boss.informer(builtins.NODES)
        self.controller = boss.controller("taint-eviction", self.reconcile, of=builtins.PODS, workers=8)
        self.controller.watch(self._pods, self._bound)
        self.controller.watch(self._nodes, self._pods_of)

    def _bound(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        if new is None or objects.deletion_timestamp(new) is not None:
            return []
        node = (new.get("spec") or {}).get("nodeName")
        there = self._nodes.store.get(Request(objects.cluster(new), "", node)) if node else None
        return [objects.key(new)] if there and _executing(there) else []

    def _pods_of(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        if new is None or not _executing(new) or (old is not None and _executing(old) == _executing(new)):
            return []
        pods = self._pods.by_index(sources.NODE, (objects.cluster(new), objects.name(new)))
        return [objects.key(pod) for pod in pods]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        pod = self._pods.store.get(request)
        if pod is None or objects.deletion_timestamp(pod) is not None:
            return outcome.DONE
        if not self._nodes.connected:
            return outcome.RetryAfter(1.0)
        node = self._nodes.store.get(Request(request.cluster, "", (pod.get("spec") or {}).get("nodeName") or ""))
        if node is None:
            return outcome.DONE
        wait = decide(pod, _executing(node), self._boss.clock.now())
        if wait is None:
            return outcome.DONE
        if wait > 0:
            # Looks again now and then besides: the taint may go and come back meanwhile.
            return outcome.RetryAfter(min(wait, 30.0))
        message = f"deleting pod for node {objects.name(node)}: its taints are not tolerated"
        self._events.record(pod, events.NORMAL, "TaintManagerEviction", message)
        try:
            await self._boss.client.delete(
                builtins.PODS,
                request.name,
                namespace=request.namespace,
                cluster=request.cluster,
                uid=objects.uid(pod),
            )
        except errors.StatusError as error:
            if error.code not in (404, 409):
                raise
        return outcome.DONE


def _executing(node: objects.Object) -> list[dict[str, Any]]:
    taints = (node.get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if taint.get("effect") == "NoExecute"]
