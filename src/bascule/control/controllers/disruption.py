"""PodDisruptionBudget status: how many of the selected pods may be evicted now. `decide` is pure.

The eviction subresource spends the budget and notes each pod in `disruptedPods`; notes are dropped once the pod is
gone or after two minutes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bascule.control.controllers import pods as pod_facts
from bascule.control.controllers import sources
from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, labels, objects, timestamps

_NOTE_LIFETIME = timedelta(minutes=2)


def decide(budget: objects.Object, pods: Sequence[objects.Object], expected: int, now: datetime) -> objects.Object:
    """The status. `pods` are those selected, `expected` how many their controllers want."""
    spec, before = budget.get("spec") or {}, budget.get("status") or {}
    if spec.get("maxUnavailable") is not None:
        desired = max(0, expected - _portion(spec["maxUnavailable"], expected))
    else:
        wanted = spec.get("minAvailable", 1)
        desired = _portion(wanted, expected)
        if not isinstance(wanted, str):
            expected = len(pods)
    there = {objects.name(pod): pod for pod in pods}
    notes = {
        name: moment
        for name, moment in (before.get("disruptedPods") or {}).items()
        if name in there
        and objects.deletion_timestamp(there[name]) is None
        and now - timestamps.parse(moment) < _NOTE_LIFETIME
    }
    healthy = sum(
        pod_facts.ready(pod) and objects.deletion_timestamp(pod) is None and objects.name(pod) not in notes
        for pod in pods
    )
    allowed = max(0, healthy - desired) if expected > 0 else 0
    items = [dict(item) for item in before.get("conditions") or ()]
    reason = "SufficientPods" if allowed else "InsufficientPods"
    conditions.set_condition(items, "DisruptionAllowed", "True" if allowed else "False", reason, "", now)
    for item in items:
        item["observedGeneration"] = objects.generation(budget)
    status: dict[str, Any] = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "observedGeneration": objects.generation(budget),
        "conditions": items,
    }
    if notes:
        status["disruptedPods"] = notes
    return status


def _portion(value: object, of: int) -> int:
    """Percentages round up, as upstream."""
    if isinstance(value, str) and value.endswith("%"):
        return -(-int(value[:-1]) * of // 100)
    return int(str(value))


class Disruption:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._budgets = sources.owned(boss, builtins.POD_DISRUPTION_BUDGETS)
        self._pods = sources.pods(boss)
        kinds = (builtins.REPLICA_SETS, builtins.STATEFUL_SETS, builtins.REPLICATION_CONTROLLERS)
        self._owners = {kind.kind: sources.owned(boss, kind) for kind in kinds}
        self.controller = boss.controller("disruption", self.reconcile, of=builtins.POD_DISRUPTION_BUDGETS)
        self.controller.watch(self._budgets)
        self.controller.watch(self._pods, self._budgets_of)
        for source in self._owners.values():
            self.controller.wait_for(source)

    def _budgets_of(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        return {
            objects.key(budget)
            for pod in (old, new)
            if pod is not None
            for budget in self._budgets.by_index(sources.PLACE, (objects.cluster(pod), objects.namespace(pod)))
            if _selector(budget)(objects.labels(pod))
        }

    async def reconcile(self, request: Request) -> outcome.Outcome:
        budget = self._budgets.store.get(request)
        if budget is None:
            return outcome.DONE
        matches = _selector(budget)
        pods = [
            pod
            for pod in self._pods.by_index(sources.PLACE, (request.cluster, request.namespace))
            if matches(objects.labels(pod)) and not pod_facts.finished(pod)
        ]
        status = decide(budget, pods, self._expected(pods), self._boss.clock.now())
        if status != (budget.get("status") or {}):
            fresh = {**budget, "status": status}
            await self._boss.client.update_status(builtins.POD_DISRUPTION_BUDGETS, fresh)
        return outcome.RetryAfter(_NOTE_LIFETIME.total_seconds()) if status.get("disruptedPods") else outcome.DONE

    def _expected(self, pods: Sequence[objects.Object]) -> int:
        """The sizes of the pods' controllers; a pod without one stands for itself."""
        sizes: dict[str, int] = {}
        for pod in pods:
            reference = objects.controller_of(pod)
            source = self._owners.get(reference.get("kind") or "") if reference else None
            where = Request(objects.cluster(pod), objects.namespace(pod), reference["name"]) if reference else None
            owner = source.store.get(where) if source and where else None
            if owner is None:
                sizes[objects.uid(pod)] = 1
            else:
                sizes[objects.uid(owner)] = (owner.get("spec") or {}).get("replicas") or 0
        return sum(sizes.values())


def _selector(budget: objects.Object) -> Callable[[dict[str, str]], bool]:
    return labels.from_label_selector((budget.get("spec") or {}).get("selector")).matches
