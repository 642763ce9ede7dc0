"""Has the victims of a pod of higher priority go, and says so on all of them.

What fails is not tried again here: the pod is decided anew, and finds its victims still there or gone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bascule.client import faults
from bascule.control.reconcile import events, manager
from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.preempt import Budget, Eviction
from bascule.vocabulary import builtins, conditions, errors, labels, objects
from bascule.vocabulary.clock import Clock
from bascule.vocabulary.objects import Object

MESSAGE = "default-scheduler: preempting to accommodate a higher priority pod"

log = logging.getLogger(__name__)


def budget(obj: Object) -> Budget | None:
    """A PodDisruptionBudget as decisions see it; None for one that cannot be understood."""
    try:
        selector = labels.from_label_selector((obj.get("spec") or {}).get("selector"))
        allowed = int((obj.get("status") or {}).get("disruptionsAllowed") or 0)
    except (ValueError, errors.StatusError, AttributeError, TypeError, KeyError):
        return None
    return Budget(objects.cluster(obj), objects.namespace(obj), selector, allowed)


class Evictor:
    def __init__(self, boss: manager.Manager, clock: Clock) -> None:
        self._client = boss.client
        self._recorder = boss.recorder
        self._clock = clock

    async def evict(self, wanted: Demand, chosen: Eviction, pods: Mapping[objects.Key, Object]) -> None:
        victims = [pod for victim in chosen.victims if (pod := pods.get(victim.key)) is not None]
        for pod in victims:
            if (pod.get("spec") or {}).get("nodeName") and not objects.deletion_timestamp(pod):
                await self._end(pod, wanted, chosen.node)
        try:
            await self._tell(wanted.key, {"nominatedNodeName": chosen.node})
        except (errors.StatusError, faults.Unreachable) as error:
            log.info("could not say where %s waits for room: %s", wanted.key.text(), error)

    async def _end(self, pod: Object, wanted: Demand, node: str) -> None:
        key = objects.key(pod)
        told: list[Object] = []
        conditions.set_condition(told, "DisruptionTarget", "True", "PreemptionByScheduler", MESSAGE, self._clock.now())
        try:
            await self._tell(key, {"conditions": told})
            await self._client.delete(
                builtins.PODS, key.name, namespace=key.namespace, cluster=key.cluster, uid=objects.uid(pod)
            )
        except (errors.StatusError, faults.Unreachable) as error:
            log.info("%s does not go for %s: %s", key.text(), wanted.key.text(), error)
            return
        self._recorder.record(pod, events.NORMAL, "Preempted", f"Preempted by pod {wanted.uid} on node {node}")

    async def _tell(self, key: objects.Key, status: Object) -> None:
        await self._client.patch(
            builtins.PODS,
            key.name,
            {"status": status},
            kind="strategic",
            cluster=key.cluster,
            namespace=key.namespace,
            subresource="status",
        )
