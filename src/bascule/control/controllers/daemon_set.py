"""DaemonSet: one pod on every node that it fits. `decide`, `fits` and `status_of` are pure.

Pods are bound by the scheduler through a node affinity on the node's name, as upstream does. Rolling update replaces
at most maxUnavailable at once; surge is not supported yet.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.client import faults
from bascule.control.controllers import (
    claims,
    creation,
    history,
    removal,
    replica_set,
    revisions,
    sources,
    taint_eviction,
)
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, labels, objects

HASH = "controller-revision-hash"
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


@dataclass(frozen=True)
class Plan:
    create: list[str] = field(default_factory=list)
    delete: list[objects.Object] = field(default_factory=list)


def tolerations(spec: objects.Object) -> list[dict[str, Any]]:
    """Those of the template and those every daemon has."""
    own = list(((spec.get("template") or {}).get("spec") or {}).get("tolerations") or ())
    return own + [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]


def fits(daemon_set: objects.Object, node: objects.Object) -> tuple[bool, bool]:
    """(a pod should be placed there, a pod that is there may stay)."""
    spec = daemon_set.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or {}
    if not (template.get("nodeSelector") or {}).items() <= objects.labels(node).items():
        return False, False
    if template.get("nodeName") and template["nodeName"] != objects.name(node):
        return False, False
    required = ((template.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if required and not any(_term(term, node) for term in required.get("nodeSelectorTerms") or ()):
        return False, False
    refused = [
        taint.get("effect")
        for taint in (node.get("spec") or {}).get("taints") or ()
        if not any(taint_eviction.tolerates(one, taint) for one in tolerations(spec))
    ]
    return not set(refused) & {"NoSchedule", "NoExecute"}, "NoExecute" not in refused


def _term(term: objects.Object, node: objects.Object) -> bool:
    parts = [(term.get("matchExpressions"), objects.labels(node))]
    parts.append((term.get("matchFields"), {"metadata.name": objects.name(node)}))
    if not any(expressions for expressions, _ in parts):
        return False
    return all(_expression(each, of) for expressions, of in parts for each in expressions or ())


def _expression(expression: objects.Object, of: dict[str, str]) -> bool:
    value, values = of.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not value.isdigit():
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return False


def target(pod: objects.Object) -> str:
    """The node a daemon's pod is for, bound or not yet."""
    spec = pod_facts.spec(pod)
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for one in term.get("matchFields") or ():
            if one.get("key") == "metadata.name" and one.get("values"):
                return str(one["values"][0])
    return ""


def decide(
    daemon_set: objects.Object,
    nodes: Iterable[objects.Object],
    own: Sequence[objects.Object],
    revision: str,
    now: datetime,
) -> Plan:
    if objects.deletion_timestamp(daemon_set) is not None:
        return Plan()
    spec = daemon_set.get("spec") or {}
    by_node: dict[str, list[objects.Object]] = {}
    for pod in own:
        by_node.setdefault(target(pod), []).append(pod)
    plan, kept, wanted = Plan(), [], 0
    known = set()
    for node in nodes:
        known.add(objects.name(node))
        place, stay = fits(daemon_set, node)
        wanted += place
        there = by_node.get(objects.name(node), [])
        plan.delete.extend(pod for pod in there if pod_facts.finished(pod))
        live = sorted((pod for pod in there if pod_facts.active(pod)), key=_age)
        leaving = any(objects.deletion_timestamp(pod) and not pod_facts.finished(pod) for pod in there)
        if not stay:
            plan.delete.extend(live)
        elif live:
            kept.append(live[0])
            plan.delete.extend(live[1:])
        elif place and not leaving:
            plan.create.append(objects.name(node))
    # Pods of nodes that are gone are pod collection's; those that wait for such a node are ours.
    plan.delete.extend(
        pod for name, there in by_node.items() if name not in known
        for pod in there if not pod_facts.spec(pod).get("nodeName") and pod_facts.active(pod)
    )  # fmt: skip
    plan.delete.extend(_outdated(spec, kept, wanted, revision, now))
    return plan


def _age(pod: objects.Object) -> tuple[str, str]:
    return objects.metadata(pod).get("creationTimestamp") or "", objects.name(pod)


def _outdated(
    spec: objects.Object, kept: Sequence[objects.Object], wanted: int, revision: str, now: datetime
) -> list[objects.Object]:
    """Old pods that may be replaced now: broken ones at once, working ones within maxUnavailable."""
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return []
    value = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
    most = -(-int(value[:-1]) * wanted // 100) if isinstance(value, str) else int(value)
    seconds = spec.get("minReadySeconds") or 0
    old = [pod for pod in kept if objects.labels(pod).get(HASH) != revision]
    working = {objects.uid(pod) for pod in kept if pod_facts.available_in_seconds(pod, seconds, now) == 0}
    broken = [pod for pod in old if objects.uid(pod) not in working]
    room = max(1, most) - (wanted - len(working))
    rest = [pod for pod in old if objects.uid(pod) in working]
    return broken + rest[: max(0, room)]


def status_of(
    daemon_set: objects.Object,
    nodes: Iterable[objects.Object],
    own: Sequence[objects.Object],
    revision: str,
    now: datetime,
) -> objects.Object:
    seconds = (daemon_set.get("spec") or {}).get("minReadySeconds") or 0
    live = {target(pod): pod for pod in own if pod_facts.active(pod)}
    counts = dict.fromkeys(
        ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady",
         "updatedNumberScheduled", "numberAvailable"), 0,
    )  # fmt: skip
    for node in nodes:
        place, _ = fits(daemon_set, node)
        pod = live.get(objects.name(node))
        counts["desiredNumberScheduled"] += place
        if pod is None:
            continue
        counts["currentNumberScheduled" if place else "numberMisscheduled"] += 1
        if place:
            counts["numberReady"] += pod_facts.ready(pod)
            counts["numberAvailable"] += pod_facts.available_in_seconds(pod, seconds, now) == 0
            counts["updatedNumberScheduled"] += objects.labels(pod).get(HASH) == revision
    missing = counts["desiredNumberScheduled"] - counts["numberAvailable"]
    status: dict[str, Any] = {**counts, "observedGeneration": objects.generation(daemon_set)}
    if missing:
        status["numberUnavailable"] = missing
    for optional in ("updatedNumberScheduled", "numberAvailable"):
        if not status[optional]:
            del status[optional]
    if conditions := (daemon_set.get("status") or {}).get("conditions"):
        status["conditions"] = conditions  # Others' words: this controller has none of its own.
    return status


