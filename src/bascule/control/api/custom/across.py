"""The objects of all clusters under one path, each as its own cluster's definition has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable

from bascule.control.api import endpoint
from bascule.control.cache import record
from bascule.vocabulary import errors, fields, objects

Find = Callable[[str], Awaitable[endpoint.Endpoint | None]]


def endpoint_of(first: endpoint.Endpoint, view: Across) -> endpoint.Endpoint:
    """As the first cluster's, but for all."""
    return dataclasses.replace(first, form=view, watches=set())


class Across:
    """For one request: the forms of the clusters whose objects it came across."""

    def __init__(self, find: Find, first: endpoint.Endpoint) -> None:
        self._find = find
        self._first = first
        self._forms: dict[str, endpoint.Form | None] = {}

    async def prepare(self, records: Iterable[record.Record]) -> None:
        """Before these are shown."""
        by_cluster: dict[str, list[record.Record]] = {}
        for stored in records:
            by_cluster.setdefault(stored.key.cluster, []).append(stored)
        for cluster, part in by_cluster.items():
            found = await self._find(cluster)
            own = self._forms[cluster] = found.form if found is not None else None
            if own is not None:
                await own.prepare(part)

    @property
    def is_certain(self) -> bool:
        return False

    def is_plain(self, stored: record.Record) -> bool:
        own = self._forms.get(stored.key.cluster)
        return own is None or own.is_plain(stored)

    def is_stale(self, stored: record.Record) -> bool:
        return False

    def decode(self, stored: record.Record) -> objects.Object:
        """Of a cluster that does not serve this version (any more): as it is stored."""
        own = self._forms.get(stored.key.cluster)
        return own.decode(stored) if own is not None else stored.decode()

    def body(self, stored: record.Record) -> bytes:
        own = self._forms.get(stored.key.cluster)
        return own.body(stored) if own is not None else stored.body()

    async def draft(self, obj: objects.Object) -> record.Draft:
        raise errors.method_not_allowed()

    def selector(self, wanted: fields.FieldSelector) -> fields.FieldSelector:
        """By metadata alone: other fields are each cluster's own."""
        if all(requirement.field.startswith("metadata.") for requirement in wanted.requirements):
            return wanted
        raise errors.bad_request("across all clusters one can select by metadata.name and metadata.namespace only")
