"""Namespace lifecycle: when one is deleted, everything in it goes first, of every kind that is served; then the
finalizer `kubernetes` is taken off.

`decide_status` and `finished` are pure. Kinds come from discovery, custom ones included. A kind that cannot be read
blocks the end (a condition says so): a namespace must not vanish while something in it may remain.

Who deletes a file of objects names the namespace first and its content after: nothing is deleted for them within the
grace, so that they find what they name. Where there is nothing to find, the end comes at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.client import discovery, faults
from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, errors, objects, resources, timestamps

FINALIZER = "kubernetes"
GRACE_SECONDS = 5.0
"""From the deletion to the emptying, as upstream."""
_LOOK_AGAIN_SECONDS = 1.0
_OWN = frozenset({("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")})


@dataclass
class Emptying:
    """What one pass found. `remaining` counts objects by qualified resource; `finalizers` by finalizer."""

    remaining: dict[str, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    undiscovered: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.remaining or self.failures or self.undiscovered)


Visit = Callable[[resources.Resource, Request, Emptying], Awaitable[None]]


def needs_emptying(namespace: objects.Object | None) -> bool:
    if namespace is None or objects.deletion_timestamp(namespace) is None:
        return False
    return FINALIZER in ((namespace.get("spec") or {}).get("finalizers") or ())


def grace_seconds(namespace: objects.Object, now: datetime) -> float:
    """How long what is in a deleted namespace is still left to others. Clocks may differ: never more than the grace."""
    deleted = objects.deletion_timestamp(namespace)
    if deleted is None:
        return GRACE_SECONDS
    passed = (now - timestamps.parse(deleted)).total_seconds()
    return min(max(GRACE_SECONDS - passed, 0.0), GRACE_SECONDS)


def is_own(resource: resources.Resource, obj: objects.Object) -> bool:
    """Whether the platform puts such an object into every namespace, or tells of it: nobody asks for it by name."""
    return resource.plural == "events" or (resource.qualified, objects.name(obj)) in _OWN


def decide_status(namespace: objects.Object, found: Emptying, now: datetime) -> objects.Object:
    """The status to write after a pass; conditions and messages are upstream's."""
    status: dict[str, Any] = {**(namespace.get("status") or {}), "phase": "Terminating"}
    items = [dict(item) for item in status.get("conditions") or ()]

    def put(kind: str, reason: str, message: str, good: tuple[str, str]) -> None:
        if message:
            conditions.set_condition(items, kind, "True", reason, message, now)
        else:
            conditions.set_condition(items, kind, "False", *good, now)

    put(
        "NamespaceDeletionDiscoveryFailure",
        "DiscoveryFailed",
        _joined("Discovery failed for some groups, {} failing: {}", found.undiscovered),
        ("ResourcesDiscovered", "All resources successfully discovered"),
    )
    put(
        "NamespaceDeletionGroupVersionParsingFailure",
        "GroupVersionParsingFailed",
        "",
        ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    )
    put(
        "NamespaceDeletionContentFailure",
        "ContentDeletionFailed",
        _joined("Failed to delete all resource types, {} remaining: {}", found.failures),
        ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    )
    # Upstream joins resource and group by a dot even where the group is empty.
    resources_left = [
        f"{name if '.' in name else name + '.'} has {count} resource instances"
        for name, count in sorted(found.remaining.items())
    ]
    put(
        "NamespaceContentRemaining",
        "SomeResourcesRemain",
        f"Some resources are remaining: {', '.join(resources_left)}" if resources_left else "",
        ("ContentRemoved", "All content successfully removed"),
    )
    held = [f"{name} in {count} resource instances" for name, count in sorted(found.finalizers.items())]
    put(
        "NamespaceFinalizersRemaining",
        "SomeFinalizersRemain",
        f"Some content in the namespace has finalizers remaining: {', '.join(held)}" if held else "",
        ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    )
    status["conditions"] = items
    return status


def _joined(text: str, parts: Sequence[str]) -> str:
    return text.format(len(parts), ", ".join(parts)) if parts else ""


def finished(namespace: objects.Object) -> objects.Object:
    """The namespace without our finalizer, to be put to `finalize`."""
    fresh: objects.Object = objects.deep_copy(namespace)
    spec = fresh.setdefault("spec", {})
    spec["finalizers"] = [one for one in spec.get("finalizers") or () if one != FINALIZER]
    return fresh