def pod_for(daemon_set: objects.Object, node: str, revision: str) -> objects.Object:
    spec = daemon_set.get("spec") or {}
    pod = replica_set.pod_from_template(daemon_set, spec.get("template"))
    pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), HASH: revision}
    pod["spec"]["tolerations"] = tolerations(spec)
    affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
    field_term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [field_term]}
    return pod


class DaemonSets:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("daemonset-controller")
        self._client = boss.client
        self._sets = sources.owned(boss, builtins.DAEMON_SETS)
        self._pods = sources.pods(boss)
        self._nodes = boss.informer(builtins.NODES)
        self._revisions = sources.owned(boss, builtins.CONTROLLER_REVISIONS)
        self._nodes.add_index("cluster", lambda node: [objects.cluster(node)])
        self._expected = expectations.Expectations(boss.clock)
        self._pods.on_change(self._observe)
        self.controller = boss.controller("daemonsets", self.reconcile, of=builtins.DAEMON_SETS, workers=4)
        self.controller.watch(self._sets)
        self.controller.watch(self._pods, controller.controller_key("DaemonSet"))
        self.controller.watch(self._nodes, self._sets_of_node)
        self.controller.wait_for(self._revisions)

    def _observe(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        for obj in (old, new):
            for key in controller.controller_key("DaemonSet")(type_, None, obj):
                if type_ == "ADDED":
                    self._expected.created(key)
                if obj and (type_ == "DELETED" or objects.deletion_timestamp(obj) is not None):
                    self._expected.deleted(key, objects.uid(obj))

    def _sets_of_node(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        facts = [(objects.labels(one), (one.get("spec") or {}).get("taints")) if one else None for one in (old, new)]
        current = new or old
        if facts[0] == facts[1] or current is None:
            return []
        return [key for key in self._sets.store if key.cluster == objects.cluster(current)]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        daemon_set = self._sets.store.get(request)
        if daemon_set is None:
            self._expected.forget(request)
            return outcome.DONE
        selector = labels.from_label_selector((daemon_set.get("spec") or {}).get("selector"))
        claim = claims.decide(daemon_set, selector, sources.claimable(self._pods, daemon_set))
        own = await claims.settle(
            self._client, claim, owner=daemon_set, owner_resource=builtins.DAEMON_SETS, resource=builtins.PODS
        )
        nodes = self._nodes.by_index("cluster", request.cluster)
        revision = revisions.template_hash(revisions.template_of(daemon_set), 0)
        now = self._boss.clock.now()
        if objects.deletion_timestamp(daemon_set) is None:
            known = self._revisions.by_index(sources.OWNER, objects.uid(daemon_set))
            in_use = frozenset(f"{request.name}-{objects.labels(pod).get(HASH)}" for pod in own)
            past = history.decide(daemon_set, known, in_use)
            await history.settle(self._client, past, request.cluster)
        refusal: Exception | None = None
        if self._expected.met(request):
            plan = decide(daemon_set, nodes, own, revision, now)
            await asyncio.gather(*(self._delete(request, daemon_set, pod) for pod in plan.delete))
            try:
                for node in plan.create:
                    await self._create(request, daemon_set, pod_for(daemon_set, node, revision))
            except (errors.StatusError, faults.Unreachable) as error:
                refusal = error
        status = status_of(daemon_set, nodes, own, revision, now)
        if status != (daemon_set.get("status") or {}):
            await self._client.update_status(builtins.DAEMON_SETS, {**daemon_set, "status": status})
        if refusal is not None:
            creation.tell(self._events, daemon_set, refusal)
            raise refusal
        return outcome.DONE

    async def _create(self, request: Request, daemon_set: objects.Object, pod: objects.Object) -> None:
        self._expected.expect_creation(request)
        try:
            made = await self._client.create(builtins.PODS, pod, cluster=request.cluster)
        except (errors.StatusError, faults.Unreachable):
            self._expected.created(request)
            raise
        message = f"Created pod: {objects.name(made)}"
        self._events.record(daemon_set, events.NORMAL, "SuccessfulCreate", message)

    async def _delete(self, request: Request, daemon_set: objects.Object, pod: objects.Object) -> None:
        uid = objects.uid(pod)
        self._expected.expect_deletion(request, uid)
        try:
            gone = await removal.delete_pod(self._client, pod)
        except (errors.StatusError, faults.Unreachable):
            self._expected.deleted(request, uid)
            raise
        if not gone:
            self._expected.deleted(request, uid)
            return
        message = f"Deleted pod: {objects.name(pod)}"
        self._events.record(daemon_set, events.NORMAL, "SuccessfulDelete", message)
