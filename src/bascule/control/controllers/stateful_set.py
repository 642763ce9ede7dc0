"""StatefulSet: pods with names and claims of their own, one after the other.

Invariant: a name is never given to two pods; a pod that was not confirmed gone by its node keeps its name. `decide`
is pure. Claims are made and never deleted (retention policies are not supported yet).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.client import faults
from bascule.control.controllers import claims, creation, history, removal, replica_set, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, labels, objects, resources

REVISION = "controller-revision-hash"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


@dataclass(frozen=True)
class Plan:
    """`create`: (ordinal, revision)."""

    create: list[tuple[int, str]] = field(default_factory=list)
    delete: list[objects.Object] = field(default_factory=list)


def ordinal(owner: objects.Object, pod: objects.Object) -> int:
    """-1 if the pod's name is not of this set."""
    prefix, _, number = objects.name(pod).rpartition("-")
    return int(number) if prefix == objects.name(owner) and number.isdigit() else -1


def _first(spec: objects.Object) -> int:
    return int((spec.get("ordinals") or {}).get("start") or 0)


def _replicas(spec: objects.Object) -> int:
    return 1 if spec.get("replicas") is None else int(spec["replicas"])


def _available(spec: objects.Object, pod: objects.Object, now: datetime) -> bool:
    return pod_facts.active(pod) and pod_facts.available_in_seconds(pod, spec.get("minReadySeconds") or 0, now) == 0


def decide(owner: objects.Object, own: Sequence[objects.Object], current: str, update: str, now: datetime) -> Plan:
    """`current` and `update`: the revisions before and after a rolling update; equal when none is going on."""
    if objects.deletion_timestamp(owner) is not None:
        return Plan()
    spec = owner.get("spec") or {}
    parallel = spec.get("podManagementPolicy") == "Parallel"
    strategy = spec.get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    first, count = _first(spec), _replicas(spec)
    there = {ordinal(owner, pod): pod for pod in own}
    plan = Plan()
    for number in range(first, first + count):
        pod = there.get(number)
        if pod is None:
            revision = update if number - first >= partition else current
            plan.create.append((number, revision))
        elif pod_facts.finished(pod) and objects.deletion_timestamp(pod) is None:
            plan.delete.append(pod)
        elif _available(spec, pod, now):
            continue
        if not parallel:
            return plan if pod is None or plan.delete else _mend(strategy, pod, update, partition, first)
    if plan.create or plan.delete:
        return plan
    surplus = sorted((number for number in there if number >= first + count or number < first), reverse=True)
    if surplus:
        leaving = [pod for pod in own if objects.deletion_timestamp(pod) is not None]
        gone = [there[number] for number in surplus if objects.deletion_timestamp(there[number]) is None]
        return Plan(delete=gone if parallel else gone[: 0 if leaving else 1])
    if strategy.get("type") == "OnDelete":
        return plan
    for number in range(first + count - 1, first + partition - 1, -1):
        pod = there[number]
        if _revision(pod) != update:
            return Plan(delete=[pod] if objects.deletion_timestamp(pod) is None else [])
        if not _available(spec, pod, now):
            return plan
    return plan


def _mend(strategy: objects.Object, pod: objects.Object, update: str, partition: int, first: int) -> Plan:
    """A pod that is not available holds up the others, unless it is an old one that an update would replace."""
    number = int(objects.name(pod).rpartition("-")[2])
    old = _revision(pod) != update
    if strategy.get("type") == "OnDelete" or number - first < partition or not old:
        return Plan()
    return Plan(delete=[pod] if objects.deletion_timestamp(pod) is None else [])


def _revision(pod: objects.Object) -> str:
    return objects.labels(pod).get(REVISION, "")


def pod_for(owner: objects.Object, number: int, revision: str, template: objects.Object) -> objects.Object:
    spec = owner.get("spec") or {}
    pod = replica_set.pod_from_template(owner, template)
    name = f"{objects.name(owner)}-{number}"
    metadata = pod["metadata"]
    del metadata["generateName"]
    metadata["name"] = name
    extra = {POD_NAME: name, POD_INDEX: str(number), REVISION: revision}
    metadata["labels"] = {**(metadata.get("labels") or {}), **extra}
    pod["spec"]["hostname"] = name
    if spec.get("serviceName"):
        pod["spec"]["subdomain"] = spec["serviceName"]
    claimed = {one["metadata"]["name"] for one in spec.get("volumeClaimTemplates") or ()}
    volumes = [one for one in pod["spec"].get("volumes") or () if one.get("name") not in claimed]
    for claim in sorted(claimed):
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}})
    if volumes:
        pod["spec"]["volumes"] = volumes
    return pod


def claims_for(owner: objects.Object, number: int) -> list[objects.Object]:
    made = []
    for template in (owner.get("spec") or {}).get("volumeClaimTemplates") or ():
        claim = objects.deep_copy(template)
        claim["metadata"] = {
            "name": f"{template['metadata']['name']}-{objects.name(owner)}-{number}",
            "namespace": objects.namespace(owner),
            "labels": ((owner.get("spec") or {}).get("selector") or {}).get("matchLabels") or {},
        }
        claim.pop("status", None)
        made.append(claim)
    return made


