"""The end of a definition: all its objects in its cluster are deleted, then its finalizer goes, and with it itself.

Objects are deleted as they are stored, so that a webhook that does not answer cannot keep them. Those that have
finalizers of their own keep the definition until these are gone.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from bascule.control.api import call as calls
from bascule.control.api import deletion, endpoint, options, pipeline
from bascule.control.api import platform as platforms
from bascule.control.api.custom import naming, offer
from bascule.control.api.verbs import deleting
from bascule.control.cache import event, record, resource, scope
from bascule.control.kinds import generic, shape
from bascule.control.schema import types
from bascule.vocabulary import builtins, conditions, errors, fields, objects, resources

FINALIZER: Final = deletion.CLEANUP
_CHECKED_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0
_AT_ONCE: Final = 64
_OPTIONS: Final = options.WriteOptions(field_manager="bascule")
_log = logging.getLogger(__name__)

_IN_PROGRESS: Final = ("True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
_LEFT: Final = (
    "True",
    "InstanceDeletionCheck",
    "could not confirm zero CustomResources remaining: timed out waiting for the condition",
)
_COMPLETED: Final = ("False", "InstanceDeletionCompleted", "removed all instances")
_NEVER: Final = ("False", "NeverEstablished", "resource was never established")
_OVERLAPPING: Final = (
    "False",
    "OverlappingBuiltInResource",
    "instances overlap with built-in resources in storage",
)


class Removal:
    """Of one definition that is marked for deletion; begins anew after a failure or a restart."""

    def __init__(self, platform: platforms.Platform, key: objects.Key) -> None:
        self._platform = platform
        self._key = key
        self._within = scope.Scope(key.cluster, None)

    async def run(self) -> None:
        """Returns when the definition is gone or no longer to be deleted."""
        while True:
            try:
                await self._remove()
                return
            except errors.StatusError as error:
                if error.code == 404:
                    return
                _log.warning("the objects of %s are not all deleted yet: %s", self._key.text(), error.message)
                failed = ("True", "InstanceDeletionFailed", f"could not issue all deletes: {error.message}")
            except Exception:
                _log.exception("a definition's objects could not be deleted", extra={"key": self._key.text()})
                failed = ("True", "InstanceDeletionFailed", "could not issue all deletes: see the server's log")
            await self._say(*failed)
            time = self._platform.time
            await time.sleep(_RETRY_SECONDS)

    async def _remove(self) -> None:
        stored = self._platform.custom.records.get(self._key)
        if stored is None:
            return
        crd = offer.outlined(stored)
        spec = shape.mapping(crd, "spec")
        group, plural = shape.text(spec, "group"), shape.text(shape.mapping(spec, "names"), "plural")
        if self._platform.custom.overlaps(group, plural) or not (group and plural):
            await self._say(*_OVERLAPPING)
        elif not conditions.is_true(crd, naming.ESTABLISHED):
            await self._say(*_NEVER)
        else:
            await self._say(*_IN_PROGRESS)
            own = self._stored(crd, group, plural, await self._platform.cache.resource(group, plural))
            await self._delete_all(own)
            await self._say(*_COMPLETED)
            await self._release()
            if self._platform.custom.records.get(self._key) is None:
                await self._delete_each(own)  # What was being written just then.
            return
        await self._release()

    def _stored(
        self, crd: objects.Object, group: str, plural: str, records: resource.ResourceCache
    ) -> endpoint.Endpoint:
        spec = shape.mapping(crd, "spec")
        version = next((one for one in shape.items(spec, "versions") if one.get("storage") is True), {})
        row = resources.Resource(
            group,
            shape.text(version, "name"),
            plural,
            shape.text(shape.mapping(spec, "names"), "kind"),
            namespaced=spec.get("scope") != "Cluster",
        )
        return endpoint.Endpoint(row, generic.PLAIN, types.ANYTHING, records, frozenset(), form=_AsStored())

    async def _delete_all(self, stored: endpoint.Endpoint) -> None:
        records = stored.records
        following = records.watch(self._within)
        try:
            deadline = asyncio.get_running_loop().time() + _CHECKED_SECONDS
            new = True
            while records.count(self._within):
                if new:
                    await self._delete_each(stored)
                try:
                    async with asyncio.timeout_at(deadline):
                        happened = await following.batch()
                except TimeoutError:
                    await self._say(*_LEFT)
                    deadline = float("inf")
                    happened = []
                else:
                    if not happened:
                        raise errors.service_unavailable("the server is stopping")
                new = any(one.type == event.ADDED for one in happened)
        finally:
            following.close()

    async def _delete_each(self, stored: endpoint.Endpoint) -> None:
        after: objects.Key | None = None
        while True:
            page = stored.records.list(self._within, limit=_AT_ONCE, after=after)
            await asyncio.gather(*(self._delete(stored, one) for one in page.records))
            after = page.next
            if after is None:
                return

    async def _delete(self, stored: endpoint.Endpoint, one: record.Record) -> None:
        call = calls.Call(
            endpoint=stored,
            user=platforms.SELF,
            verb="delete",
            cluster=one.key.cluster,
            namespace=one.key.namespace,
            name=one.key.name,
            options=_OPTIONS,
        )
        try:
            await deleting.deleted(self._platform, call, deletion.Wish())
        except errors.StatusError as error:
            if error.code != 404:
                raise

    async def _say(self, status: str, reason: str, message: str) -> None:
        now = self._platform.time.now()

        def change(obj: objects.Object, _: record.Record) -> objects.Object:
            held: Any = obj.setdefault("status", {})
            found = held["conditions"] = shape.items(held, "conditions")
            conditions.set_condition(found, naming.TERMINATING, status, reason, message, now)
            return obj

        try:
            await pipeline.update(self._platform, self._call("status"), change, retry=True, kept=("spec",))
        except errors.StatusError as error:
            if error.code != 404:
                _log.warning("%s: %s", self._key.text(), error.message)

    async def _release(self) -> None:
        def change(obj: objects.Object, _: record.Record) -> objects.Object:
            obj["metadata"]["finalizers"] = [name for name in objects.finalizers(obj) if name != FINALIZER]
            return obj

        await pipeline.update(self._platform, self._call(""), change, retry=True, kept=("spec", "status"))

    def _call(self, subresource: str) -> calls.Call:
        return calls.Call(
            endpoint=self._platform.endpoint_of(builtins.CUSTOM_RESOURCE_DEFINITIONS),
            user=platforms.SELF,
            verb="update",
            cluster=self._key.cluster,
            name=self._key.name,
            subresource=subresource,
            options=_OPTIONS,
        )


class _AsStored:
    """The form of objects that are only to be deleted."""

    is_certain = True

    def is_plain(self, stored: record.Record) -> bool:
        return True

    async def prepare(self, records: object) -> None:
        return

    def is_stale(self, stored: record.Record) -> bool:
        return False

    def decode(self, stored: record.Record) -> objects.Object:
        return stored.decode()

    def body(self, stored: record.Record) -> bytes:
        return stored.body()

    async def draft(self, obj: objects.Object) -> record.Draft:
        """Without a token: whoever reads it meanwhile brings it up to date."""
        return record.draft(obj, {})

    def selector(self, wanted: fields.FieldSelector) -> fields.FieldSelector:
        return wanted
