"""Deletes what lost all its owners; carries out foreground and orphan deletion. Decided by `ownership`.

Invariant: nothing is deleted on the word of a cache. The object and each owner not known to live are read from the
server first; only a confirmed absence (404, or another uid) counts. A kind that cannot be read decides nothing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from bascule.client import discovery, faults, informer
from bascule.control.controllers import ownership, served_kinds
from bascule.control.reconcile import manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, errors, objects, resources

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 30.0
_IGNORED = frozenset({"events", "events.events.k8s.io", "leases.coordination.k8s.io"})
_REMEMBERED = 10000
_EVERY_CLUSTER = "*"
_PATIENCE_SECONDS = 60.0
"""So long a custom kind that cannot be read holds up everything else: a tenant's broken kind is none to wait for."""


class GarbageCollection:
    """Requests name `<qualified resource>/<name>`; informers of metadata follow what discovery shows."""

    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._client = boss.client
        self._graph = ownership.Graph()
        self._kinds = served_kinds.ServedKinds(boss.client)
        self._since: dict[str, float] = {}
        self._sources: dict[str, tuple[informer.Informer, asyncio.Task[None] | None]] = {}
        self._absent: OrderedDict[str, None] = OrderedDict()
        self._discovered = False
        self._kinds_changed = asyncio.Event()
        boss.informer(builtins.CUSTOM_RESOURCE_DEFINITIONS).on_change(
            lambda type_, old, new: self._definition_changed()
        )
        self.controller = boss.controller("garbage-collection", self.reconcile, workers=8)
        boss.loop("garbage-collection kinds", self.follow_kinds)

    def _definition_changed(self) -> None:
        self._kinds.forget()
        self._kinds_changed.set()

    async def follow_kinds(self) -> None:
        """Keeps one informer for each kind that is served."""
        try:
            while True:
                await self._refresh()
                try:
                    async with asyncio.timeout(_REFRESH_SECONDS):
                        await self._kinds_changed.wait()
                    await asyncio.sleep(1.0)  # A new kind needs a moment to be served.
                except TimeoutError:
                    pass
                self._kinds_changed.clear()
        finally:
            tasks = [task for _, task in self._sources.values() if task is not None]
            self._sources = {name: pair for name, pair in self._sources.items() if pair[1] is None}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _refresh(self) -> None:
        try:
            known = await discovery.discover(self._client, cluster=_EVERY_CLUSTER)
        except (errors.StatusError, faults.Unreachable) as error:
            log.info("garbage collection: cannot read the kinds: %s", error)
            return
        wanted = {
            row.qualified: row
            for row in discovery.preferred(known.rows)
            if {"get", "list", "watch", "delete"} <= set(row.verbs) and row.qualified not in _IGNORED
        }
        for qualified, row in wanted.items():
            if qualified not in self._sources:
                self._start(row)
        for qualified in [name for name in self._sources if name not in wanted and not known.failed]:
            source, task = self._sources.pop(qualified)
            if task is not None:
                task.cancel()
            for obj in source.store.values():
                self._graph.drop(objects.uid(obj))
        self._discovered = True

    def _start(self, row: resources.Resource) -> None:
        shared = self._boss.known(row)
        source = shared or informer.Informer(
            self._client, row, clock=self._boss.clock, source=self._boss.random, metadata_only=True
        )
        source.on_change(lambda type_, old, new: self._changed(row, old, new))
        task = None if shared else asyncio.create_task(source.run(), name=f"gc {row.qualified}")
        self._sources[row.qualified] = (source, task)
        self._since[row.qualified] = self._boss.clock.monotonic()

    @property
    def _synced(self) -> bool:
        return self._discovered and all(
            source.synced or self._is_hopeless(source.resource) for source, _ in self._sources.values()
        )

    def _is_hopeless(self, row: resources.Resource) -> bool:
        if builtins.REGISTRY.by_plural(row.group, row.version, row.plural) is not None:
            return False
        return self._boss.clock.monotonic() - self._since[row.qualified] > _PATIENCE_SECONDS

    def _changed(self, row: resources.Resource, old: objects.Object | None, new: objects.Object | None) -> None:
        if new is None:
            if old is not None:
                self._gone(ownership.item(row, old))
            return
        before = self._graph.by_uid(objects.uid(new))
        item = ownership.item(row, new)
        self._graph.put(item)
        if item.leaving and item.finalizers & {ownership.ORPHAN, ownership.FOREGROUND}:
            self._enqueue([item])
        if item.waiting and not (before and before.waiting):
            self._enqueue(self._graph.dependents(item))
        owners = [self._graph.by_uid(uid) for uid, _ in item.owners]
        if any(owner is None or owner.waiting for owner in owners):
            self._enqueue([item])
        if before and before.owners != item.owners:
            self._enqueue_waiting(before)

    def _gone(self, item: ownership.Item) -> None:
        self._graph.drop(item.uid)
        self._enqueue(self._graph.named_dependents(item.uid))
        self._enqueue_waiting(item)

    def _enqueue_waiting(self, dependent: ownership.Item) -> None:
        """Owners that wait for this dependent to go."""
        owners = (self._graph.by_uid(uid) for uid, _ in dependent.owners)
        self._enqueue(owner for owner in owners if owner is not None and owner.waiting)

    def _enqueue(self, items: Iterable[ownership.Item]) -> None:
        for item in items:
            name = f"{item.resource.qualified}/{item.key.name}"
            self.controller.enqueue(Request(item.key.cluster, item.key.namespace, name))

    async def reconcile(self, request: Request) -> outcome.Outcome:
        qualified, _, name = request.name.partition("/")
        item = self._graph.by_place(qualified, Request(request.cluster, request.namespace, name))
        if item is None:
            return outcome.DONE
        if not self._synced:
            return outcome.RetryAfter(0.5)
        live = await self._read(item.resource, item.key)
        if live is None or objects.uid(live) != item.uid:
            return outcome.DONE  # The informer will say so in a moment.
        if objects.deletion_timestamp(live) is not None:
            return await self._finish(item, live)
        states = {
            reference["uid"]: await self._state(item.key, reference) for reference in objects.owner_references(live)
        }
        has_dependents = bool(self._graph.dependents(item))
        verdict = ownership.judge(live, states, has_dependents=has_dependents)
        if verdict.keep_owners is not None:
            await self._patch(item, live, {"ownerReferences": verdict.keep_owners})
        elif verdict.delete is not None:
            await self._delete(item, live, verdict.delete)
        return outcome.RetryAfter(_REFRESH_SECONDS) if verdict.unsure else outcome.DONE

    async def _finish(self, item: ownership.Item, live: objects.Object) -> outcome.Outcome:
        """What an object that is being deleted still waits for."""
        finalizers = objects.finalizers(live)
        if ownership.ORPHAN in finalizers:
            for dependent in self._graph.dependents(item):
                await self._disown(dependent, item.uid)
            left = [one for one in finalizers if one != ownership.ORPHAN]
            await self._patch(item, live, {"finalizers": left})
        elif ownership.FOREGROUND in finalizers:
            dependents = self._graph.dependents(item)
            if not self._graph.blocking(item):
                left = [one for one in finalizers if one != ownership.FOREGROUND]
                await self._patch(item, live, {"finalizers": left})
            self._enqueue(one for one in dependents if not one.leaving)
        return outcome.DONE

    async def _state(self, dependent: objects.Key, reference: dict[str, Any]) -> ownership.OwnerState:
        uid = reference.get("uid") or ""
        known = self._graph.by_uid(uid)
        if known is not None:
            reaches = known.key.namespace in ("", dependent.namespace)
            return "waiting" if known.waiting and reaches else "there"
        if uid in self._absent:
            return "absent"
        row = await self._kinds.row(dependent.cluster, reference.get("apiVersion") or "", reference.get("kind") or "")
        if row is None or (row.namespaced and not dependent.namespace):
            return "unknown"
        namespace = dependent.namespace if row.namespaced else ""
        try:
            live = await self._client.get(row, reference["name"], namespace=namespace, cluster=dependent.cluster)
        except errors.StatusError as error:
            if error.code != 404:
                raise
            if (error.details or {}).get("name") != reference["name"]:
                return "unknown"  # It is the kind that is not served, or not any more.
            live = None
        if live is not None and objects.uid(live) == uid:
            return "waiting" if ownership.item(row, live).waiting else "there"
        self._absent[uid] = None  # A uid never comes back.
        while len(self._absent) > _REMEMBERED:
            self._absent.popitem(last=False)
        return "absent"

    async def _read(self, row: resources.Resource, key: objects.Key) -> objects.Object | None:
        try:
            return await self._client.get(row, key.name, namespace=key.namespace, cluster=key.cluster)
        except errors.StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _disown(self, dependent: ownership.Item, owner_uid: str) -> None:
        live = await self._read(dependent.resource, dependent.key)
        if live is None or objects.uid(live) != dependent.uid:
            return
        kept = [one for one in objects.owner_references(live) if one.get("uid") != owner_uid]
        await self._patch(dependent, live, {"ownerReferences": kept})

    async def _patch(self, item: ownership.Item, live: objects.Object, metadata: dict[str, Any]) -> None:
        version = objects.metadata(live).get("resourceVersion")
        body = {"metadata": {"uid": item.uid, "resourceVersion": version, **metadata}}
        try:
            await self._client.patch(
                item.resource,
                item.key.name,
                body,
                namespace=item.key.namespace,
                cluster=item.key.cluster,
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise

    async def _delete(self, item: ownership.Item, live: objects.Object, propagation: str) -> None:
        try:
            await self._client.delete(
                item.resource,
                item.key.name,
                namespace=item.key.namespace,
                cluster=item.key.cluster,
                uid=item.uid,
                resource_version=objects.metadata(live).get("resourceVersion"),
                propagation=propagation,
            )
        except errors.StatusError as error:
            if error.code != 404:
                raise
