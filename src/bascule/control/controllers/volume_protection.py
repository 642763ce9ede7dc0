"""Claims and volumes outlive their use: the finalizers that admission gives them go when nobody uses them any more.

`claims_of` and `releasable` are pure. A claim is used by every pod that names it, on a node and not yet finished; a
volume by the claim it is bound to.
"""

from collections.abc import Iterable

from bascule.client import informer
from bascule.control.controllers import pods as pod_facts
from bascule.control.controllers import sources
from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects, resources

CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


def claims_of(pod: objects.Object) -> list[str]:
    """Names of the claims that a pod's volumes are of, its generic ephemeral volumes included."""
    found = []
    for volume in pod_facts.spec(pod).get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append(volume["persistentVolumeClaim"].get("claimName") or "")
        elif volume.get("ephemeral"):
            found.append(f"{objects.name(pod)}-{volume.get('name')}")
    return found


def uses(pod: objects.Object, claim: str) -> bool:
    placed = bool(pod_facts.spec(pod).get("nodeName"))
    return placed and not pod_facts.finished(pod) and claim in claims_of(pod)


def releasable(obj: objects.Object | None, finalizer: str) -> bool:
    """Whether it is being deleted and still has the finalizer."""
    return obj is not None and objects.deletion_timestamp(obj) is not None and finalizer in objects.finalizers(obj)


class ClaimProtection:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._claims = boss.informer(builtins.PERSISTENT_VOLUME_CLAIMS)
        self._pods = sources.pods(boss)
        self.controller = boss.controller("claim-protection", self.reconcile, of=builtins.PERSISTENT_VOLUME_CLAIMS)
        self.controller.watch(self._claims)
        self.controller.watch(self._pods, _claims_named)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        claim = self._claims.store.get(request)
        if claim is None or not releasable(claim, CLAIM_FINALIZER):
            return outcome.DONE
        # What the informer has not heard of yet counts too: nobody may lose a disk to a stale cache.
        if self._used(self._pods, claim) or await self._used_now(claim):
            return outcome.DONE
        await _release(self._boss, builtins.PERSISTENT_VOLUME_CLAIMS, claim, CLAIM_FINALIZER)
        return outcome.DONE

    def _used(self, pods: informer.Informer, claim: objects.Object) -> bool:
        place = (objects.cluster(claim), objects.namespace(claim))
        return any(uses(pod, objects.name(claim)) for pod in pods.by_index(sources.PLACE, place))

    async def _used_now(self, claim: objects.Object) -> bool:
        found = await self._boss.client.list(
            builtins.PODS, namespace=objects.namespace(claim), cluster=objects.cluster(claim)
        )
        return any(uses(pod, objects.name(claim)) for pod in found["items"])


class VolumeProtection:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._volumes = boss.informer(builtins.PERSISTENT_VOLUMES)
        self.controller = boss.controller("volume-protection", self.reconcile, of=builtins.PERSISTENT_VOLUMES)
        self.controller.watch(self._volumes)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        volume = self._volumes.store.get(request)
        if volume is None or not releasable(volume, VOLUME_FINALIZER):
            return outcome.DONE
        if (volume.get("status") or {}).get("phase") == "Bound":
            return outcome.DONE
        await _release(self._boss, builtins.PERSISTENT_VOLUMES, volume, VOLUME_FINALIZER)
        return outcome.DONE


async def _release(boss: manager.Manager, resource: resources.Resource, obj: objects.Object, finalizer: str) -> None:
    """Takes the finalizer off the very version that was looked at."""
    kept = [name for name in objects.finalizers(obj) if name != finalizer]
    metadata = {"resourceVersion": str(objects.resource_version(obj)), "finalizers": kept or None}
    key = objects.key(obj)
    try:
        await boss.client.patch(
            resource, key.name, {"metadata": metadata}, namespace=key.namespace, cluster=key.cluster
        )
    except errors.StatusError as error:
        if error.code != 404:
            raise


def _claims_named(type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
    current = new or old
    if current is None:
        return []
    return [Request(objects.cluster(current), objects.namespace(current), name) for name in claims_of(current) if name]
