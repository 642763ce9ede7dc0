"""ReplicaSet (and ReplicationController): as many pods as asked for, from the template.

`decide` counts and chooses, `status_of` reports; both pure. The controller never counts while creations or
deletions of its own are not yet seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bascule.client import faults
from bascule.control.controllers import claims, creation, ranking, removal, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, errors, labels, objects, resources

BURST = 500
"""At most so many creations or deletions in one go, as upstream."""


@dataclass(frozen=True)
class Plan:
    create: int
    delete: list[objects.Object]


def decide(
    owner: objects.Object,
    own: Sequence[objects.Object],
    related: Sequence[objects.Object],
    now: datetime,
) -> Plan:
    """`own`: the pods it controls; `related`: those of all ReplicaSets with the same owner."""
    if objects.deletion_timestamp(owner) is not None:
        return Plan(0, [])
    active = [pod for pod in own if pod_facts.active(pod)]
    missing = _replicas(owner) - len(active)
    if missing >= 0:
        return Plan(min(missing, BURST), [])
    return Plan(0, ranking.to_delete(active, related, min(-missing, BURST), now))


def _replicas(owner: objects.Object) -> int:
    wanted = (owner.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def pod_from_template(owner: objects.Object, template: objects.Object | None) -> objects.Object:
    source = objects.deep_copy(template or {})
    metadata: dict[str, Any] = {
        "generateName": f"{objects.name(owner)}-",
        "namespace": objects.namespace(owner),
        "ownerReferences": [objects.owner_reference(owner)],
    }
    for field in ("labels", "annotations", "finalizers"):
        if (source.get("metadata") or {}).get(field):
            metadata[field] = source["metadata"][field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": source.get("spec") or {}}


def status_of(
    owner: objects.Object, own: Sequence[objects.Object], failure: str | None, now: datetime
) -> tuple[objects.Object, float | None]:
    """The status, and in how many seconds it will change by time alone (None: it will not)."""
    spec, old = owner.get("spec") or {}, owner.get("status") or {}
    active = [pod for pod in own if pod_facts.active(pod)]
    wanted = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    waits = [pod_facts.available_in_seconds(pod, spec.get("minReadySeconds") or 0, now) for pod in active]
    status: dict[str, Any] = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(wanted.items() <= objects.labels(pod).items() for pod in active),
        "readyReplicas": sum(pod_facts.ready(pod) for pod in active),
        "availableReplicas": sum(wait == 0 for wait in waits),
        "observedGeneration": objects.generation(owner),
    }
    if owner["kind"] == "ReplicaSet":
        status["terminatingReplicas"] = sum(
            objects.deletion_timestamp(pod) is not None and not pod_facts.finished(pod) for pod in own
        )
    kept = [dict(item) for item in old.get("conditions") or () if item.get("type") != "ReplicaFailure"]
    if failure is not None:
        before = conditions.find(old.get("conditions"), "ReplicaFailure")
        kept += [dict(before)] if before else []
        reason = "FailedCreate" if len(active) < _replicas(owner) else "FailedDelete"
        conditions.set_condition(kept, "ReplicaFailure", "True", reason, failure, now)
    if kept:
        status["conditions"] = kept
    later = [wait for wait in waits if wait]
    return status, min(later, default=None)


async def slow_start(count: int, act: Callable[[], Awaitable[None]]) -> tuple[int, Exception | None]:
    """Acts in batches of 1, 2, 4, …; stops after the first batch with a failure, so that a quota or a broken
    template costs one refused request and not five hundred. How many succeeded, and the first failure.
    """
    succeeded, batch = 0, 1
    while succeeded < count:
        size = min(batch, count - succeeded)
        answers = await asyncio.gather(*(act() for _ in range(size)), return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        succeeded += size - len(failed)
        for error in failed:
            if not isinstance(error, Exception):
                raise error
            return succeeded, error
        batch *= 2
    return succeeded, None


_VOICES = {"replicasets": "replicaset-controller", "replicationcontrollers": "replication-controller"}
"""Under which names Events tell of their owners."""


class Replicas:
    """The controller of one of the two kinds."""

    def __init__(self, boss: manager.Manager, resource: resources.Resource = builtins.REPLICA_SETS) -> None:
        self._boss = boss
        self._events = boss.recorder.voice(_VOICES[resource.plural])
        self._client = boss.client
        self._resource = resource
        self._owners = sources.owned(boss, resource)
        self._pods = sources.pods(boss)
        self._expected = expectations.Expectations(boss.clock)
        self.controller = boss.controller(resource.plural, self.reconcile, of=resource, workers=8)
        # Before the queue hears of a pod, the expectation it meets must be gone.
        self._pods.on_change(self._observe)
        self.controller.watch(self._owners)
        self.controller.watch(self._pods, controller.controller_key(resource.kind))
        self.controller.watch(self._pods, self._possible_owners)

    def _observe(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        for obj in (old, new):
            reference = objects.controller_of(obj) if obj else None
            if not obj or not reference or reference.get("kind") != self._resource.kind:
                continue
            key = Request(objects.cluster(obj), objects.namespace(obj), reference["name"])
            if type_ == "ADDED":
                self._expected.created(key)
            if type_ == "DELETED" or objects.deletion_timestamp(obj) is not None:
                self._expected.deleted(key, objects.uid(obj))

    def _possible_owners(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> list[Request]:
        """An orphan may be anybody's whose selector matches."""
        pod = new
        if pod is None or objects.controller_of(pod) is not None or objects.deletion_timestamp(pod):
            return []
        place = (objects.cluster(pod), objects.namespace(pod))
        return [
            objects.key(owner)
            for owner in self._owners.by_index(sources.PLACE, place)
            if self._selector(owner).matches(objects.labels(pod))
        ]

    def _selector(self, owner: objects.Object) -> labels.Selector:
        selector = (owner.get("spec") or {}).get("selector")
        if self._resource.kind == "ReplicationController":
            selector = {"matchLabels": selector} if selector else None
        if not selector:
            return labels.from_label_selector(None)
        return labels.from_label_selector(selector)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        owner = self._owners.store.get(request)
        if owner is None:
            self._expected.forget(request)
            return outcome.DONE
        candidates = sources.claimable(self._pods, owner)
        claim = claims.decide(owner, self._selector(owner), candidates)
        own = await claims.settle(
            self._client, claim, owner=owner, owner_resource=self._resource, resource=builtins.PODS
        )
        failure: Exception | None = None
        if self._expected.met(request):
            plan = decide(owner, own, self._related(owner, own), self._boss.clock.now())
            failure = await self._carry_out(request, owner, plan)
        later = await self._write_status(owner, own, failure)
        if failure is not None:
            raise failure
        return outcome.RetryAfter(later) if later else outcome.DONE

    def _related(self, owner: objects.Object, own: list[objects.Object]) -> list[objects.Object]:
        reference = objects.controller_of(owner)
        if reference is None:
            return own
        siblings = self._owners.by_index(sources.OWNER, reference["uid"])
        return [pod for sibling in siblings for pod in self._pods.by_index(sources.OWNER, objects.uid(sibling))]

    async def _carry_out(self, key: Request, owner: objects.Object, plan: Plan) -> Exception | None:
        if plan.create:
            return await self._create(key, owner, plan.create)
        if plan.delete:
            answers = await asyncio.gather(
                *(self._delete(key, owner, pod) for pod in plan.delete), return_exceptions=True
            )
            return next((answer for answer in answers if isinstance(answer, Exception)), None)
        return None

    async def _create(self, key: Request, owner: objects.Object, count: int) -> Exception | None:
        pod = pod_from_template(owner, (owner.get("spec") or {}).get("template"))

        async def create_one() -> None:
            self._expected.expect_creation(key)
            try:
                made = await self._client.create(builtins.PODS, pod, cluster=key.cluster)
            except (errors.StatusError, faults.Unreachable):
                self._expected.created(key)
                raise
            message = f"Created pod: {objects.name(made)}"
            self._events.record(owner, events.NORMAL, "SuccessfulCreate", message)

        _, failure = await slow_start(count, create_one)
        if isinstance(failure, errors.StatusError):
            if creation.is_for_the_end(failure):
                return None
            creation.tell(self._events, owner, failure)
        return failure

    async def _delete(self, key: Request, owner: objects.Object, pod: objects.Object) -> None:
        uid = objects.uid(pod)
        self._expected.expect_deletion(key, uid)
        try:
            gone = await removal.delete_pod(self._client, pod)
        except (errors.StatusError, faults.Unreachable):
            self._expected.deleted(key, uid)
            raise
        if not gone:
            self._expected.deleted(key, uid)
            return
        message = f"Deleted pod: {objects.name(pod)}"
        self._events.record(owner, events.NORMAL, "SuccessfulDelete", message)

    async def _write_status(
        self, owner: objects.Object, own: list[objects.Object], failure: Exception | None
    ) -> float | None:
        status, later = status_of(owner, own, str(failure) if failure else None, self._boss.clock.now())
        if status != (owner.get("status") or {}):
            fresh = objects.deep_copy(owner)
            fresh["status"] = status
            await self._client.update_status(self._resource, fresh)
        return later