def status_of(
    owner: objects.Object, own: Sequence[objects.Object], current: str, update: str, now: datetime
) -> objects.Object:
    spec = owner.get("spec") or {}
    live = [pod for pod in own if ordinal(owner, pod) >= 0 and not pod_facts.finished(pod)]
    staying = [pod for pod in live if objects.deletion_timestamp(pod) is None]
    updated = [pod for pod in staying if _revision(pod) == update]
    wanted = _replicas(spec)
    if len(updated) == len(live) == wanted and all(_available(spec, pod, now) for pod in updated):
        current = update
    counts: dict[str, Any] = {
        "replicas": len(live),
        "readyReplicas": sum(pod_facts.ready(pod) for pod in staying),
        "currentReplicas": sum(_revision(pod) == current for pod in staying),
        "updatedReplicas": len(updated),
    }
    status = {key: value for key, value in counts.items() if value or key == "replicas"}
    status |= {
        "observedGeneration": objects.generation(owner),
        "availableReplicas": sum(_available(spec, pod, now) for pod in staying),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    }
    if conditions := (owner.get("status") or {}).get("conditions"):
        status["conditions"] = conditions  # Others' words: this controller has none of its own.
    return status


class StatefulSets:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("statefulset-controller")
        self._client = boss.client
        self._sets = sources.owned(boss, builtins.STATEFUL_SETS)
        self._pods = sources.pods(boss)
        self._revisions = sources.owned(boss, builtins.CONTROLLER_REVISIONS)
        self.controller = boss.controller("statefulsets", self.reconcile, of=builtins.STATEFUL_SETS)
        self.controller.watch(self._sets)
        self.controller.watch(self._pods, controller.controller_key("StatefulSet"))
        self.controller.wait_for(self._revisions)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        owner = self._sets.store.get(request)
        if owner is None:
            return outcome.DONE
        selector = labels.from_label_selector((owner.get("spec") or {}).get("selector"))
        claim = claims.decide(owner, selector, sources.claimable(self._pods, owner))
        own = await claims.settle(
            self._client, claim, owner=owner, owner_resource=builtins.STATEFUL_SETS, resource=builtins.PODS
        )
        known = self._revisions.by_index(sources.OWNER, objects.uid(owner))
        current = (owner.get("status") or {}).get("currentRevision") or ""
        in_use = frozenset({current, *(_revision(pod) for pod in own)})
        past = history.decide(owner, known, in_use)
        if objects.deletion_timestamp(owner) is None:
            await history.settle(self._client, past, request.cluster)
        update, current = past.current, current or past.current
        now = self._boss.clock.now()
        plan = decide(owner, own, current, update, now)
        templates = {objects.name(one): history.template_in(one) for one in known}
        for pod in plan.delete:
            await self._delete(request, owner, pod)
        refusal: Exception | None = None
        try:
            for number, revision in plan.create:
                wanted = revision if revision in templates else update
                await self._create(request, owner, number, wanted, templates)
        except (errors.StatusError, faults.Unreachable) as error:
            refusal = error
        status = status_of(owner, own, current, update, now)
        if status != (owner.get("status") or {}):
            await self._client.update_status(builtins.STATEFUL_SETS, {**owner, "status": status})
        if refusal is not None:
            raise refusal
        return outcome.RetryAfter(1.0) if (owner.get("spec") or {}).get("minReadySeconds") else outcome.DONE

    async def _create(
        self,
        request: Request,
        owner: objects.Object,
        number: int,
        revision: str,
        templates: Mapping[str, objects.Object],
    ) -> None:
        template = templates.get(revision) or (owner.get("spec") or {}).get("template") or {}
        pod = pod_for(owner, number, revision, template)
        try:
            for claim in claims_for(owner, number):
                await self._create_once(builtins.PERSISTENT_VOLUME_CLAIMS, claim, request)
            # The name is the lock: a pod that is there already is simply seen later.
            is_new = await self._create_once(builtins.PODS, pod, request)
        except errors.StatusError as error:
            doing = f"create Pod {objects.name(pod)} in StatefulSet {request.name} failed error"
            creation.tell(self._events, owner, error, doing=doing)
            raise
        if is_new:
            message = f"create Pod {objects.name(pod)} in StatefulSet {request.name} successful"
            self._events.record(owner, events.NORMAL, "SuccessfulCreate", message)

    async def _create_once(self, resource: resources.Resource, body: objects.Object, request: Request) -> bool:
        try:
            await self._client.create(resource, body, cluster=request.cluster)
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            return False
        return True

    async def _delete(self, request: Request, owner: objects.Object, pod: objects.Object) -> None:
        if not await removal.delete_pod(self._client, pod):
            return
        message = f"delete Pod {objects.name(pod)} in StatefulSet {request.name} successful"
        self._events.record(owner, events.NORMAL, "SuccessfulDelete", message)
