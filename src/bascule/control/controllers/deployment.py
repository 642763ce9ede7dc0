"""Deployment: moves from one pod template to the next through ReplicaSets, one step at a time.

`decide` is pure: what to do next given the sets. Each step is one reconcile; the ReplicaSets' own changes bring the
next. Rollback is nothing of its own: `kubectl rollout undo` puts an old template back, and its set is found again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bascule.control.controllers import claims, progress, revisions, rolling, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, labels, objects


@dataclass(frozen=True)
class Step:
    """`create`: make the set of the current template with so many replicas; `sizes`: new sizes by set's name."""

    create: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    delete: list[objects.Object] = field(default_factory=list)


def decide(
    deployment: objects.Object,
    new: objects.Object | None,
    old: Sequence[objects.Object],
    *,
    old_pods_left: bool,
    now: datetime,
) -> Step:
    """`old_pods_left`: whether any pod of an old set has not finished yet (Recreate waits for them)."""
    if objects.deletion_timestamp(deployment) is not None:
        return Step()
    spec = deployment.get("spec") or {}
    limits = rolling.bounds(deployment)
    current = revisions.as_set(new, now) if new else None
    others = [revisions.as_set(one, now) for one in old]
    recreate = (spec.get("strategy") or {}).get("type") == "Recreate"
    everyone = [*([new] if new else []), *old]
    if spec.get("paused") or revisions.resized(everyone, limits.wanted):
        sizes = rolling.rescale(current, others, limits, rolling=not recreate)
        return Step(sizes=sizes, delete=revisions.to_clean(deployment, old) if spec.get("paused") else [])
    if recreate:
        live = {one.name: 0 for one in others if one.replicas > 0}
        if live or old_pods_left:
            return Step(sizes=live)
        grown = limits.wanted
    else:
        grown = rolling.grow_new(current or rolling.Set("", 0), others, limits)
    if current is None:
        return Step(create=grown)
    if grown != current.replicas:
        return Step(sizes={current.name: grown})
    shrunk = {} if recreate else rolling.shrink_old(current, others, limits)
    if shrunk:
        return Step(sizes=shrunk)
    if progress.complete(deployment, deployment.get("status") or {}):
        return Step(delete=revisions.to_clean(deployment, old))
    return Step()


