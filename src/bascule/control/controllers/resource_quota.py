"""ResourceQuota status: what a namespace holds of what its quotas count. `decide` and `counted` are pure.

Admission never asks this: it counts for itself, exactly. What is published here is for people and clients; pods,
services and claims are counted as they change, other kinds by number alone and a few seconds late.
"""

from collections.abc import Iterable, Mapping, Sequence

import orjson

from bascule.client import discovery
from bascule.control.access.admission import quota_usage
from bascule.control.controllers import sources
from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects, resources

Kind = tuple[str, str]
"""(group, plural)"""

_COUNT_AGAIN_SECONDS = 3.0
_PODS, _SERVICES, _CLAIMS = ("", "pods"), ("", "services"), ("", "persistentvolumeclaims")
_WATCHED = {_PODS: builtins.PODS, _SERVICES: builtins.SERVICES, _CLAIMS: builtins.PERSISTENT_VOLUME_CLAIMS}
_BY_NUMBER = ("configmaps", "secrets", "replicationcontrollers", "resourcequotas")


def counted(name: str) -> Kind:
    """The kind whose objects a quota resource counts, for example `services` for `services.nodeports`."""
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return group, plural
    if name in _BY_NUMBER:
        return "", name
    if name == "services" or name.startswith("services."):
        return _SERVICES
    if name in ("persistentvolumeclaims", "requests.storage") or ".storageclass.storage.k8s.io/" in name:
        return _CLAIMS
    return _PODS


def decide(
    quota: objects.Object, held: Mapping[Kind, Sequence[objects.Object]], numbers: Mapping[Kind, int]
) -> objects.Object:
    """The status. `held` has the objects of kinds that are watched, `numbers` how many there are of the others."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    used = dict.fromkeys(hard, 0)
    for (group, plural), items in held.items():
        for item in items:
            if not quota_usage.in_scope(quota, group, plural, item):
                continue
            for name, amount in quota_usage.of(group, plural, item).items():
                if name in used:
                    used[name] += amount
    for name in used:
        number = numbers.get(counted(name))
        if number is not None:
            used[name] = number * quota_usage.BILLION
    return {"hard": dict(hard), "used": {name: quota_usage.text(name, amount) for name, amount in used.items()}}


class ResourceQuotas:
    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._quotas = sources.owned(boss, builtins.RESOURCE_QUOTAS)
        self._held = {kind: sources.owned(boss, row) for kind, row in _WATCHED.items()}
        self._rows: dict[tuple[str, Kind], resources.Resource] = {}
        self.controller = boss.controller("resource-quota", self.reconcile, of=builtins.RESOURCE_QUOTAS)
        self.controller.watch(self._quotas)
        for source in self._held.values():
            self.controller.watch(source, self._quotas_beside)

    def _quotas_beside(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        current = new or old
        if current is None:
            return []
        place = (objects.cluster(current), objects.namespace(current))
        return [objects.key(quota) for quota in self._quotas.by_index(sources.PLACE, place)]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        quota = self._quotas.store.get(request)
        if quota is None or objects.deletion_timestamp(quota) is not None:
            return outcome.DONE
        kinds = {counted(name) for name in (quota.get("spec") or {}).get("hard") or {}}
        place = (request.cluster, request.namespace)
        held = {kind: source.by_index(sources.PLACE, place) for kind, source in self._held.items() if kind in kinds}
        numbers = {kind: await self._number(kind, *place) for kind in sorted(kinds - held.keys())}
        status = decide(quota, held, numbers)
        if status != (quota.get("status") or {}):
            await self._client.update_status(builtins.RESOURCE_QUOTAS, {**quota, "status": status})
        return outcome.RetryAfter(_COUNT_AGAIN_SECONDS) if numbers else outcome.DONE

    async def _number(self, kind: Kind, cluster: str, namespace: str) -> int:
        """How many there are; none of a kind that is not served."""
        row = await self._row(kind, cluster)
        if row is None:
            return 0
        try:
            first = orjson.loads(
                await self._client.raw("GET", row.path(namespace, cluster=cluster), query={"limit": "1"})
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise
            self._rows.pop((cluster, kind), None)
            return 0
        return len(first.get("items") or ()) + (first["metadata"].get("remainingItemCount") or 0)

    async def _row(self, kind: Kind, cluster: str) -> resources.Resource | None:
        built_in = next((row for row in builtins.REGISTRY if (row.group, row.plural) == kind), None)
        if built_in is not None:
            return built_in
        if (cluster, kind) not in self._rows:
            found = await discovery.discover(self._client, cluster=cluster)
            for row in discovery.preferred(found.rows):
                self._rows[cluster, (row.group, row.plural)] = row
        return self._rows.get((cluster, kind))
