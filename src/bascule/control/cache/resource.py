"""One resource's records: reads, writes, indices, watches. Interface first; the body follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bascule.control.cache import record, scope, watch
from bascule.vocabulary import fields, labels, objects


class Page(NamedTuple):
    """``next`` is this page's last key where more follows: pass it as ``after``. ``remaining``: None with selectors."""

    records: list[record.Record]
    revision: int
    next: objects.Key | None
    remaining: int | None


class ResourceCache:
    group: str
    plural: str

    @property
    def revision(self) -> int:
        """The store revision that reads are fresh as of."""
        raise NotImplementedError

    def get(self, key: objects.Key) -> record.Record | None:
        raise NotImplementedError

    def list(
        self,
        within: scope.Scope = scope.EVERYWHERE,
        *,
        labels: labels.Selector = labels.EVERYTHING,
        fields: fields.FieldSelector = fields.EVERYTHING,
        limit: int = 0,
        after: objects.Key | None = None,
        at_revision: int | None = None,
    ) -> Page:
        """In key order, now or at a revision that memory still reaches; else raises Expired or Future."""
        raise NotImplementedError

    async def page(
        self,
        within: scope.Scope = scope.EVERYWHERE,
        *,
        labels: labels.Selector = labels.EVERYTHING,
        fields: fields.FieldSelector = fields.EVERYTHING,
        limit: int = 0,
        after: objects.Key | None = None,
        at_revision: int | None = None,
    ) -> Page:
        """As ``list``, but goes to the store's history where memory does not reach. Use this in the LIST verb."""
        raise NotImplementedError

    def by_owner(self, uid: str) -> Sequence[record.Record]:
        """Those with an owner reference to the uid."""
        raise NotImplementedError

    def watch(
        self,
        within: scope.Scope = scope.EVERYWHERE,
        *,
        labels: labels.Selector = labels.EVERYTHING,
        fields: fields.FieldSelector = fields.EVERYTHING,
        after_revision: int | None = None,
    ) -> watch.Watch:
        """Events strictly after the revision; None: ADDED for all there is, one BOOKMARK, then what follows.

        Raises Expired and Future.
        """
        raise NotImplementedError

    async def create(self, key: objects.Key, draft: record.Draft) -> record.Record:
        """Raises AlreadyExists. Cancelling the caller does not undo the write; this holds for all writes."""
        raise NotImplementedError

    async def update(self, key: objects.Key, draft: record.Draft, expected: int) -> record.Record:
        """Raises Conflict and Missing."""
        raise NotImplementedError

    async def delete(self, key: objects.Key, expected: int, final: record.Draft | None = None) -> record.Record:
        """The last content (``final`` where given) under the deletion's revision. Raises Conflict and Missing."""
        raise NotImplementedError
