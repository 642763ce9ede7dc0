"""Which custom resources are served where: from a cluster, group, version and plural to an endpoint.

Read from the cached definitions themselves at each question, so that it is never behind what clients were told; what
was read of a definition is kept for as long as its revision is the same, and its schemas are compiled, in a thread,
when its objects are first asked for. A definition that cannot be understood is not served; everything else is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import orjson

from bascule.control.api import endpoint
from bascule.control.api.custom import across, compiled, form, offer, webhook
from bascule.control.cache import cache, record, resource, scope
from bascule.control.kinds import shape
from bascule.vocabulary import errors, fields, objects, resources

if TYPE_CHECKING:
    from bascule.control.kinds import custom_kinds

EVERY_CLUSTER: Final = "*"
_log = logging.getLogger(__name__)

Broken = Callable[[offer.Offer], None]


class Definitions:
    """Over the cache of CustomResourceDefinitions; `registry` has the built-in rows, which no definition replaces."""

    def __init__(
        self,
        caches: cache.Cache,
        definitions: resource.ResourceCache,
        registry: resources.Registry,
        webhooks: webhook.Webhooks,
    ) -> None:
        self._caches = caches
        self.records = definitions
        self.webhooks = webhooks
        self._built_in = {(row.group, row.plural) for row in registry}
        self._built_in_groups = {row.group for row in registry}
        self._offers: dict[objects.Key, offer.Offer] = {}
        self._compiled: weakref.WeakValueDictionary[bytes, compiled.Compiled] = weakref.WeakValueDictionary()
        """By content: shared by all clusters that have the same definition, gone with the last of them."""
        self._converted = form.Conversions()
        self.on_broken: Broken = _say
        """Told of a definition that turned out not to be servable."""

    # What is offered

    def find(self, cluster: str, group: str, plural: str) -> offer.Offer | None:
        """The served definition of a resource, None where there is none."""
        found = self.offered(objects.Key(cluster, "", f"{plural}.{group}"))
        if found is None or (found.group, found.plural) != (group, plural):
            return None  # `a.b` in the group `c` is not `a` in the group `b.c`, although both spell one name.
        return found if self._is_served(found) else None

    def offered(self, key: objects.Key) -> offer.Offer | None:
        """What the definition of that name offers now, whether it is served or not."""
        stored = self.records.get(key)
        known = self._offers.get(key)
        if stored is None:
            if known is not None:
                self._end(self._offers.pop(key))
            return None
        if known is not None and known.revision == stored.revision:
            return known
        return self._read(stored, known)

    def _read(self, stored: record.Record, known: offer.Offer | None) -> offer.Offer | None:
        try:
            made = offer.read(stored.key, stored.revision, offer.outlined(stored))
        except Exception:
            _log.exception("a stored definition cannot be read and is not served", extra={"key": stored.key.text()})
            return None
        if known is not None and made.same_resource(known):
            made.take_over(known)
        elif known is not None:
            self._end(known)
        self._offers[stored.key] = made
        return made

    def _is_served(self, found: offer.Offer) -> bool:
        return found.served and not found.problem and (found.group, found.plural) not in self._built_in

    def _end(self, gone: offer.Offer) -> None:
        """What was served under the definition as it was: watches end, and begin anew under what is there now."""
        for made in gone.endpoints.values():
            for following in tuple(made.watches):
                following.close()
        gone.endpoints.clear()
        gone.compiled = None

    def require_open(self, cluster: str, group: str, plural: str) -> None:
        """405 for new objects of a definition that is being deleted."""
        found = self.find(cluster, group, plural)
        if found is not None and found.terminating:
            text = "create not allowed while custom resource definition is terminating"
            raise errors.StatusError(405, "MethodNotAllowed", text)

    def overlaps(self, group: str, plural: str) -> bool:
        """Whether a built-in resource has the name: its objects are not a definition's to serve or delete."""
        return (group, plural) in self._built_in

    def offers(self, cluster: str) -> Iterator[offer.Offer]:
        """The established and served definitions of a cluster, or of all."""
        within = scope.EVERYWHERE if cluster == EVERY_CLUSTER else scope.Scope(cluster, None)
        for stored in self.records.list(within).records:
            found = self.offered(stored.key)
            if found is not None and found.established and self._is_served(found):
                yield found

    # Endpoints

    async def endpoint_of(self, cluster: str, group: str, version: str, plural: str) -> endpoint.Endpoint | None:
        """What answers requests for the resource in this version; None where it is not served."""
        if cluster == EVERY_CLUSTER:
            return await self._across(group, version, plural)
        found = self.find(cluster, group, plural)
        return await self._endpoint(found, version) if found is not None else None

    async def _endpoint(self, found: offer.Offer, version: str) -> endpoint.Endpoint | None:
        made = found.endpoints.get(version)
        if made is not None:
            return made
        row = next((row for row in found.rows if row.version == version), None)
        if row is None:
            return None
        ready = await self.ready(found)
        if ready is None:
            return None
        records = await self._caches.resource(found.group, found.plural)
        webhooked = ready.conversion.get("strategy") == "Webhook"
        hook = self.webhooks.hook(found.key.cluster, ready.conversion) if webhooked else None
        view = form.Form(ready, version, hook, self._converted, found.uid, lambda: self._lives(found))
        return found.endpoints.setdefault(version, make(row, ready, records, view))

    def _lives(self, found: offer.Offer) -> bool:
        now = self.offered(found.key)
        return now is not None and now.uid == found.uid

    async def _across(self, group: str, version: str, plural: str) -> endpoint.Endpoint | None:
        """Of all clusters: shown by the first that has it, decoded by each object's own."""
        named = fields.FieldSelector((fields.Requirement("metadata.name", "=", f"{plural}.{group}"),))
        for stored in self.records.list(scope.EVERYWHERE, fields=named).records:
            found = await self.endpoint_of(stored.key.cluster, group, version, plural)
            if found is not None:
                view = across.Across(lambda cluster: self.endpoint_of(cluster, group, version, plural), found)
                return across.endpoint_of(found, view)
        return None

    async def ready(self, found: offer.Offer) -> compiled.Compiled | None:
        """The definition's schemas, ready to use; None where they cannot be, which is then the offer's problem."""
        stored = self.records.get(found.key)
        if stored is None:
            return None
        try:
            async with found.turn:
                if found.compiled is None:
                    found.compiled = await asyncio.to_thread(self._compile, stored)
                return found.compiled
        except Exception as error:
            self.report(found, error)
            return None

    def report(self, found: offer.Offer, error: Exception) -> None:
        """From now on the definition is not served, which its conditions will say."""
        if not found.problem:
            found.problem = f"the stored schema cannot be used: {type(error).__name__}: {error}"[:1000]
            _log.error("a definition is not served", extra={"key": found.key.text()}, exc_info=error)
            self.on_broken(found)

    def _compile(self, stored: record.Record) -> compiled.Compiled:
        """In a thread, as it may take a second."""
        crd = stored.decode()
        spec, names = shape.mapping(crd, "spec"), shape.mapping(shape.mapping(crd, "status"), "acceptedNames")
        crd = {**crd, "spec": {**spec, "names": names}}
        digest = hashlib.blake2b(orjson.dumps(crd["spec"]), digest_size=16).digest()
        made = self._compiled.get(digest)
        if made is None:
            made = self._compiled[digest] = compiled.compile(crd)
        return made


def make(
    row: resources.Resource, ready: compiled.Compiled, records: resource.ResourceCache, view: form.Form
) -> endpoint.Endpoint:
    """The endpoint of one version."""
    version = ready.definition.known[row.version]
    own = version.strategy
    placed = ("metadata.namespace",) if row.namespaced else ()
    return endpoint.Endpoint(
        resource=row,
        strategy=own,
        schema=version.schema,
        cache=records,
        selectable=frozenset({"metadata.name", *placed, *version.selectable}),
        list_head=b'{"kind":%b,"apiVersion":%b,"metadata":'
        % (orjson.dumps(row.list_kind), orjson.dumps(row.api_version)),
        reset_fields=_reset_fields(version) if own.status else {},
        form=view,
        prune=version.prune,
        warning=version.deprecation,
    )


def _reset_fields(version: custom_kinds.Version) -> dict[str, dict[str, object]]:
    """A write to the status owns nothing but the status, any other nothing of it."""
    others = {"metadata", "spec", *version.node.properties} - {"apiVersion", "kind", "status"}
    return {"": {"f:status": {}}, "status": {f"f:{name}": {} for name in sorted(others)}}


def _say(found: offer.Offer) -> None:
    """The log has it already."""