class Deployments:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("deployment-controller")
        self._client = boss.client
        self._deployments = sources.owned(boss, builtins.DEPLOYMENTS)
        self._sets = sources.owned(boss, builtins.REPLICA_SETS)
        self._pods = sources.pods(boss)
        self.controller = boss.controller("deployments", self.reconcile, of=builtins.DEPLOYMENTS, workers=8)
        self.controller.watch(self._deployments)
        self.controller.watch(self._sets, controller.controller_key("Deployment"))
        self.controller.watch(self._sets, self._possible_owners)
        self.controller.watch(self._pods, self._pod_gone)

    def _possible_owners(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        if new is None or objects.controller_of(new) is not None:
            return []
        place = (objects.cluster(new), objects.namespace(new))
        return [
            objects.key(one)
            for one in self._deployments.by_index(sources.PLACE, place)
            if _selector(one).matches(objects.labels(new))
        ]

    def _pod_gone(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        """Recreate waits for the last old pod."""
        if new is not None or old is None:
            return []
        place = (objects.cluster(old), objects.namespace(old))
        reference = objects.controller_of(old)
        owner = self._sets.store.get(Request(*place, reference["name"])) if reference else None
        above = objects.controller_of(owner) if owner else None
        return [Request(*place, above["name"])] if above and above.get("kind") == "Deployment" else []

    async def reconcile(self, request: Request) -> outcome.Outcome:
        deployment = self._deployments.store.get(request)
        if deployment is None:
            return outcome.DONE
        if _selector(deployment) == labels.EVERYTHING:
            return outcome.GiveUp("the selector is empty: it would take every pod of the namespace")
        claim = claims.decide(deployment, _selector(deployment), sources.claimable(self._sets, deployment))
        sets = await claims.settle(
            self._client,
            claim,
            owner=deployment,
            owner_resource=builtins.DEPLOYMENTS,
            resource=builtins.REPLICA_SETS,
        )
        new = revisions.find_new(deployment, sets)
        old = [one for one in sets if one is not new]
        now = self._boss.clock.now()
        step = decide(deployment, new, old, old_pods_left=self._pods_left(old), now=now)
        created = None
        if step.create is not None:
            new, created = await self._create(deployment, old, step.create)
            if new is None:
                return outcome.RetryAfter(0.1)
        elif new is not None:
            new = await self._keep_new(deployment, new, old, step.sizes.get(objects.name(new)))
        old = [await self._resize(deployment, one, step.sizes.get(objects.name(one))) for one in old]
        for one in step.delete:
            await self._delete(one)
        deployment = await self._mark_revision(deployment, new)
        status = progress.status_of(deployment, new, old, now, created=created)
        if status != (deployment.get("status") or {}):
            fresh = {**deployment, "status": status}
            deployment = await self._client.update_status(builtins.DEPLOYMENTS, fresh)
        later = progress.check_in_seconds(deployment, now)
        return outcome.RetryAfter(later) if later else outcome.DONE

    def _pods_left(self, sets: Iterable[objects.Object]) -> bool:
        return any(
            not pod_facts.finished(pod) for one in sets for pod in self._pods.by_index(sources.OWNER, objects.uid(one))
        ) or any((one.get("status") or {}).get("replicas") for one in sets)

    async def _create(
        self, deployment: objects.Object, old: list[objects.Object], replicas: int
    ) -> tuple[objects.Object | None, str | None]:
        """The set and its name if it was made just now; (None, None) after a collision of hashes."""
        body = revisions.new_set(deployment, old, replicas)
        cluster = objects.cluster(deployment)
        try:
            made = await self._client.create(builtins.REPLICA_SETS, body, cluster=cluster)
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            return await self._found_instead(deployment, body), None
        if replicas:
            self._tell_scaled(deployment, objects.name(made), 0, replicas)
        return made, objects.name(made)

    async def _found_instead(self, deployment: objects.Object, body: objects.Object) -> objects.Object | None:
        """Our own set that the cache does not show yet; or a stranger, and then the hash must change."""
        key = objects.key(deployment)
        there = await self._client.get(
            builtins.REPLICA_SETS, objects.name(body), namespace=key.namespace, cluster=key.cluster
        )
        owner = objects.controller_of(there) or {}
        same = revisions.template_of(there) == revisions.template_of(deployment)
        if owner.get("uid") == objects.uid(deployment) and same:
            return there
        status = dict(deployment.get("status") or {})
        status["collisionCount"] = (status.get("collisionCount") or 0) + 1
        await self._client.update_status(builtins.DEPLOYMENTS, {**deployment, "status": status})
        return None

    async def _keep_new(
        self,
        deployment: objects.Object,
        new: objects.Object,
        old: list[objects.Object],
        replicas: int | None,
    ) -> objects.Object:
        """Revision, copied annotations and minReadySeconds of the current set, and its size."""
        revision = revisions.next_number(old)
        annotations = revisions.annotations_for(deployment, objects.annotations(new), revision)
        ready_seconds = (deployment.get("spec") or {}).get("minReadySeconds") or 0
        same = annotations == objects.annotations(new)
        if same and ready_seconds == ((new.get("spec") or {}).get("minReadySeconds") or 0):
            return await self._resize(deployment, new, replicas)
        fresh = objects.deep_copy(new)
        fresh["metadata"]["annotations"] = annotations
        fresh["spec"]["minReadySeconds"] = ready_seconds
        updated = await self._client.update(builtins.REPLICA_SETS, fresh)
        return await self._resize(deployment, updated, replicas)

    async def _resize(self, deployment: objects.Object, one: objects.Object, replicas: int | None) -> objects.Object:
        """To `replicas` (None: as it is); notes in either case which size of the Deployment it reflects."""
        before = (one.get("spec") or {}).get("replicas") or 0
        after = before if replicas is None else replicas
        notes = revisions.size_annotations(rolling.bounds(deployment))
        noted = notes.items() <= objects.annotations(one).items()
        if after == before and (noted or not before):
            return one
        fresh = objects.deep_copy(one)
        fresh["spec"]["replicas"] = after
        fresh["metadata"]["annotations"] = objects.annotations(fresh) | notes
        updated = await self._client.update(builtins.REPLICA_SETS, fresh)
        if after != before:
            self._tell_scaled(deployment, objects.name(one), before, after)
        return updated

    async def _delete(self, one: objects.Object) -> None:
        key = objects.key(one)
        try:
            await self._client.delete(
                builtins.REPLICA_SETS,
                key.name,
                namespace=key.namespace,
                cluster=key.cluster,
                uid=objects.uid(one),
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise

    async def _mark_revision(self, deployment: objects.Object, new: objects.Object | None) -> objects.Object:
        revision = objects.annotations(new).get(revisions.REVISION) if new else None
        if revision is None or objects.annotations(deployment).get(revisions.REVISION) == revision:
            return deployment
        key = objects.key(deployment)
        body = {"metadata": {"uid": objects.uid(deployment), "annotations": {revisions.REVISION: revision}}}
        # By way of the status, so that the note does not make a new generation.
        return await self._client.patch(
            builtins.DEPLOYMENTS,
            key.name,
            body,
            namespace=key.namespace,
            cluster=key.cluster,
            subresource="status",
        )

    def _tell_scaled(self, deployment: objects.Object, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self._events.record(deployment, events.NORMAL, "ScalingReplicaSet", message)


def _selector(deployment: objects.Object) -> labels.Selector:
    return labels.from_label_selector((deployment.get("spec") or {}).get("selector"))