class Namespaces:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._client = boss.client
        self._namespaces = boss.informer(builtins.NAMESPACES)
        self.controller = boss.controller(
            "namespaces", self.reconcile, of=builtins.NAMESPACES, workers=8, timeout_seconds=60.0
        )
        self.controller.watch(self._namespaces)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        namespace = self._namespaces.store.get(request)
        if namespace is None or not needs_emptying(namespace):
            return outcome.DONE
        grace = grace_seconds(namespace, self._boss.clock.now())
        if grace and (await self._pass(request, self._look)).remaining:
            return outcome.RetryAfter(grace)
        found = await self._pass(request, self._empty)
        if not found.empty:
            await self._write_status(namespace, decide_status(namespace, found, self._boss.clock.now()))
            return outcome.RetryAfter(_LOOK_AGAIN_SECONDS)
        # Objects may have been created between the passes, before the server saw the deletion: look once more.
        if not (found := await self._pass(request, self._empty)).empty:
            return outcome.RetryAfter(_LOOK_AGAIN_SECONDS)
        fresh = await self._write_status(namespace, decide_status(namespace, found, self._boss.clock.now()))
        try:
            await self._client.update(
                builtins.NAMESPACES, finished(fresh), cluster=request.cluster, subresource="finalize"
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise
        return outcome.DONE

    async def _write_status(self, namespace: objects.Object, status: objects.Object) -> objects.Object:
        if status == (namespace.get("status") or {}):
            return namespace
        return await self._client.update_status(builtins.NAMESPACES, {**namespace, "status": status})

    async def _pass(self, request: Request, visit: Visit) -> Emptying:
        """Visits what is there of every kind and reports what remains.

        Pods first: nothing that keeps them in bounds, as a NetworkPolicy, goes while one of them may still run.
        """
        found = Emptying()
        known = await discovery.discover(self._client, cluster=request.cluster)
        found.undiscovered += known.failed
        kinds = [one for one in known.rows if one.namespaced and {"list", "delete"} <= set(one.verbs)]
        limit = asyncio.Semaphore(8)

        async def one_kind(resource: resources.Resource) -> None:
            async with limit:
                try:
                    await visit(resource, request, found)
                except (errors.StatusError, faults.Unreachable) as error:
                    if isinstance(error, errors.StatusError) and error.code in (404, 405):
                        return
                    found.failures.append(f"{resource.qualified}: {error}")

        await one_kind(builtins.PODS)
        if not found.remaining and not found.failures:
            others = [row for row in discovery.preferred(kinds) if row.qualified != builtins.PODS.qualified]
            await asyncio.gather(*(one_kind(row) for row in others))
        return found

    async def _look(self, resource: resources.Resource, request: Request, found: Emptying) -> None:
        if items := [item for item in await self._items(resource, request) if not is_own(resource, item)]:
            found.remaining[resource.qualified] = len(items)

    async def _empty(self, resource: resources.Resource, request: Request, found: Emptying) -> None:
        items = await self._items(resource, request)
        if not items:
            return
        if any(objects.deletion_timestamp(item) is None for item in items):
            await self._delete_all(resource, items, request)
            items = await self._items(resource, request)
        if items:
            found.remaining[resource.qualified] = len(items)
        for item in items:
            for finalizer in objects.finalizers(item):
                found.finalizers[finalizer] = found.finalizers.get(finalizer, 0) + 1

    async def _items(self, resource: resources.Resource, request: Request) -> list[objects.Object]:
        page = await self._client.list(resource, namespace=request.name, cluster=request.cluster)
        return list(page["items"])

    async def _delete_all(self, resource: resources.Resource, items: list[objects.Object], request: Request) -> None:
        if "deletecollection" in resource.verbs:
            await self._client.delete_collection(
                resource, namespace=request.name, cluster=request.cluster, propagation="Background"
            )
            return
        for item in items:
            try:
                await self._client.delete(
                    resource,
                    objects.name(item),
                    namespace=request.name,
                    cluster=request.cluster,
                    propagation="Background",
                )
            except errors.StatusError as error:
                if error.code != 404:
                    raise
