"""ClusterRoles with an aggregation rule show the rules of what they select. `decide` is pure.

Authorization does not wait for this: it evaluates the selectors itself. The rules are written for people and for tools
that read them.
"""

from collections.abc import Iterable, Sequence

from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, labels, objects


def decide(role: objects.Object, others: Iterable[objects.Object]) -> list[objects.Object]:
    """The rules of all roles that `role` selects, each once, in the order of the roles' names."""
    selectors = [
        labels.from_label_selector(selector)
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
        if selector is not None
    ]
    rules: list[objects.Object] = []
    for other in sorted(others, key=objects.name):
        if objects.name(other) == objects.name(role) or not any(s.matches(objects.labels(other)) for s in selectors):
            continue
        rules += [rule for rule in other.get("rules") or () if rule and rule not in rules]
    return rules


class ClusterRoleAggregation:
    """Any change of a ClusterRole may concern every aggregating one of its cluster; there are few."""

    def __init__(self, boss: manager.Manager) -> None:
        self._client = boss.client
        self._roles = boss.informer(builtins.CLUSTER_ROLES)
        self.controller = boss.controller("cluster-role-aggregation", self.reconcile, of=builtins.CLUSTER_ROLES)
        self.controller.watch(self._roles, self._aggregating)

    def _aggregating(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> Sequence[Request]:
        current = new or old
        if current is None:
            return []
        return [objects.key(role) for role in self._of(objects.cluster(current)) if role.get("aggregationRule")]

    def _of(self, cluster: str) -> list[objects.Object]:
        return [role for key, role in self._roles.store.items() if key.cluster == cluster]

    async def reconcile(self, request: Request) -> outcome.Outcome:
        role = self._roles.store.get(request)
        if role is None or not role.get("aggregationRule") or objects.deletion_timestamp(role) is not None:
            return outcome.DONE
        wanted = decide(role, self._of(request.cluster))
        if wanted == (role.get("rules") or []):
            return outcome.DONE
        try:
            await self._client.update(builtins.CLUSTER_ROLES, {**objects.deep_copy(role), "rules": wanted})
        except errors.StatusError as error:
            if error.code != 404:
                raise
        return outcome.DONE
