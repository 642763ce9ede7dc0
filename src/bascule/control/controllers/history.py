"""ControllerRevisions: the templates a StatefulSet or DaemonSet had, which `kubectl rollout undo` puts back.

`decide` is pure. A revision is named `<owner>-<hash of the template>`; going back to an old template renumbers its
revision instead of making another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bascule.client import api
from bascule.control.controllers import revisions
from bascule.vocabulary import builtins, errors, objects


@dataclass(frozen=True)
class Plan:
    """`current` is the name of the revision of the present template."""

    current: str
    create: objects.Object | None = None
    renumber: objects.Object | None = None
    delete: list[objects.Object] = field(default_factory=list)


def decide(owner: objects.Object, known: Sequence[objects.Object], in_use: frozenset[str]) -> Plan:
    """`known`: its revisions; `in_use`: names of revisions that pods still have."""
    code = revisions.template_hash(revisions.template_of(owner), 0)
    name = f"{objects.name(owner)}-{code}"
    newest = max((one.get("revision") or 0 for one in known), default=0)
    limit = (owner.get("spec") or {}).get("revisionHistoryLimit")
    old = sorted(
        (one for one in known if objects.name(one) not in in_use | {name}), key=lambda one: one.get("revision") or 0
    )
    delete = old[: max(0, len(old) - (10 if limit is None else limit))]
    template = objects.deep_copy((owner.get("spec") or {}).get("template") or {})
    # A copy that somebody made under another name says the same: the newest of them counts, none is made again.
    same = [one for one in known if objects.name(one) == name or template_in(one) == template]
    if same:
        best = max(same, key=lambda one: one.get("revision") or 0)
        stale = any((one.get("revision") or 0) >= (best.get("revision") or 0) for one in known if one not in same)
        return Plan(name, None, {**best, "revision": newest + 1} if stale else None, delete)
    made: objects.Object = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": objects.namespace(owner),
            "labels": {**(template.get("metadata") or {}).get("labels", {}), "controller-revision-hash": code},
            "annotations": _annotations(owner),
            "ownerReferences": [objects.owner_reference(owner)],
        },
        "data": {"spec": {"template": _in_order({**template, "$patch": "replace"})}},
        "revision": newest + 1,
    }
    return Plan(name, made, None, delete)


def _in_order(value: Any) -> Any:
    """With all names in order: who looks for a template's revision compares bytes, as upstream's tests do."""
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    return value


def _annotations(owner: objects.Object) -> dict[str, str]:
    """The owner's, among them the cause of the change that `kubectl rollout history` shows."""
    return {key: value for key, value in objects.annotations(owner).items() if key != objects.CLUSTER_ANNOTATION}


def template_in(revision: objects.Object) -> objects.Object:
    """The pod template a revision holds."""
    template = ((revision.get("data") or {}).get("spec") or {}).get("template") or {}
    return {key: value for key, value in template.items() if key != "$patch"}


async def settle(client: api.Client, plan: Plan, cluster: str) -> None:
    if plan.create is not None:
        try:
            await client.create(builtins.CONTROLLER_REVISIONS, plan.create, cluster=cluster)
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                raise
    if plan.renumber is not None:
        await client.update(builtins.CONTROLLER_REVISIONS, plan.renumber, cluster=cluster)
    for one in plan.delete:
        try:
            await client.delete(
                builtins.CONTROLLER_REVISIONS,
                objects.name(one),
                namespace=objects.namespace(one),
                cluster=cluster,
                uid=objects.uid(one),
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise
