"""What each cluster is told is served in it: the built-ins' documents, and with them its own custom resources'.

Looked up at each question and made anew when what a cluster offers has changed; a cluster without definitions shares
the documents of the built-ins.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, NamedTuple

from bascule.control.api.custom import definitions, described, offer
from bascule.control.api.documents import discovery, openapi
from bascule.control.kinds import custom_rows
from bascule.vocabulary import objects, resources

_CLUSTERS_MAX: Final = 256
_LAST_VERBS: Final = ("delete", "deletecollection", "get", "list", "watch")


class Published(NamedTuple):
    """The documents of one cluster."""

    discovery: discovery.Documents
    openapi: openapi.Documents | described.Documents


class _Kept(NamedTuple):
    offered: tuple[tuple[objects.Key, str, int, bool, tuple[resources.Resource, ...]], ...]
    published: Published


class Publisher:
    """The documents of every cluster; `address` and `version` are the server's own."""

    def __init__(
        self, found: definitions.Definitions, registry: resources.Registry, address: str, version: str
    ) -> None:
        self._definitions = found
        self._registry = registry
        self._address = address
        self._version = version
        self._built_in = Published(discovery.Documents(registry, address), openapi.Documents(registry, version))
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._changed_at = -1
        self._current: dict[str, Published] = {}

    def of(self, cluster: str) -> Published:
        """What is served in the cluster now; for `*`, in any."""
        changed_at = self._definitions.records.changed_at
        if changed_at != self._changed_at:
            self._changed_at = changed_at
            self._current.clear()
        found = self._current.get(cluster)
        if found is None:
            found = self._current[cluster] = self._look(cluster)
            if len(self._current) > _CLUSTERS_MAX:
                self._current.clear()
        return found

    def _look(self, cluster: str) -> Published:
        offers = _distinct(self._definitions.offers(cluster))
        if not offers:
            self._kept.pop(cluster, None)
            return self._built_in
        offered = tuple((one.key, one.uid, one.generation, one.terminating, one.rows) for one in offers)
        kept = self._kept.get(cluster)
        if kept is None or kept.offered != offered:
            kept = self._kept[cluster] = _Kept(offered, self._make(offers))
            if len(self._kept) > _CLUSTERS_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end(cluster)
        return kept.published

    def _make(self, offers: list[offer.Offer]) -> Published:
        rows = [_shown(one, row) for one in offers for row in one.rows]
        rows.sort(key=lambda row: (row.group, custom_rows.version_order(row.version), row.plural))
        registry = resources.Registry([*self._registry, *rows])
        assert isinstance(self._built_in.openapi, openapi.Documents)
        documents = described.Documents(self._built_in.openapi, self._definitions, offers, self._version)
        return Published(discovery.Documents(registry, self._address), documents)


def _shown(one: offer.Offer, row: resources.Resource) -> resources.Resource:
    """What is being deleted with its definition takes no more writes."""
    return dataclasses.replace(row, verbs=_LAST_VERBS) if one.terminating else row


def _distinct(offers: Iterable[offer.Offer]) -> list[offer.Offer]:
    """Of definitions of the same name in several clusters the first."""
    found: dict[str, offer.Offer] = {}
    for one in offers:
        found.setdefault(one.key.name, one)
    return list(found.values())
