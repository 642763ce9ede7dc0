"""One resource's records: reads, writes, watches. Reads are as fresh as every write that was answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from bascule.control.cache import (
    catalog,
    change,
    errors,
    hub,
    keys,
    page,
    record,
    ring,
    scope,
    selection,
    watch,
    write,
)
from bascule.control.store import contract
from bascule.vocabulary import fields, labels, objects

Page = page.Page
_HISTORY_CHUNK = 1000
_SCAN_SLICE = 1000
_COSTLY_SLICE = 100
_UNSETTLED_MAX = 256


class ResourceCache:
    """Made and fed by ``cache.Cache``."""

    def __init__(
        self,
        name: str,
        *,
        store: contract.Store,
        commit: write.Commit,
        newest: Callable[[], int],
        indexed: Iterable[str],
        loaded_at: int,
        oldest: int,
    ) -> None:
        """``loaded_at``: the initial state's revision; nothing changed in it since ``oldest``."""
        indexed = tuple(indexed)
        self.name = name
        """As in store keys: ``/<group or "core">/<plural>/``."""
        self._store = store
        self._commit = commit
        self._newest = newest
        self._catalog = catalog.Catalog(indexed)
        self.get: Callable[[objects.Key], record.Record | None] = self._catalog.shelf.get
        """The record of a key, None where there is none. Every request asks, so that no step lies between."""
        self._ring = ring.Ring(oldest)
        self._hub = hub.Hub(indexed)
        # One for all watches.
        self._now = lambda: self.revision
        self._detach = self._hub.detach
        self._loaded_at = loaded_at
        self._unsettled: deque[change.Change] = deque()
        self.changed_at = loaded_at
        """The revision of the newest change to this resource: what is derived from it holds until this moves."""

    @property
    def revision(self) -> int:
        """The store revision that reads are fresh as of."""
        return max(self._loaded_at, self._newest())

    def __len__(self) -> int:
        return len(self._catalog)

    # Reading

    def count(self, within: scope.Scope = scope.EVERYWHERE) -> int:
        """How many there are, without reading them."""
        return self._catalog.shelf.count(within)

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
        """In key order, now or at a revision that memory still reaches; else raises Expired or Future.

        With selectors that no index serves it reads the whole scope at once: ``page`` does not.
        """
        selected = selection.Selection(within, labels, fields)
        revision = self.revision if at_revision is None else at_revision
        changed = self._changed_since(revision)
        found = page.cut(page.at_revision(self._catalog, changed, selected, after), limit, revision)
        if selected.selective:
            return found
        left = 0 if found.next is None else page.remaining(self._catalog, changed, selected, found.next)
        return found._replace(remaining=left)

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
        """As ``list``, but lets others run while it reads much, and goes to the store's history where memory ends.

        ``remaining`` is not said then. What the store has forgotten is not told from memory either, where it may lie
        for hours: who reads pages is to know how long that lasts.
        """
        if at_revision is not None and at_revision < self._store.compacted:
            raise errors.Expired(at_revision, self._store.compacted)
        selected = selection.Selection(within, labels, fields)
        await self._catalog.prepare(selected)
        try:
            if (selected.selective or not limit) and self._catalog.must_scan(selected):
                return await self._scanned(selected, limit, after, at_revision)
            return self.list(within, labels=labels, fields=fields, limit=limit, after=after, at_revision=at_revision)
        except errors.Expired as expired:
            try:
                return await self._history_page(selected, limit, after, expired.revision)
            except contract.Compacted as compacted:
                raise errors.Expired(compacted.revision, compacted.oldest) from compacted

    async def prepare(self, within: scope.Scope, labels: labels.Selector) -> None:
        """Before a synchronous read by labels: makes it quick, a slice at a time."""
        await self._catalog.prepare(selection.Selection(within, labels))

    async def _scanned(
        self, selected: selection.Selection, limit: int, after: objects.Key | None, at_revision: int | None
    ) -> Page:
        revision = self.revision if at_revision is None else at_revision
        found: list[record.Record] = []
        while True:
            changed = self._changed_since(revision)
            matching, after = page.scan(self._catalog, changed, selected, after, _slice(selected))
            found += matching
            if after is None or (limit and len(found) > limit):
                return page.cut(found, limit, revision)
            await asyncio.sleep(0)

    async def _history_page(
        self, selected: selection.Selection, limit: int, after: objects.Key | None, revision: int
    ) -> Page:
        prefix = keys.under(self.name, selected.within)
        start: str | None = keys.text(self.name, after) + "\0" if after is not None else ""
        found: list[record.Record] = []
        while start is not None and (not limit or len(found) <= limit):
            entries, _, start = await self._store.range(prefix, start=start, limit=_HISTORY_CHUNK, revision=revision)
            loaded = (
                record.Record(keys.parse(key).key, modified, record.load(value)) for key, value, modified in entries
            )
            found.extend(filter(selected.matches, loaded))
        return page.cut(found, limit, revision)

    def _changed_since(self, revision: int) -> dict[objects.Key, record.Record | None]:
        """Each key changed since, with what was there. Raises Expired and Future."""
        self._check_revision(revision)
        return self._ring.since(revision) if revision < self.revision else {}

    def _check_revision(self, revision: int) -> None:
        if revision > self.revision:
            raise errors.Future(revision, self.revision)
        if revision < self._ring.oldest:
            raise errors.Expired(revision, self._ring.oldest)

    def changes(self, after: int) -> Sequence[change.Change]:
        """All that changed after a revision, in order. Raises Expired and Future."""
        self._check_revision(after)
        return self._ring.after(after)

    # Watching

    def watch(
        self,
        within: scope.Scope = scope.EVERYWHERE,
        *,
        labels: labels.Selector = labels.EVERYTHING,
        fields: fields.FieldSelector = fields.EVERYTHING,
        after_revision: int | None = None,
        queue_max: int = watch.QUEUE_MAX,
    ) -> watch.Watch:
        """Events strictly after the revision; None: ADDED for all there is, one BOOKMARK, then what follows.

        Raises Expired and Future.
        """
        selected = selection.Selection(within, labels, fields)
        start = self.revision if after_revision is None else after_revision
        self._check_revision(start)
        initial = self._initial(selected, start) if after_revision is None else None
        missed = self._ring.after(start) if after_revision is not None else ()
        watcher = watch.Watch(
            start,
            initial=initial,
            newest=self._now,
            detach=self._detach,
            queue_max=max(queue_max, len(missed)),
        )
        if missed:
            channel = hub.Channel(selected)
            channel.watches[watcher] = None
            for happened in missed:
                if within.holds(happened.key):
                    channel.tell(happened)
        self._hub.attach(watcher, selected)
        return watcher

    def _initial(self, selected: selection.Selection, revision: int) -> Iterable[record.Record]:
        """What there is now; of much a slice at a time as it is taken, which raises Expired when that is too late."""
        if not self._catalog.must_scan(selected):
            return list(self._catalog.select(selected))
        return self._slices(selected, revision)

    def _slices(self, selected: selection.Selection, revision: int) -> Iterator[record.Record]:
        after: objects.Key | None = None
        while True:
            changed = self._changed_since(revision)
            matching, after = page.scan(self._catalog, changed, selected, after, _slice(selected))
            yield from matching
            if after is None:
                return

    # Writing

    async def create(self, key: objects.Key, draft: record.Draft) -> record.Record:
        """Raises AlreadyExists. Cancelling the caller does not undo the write; this holds for all writes."""
        return await self._write(write.Write(self.name, key, draft, contract.ABSENT))

    async def update(self, key: objects.Key, draft: record.Draft, expected: int) -> record.Record:
        """Raises Conflict and Missing."""
        return await self._write(write.Write(self.name, key, draft, expected))

    async def delete(self, key: objects.Key, expected: int, final: record.Draft | None = None) -> record.Record:
        """The last content (``final`` where given) under the deletion's revision. Raises Conflict and Missing."""
        return await self._write(write.Write(self.name, key, None, expected, final))

    async def _write(self, wanted: write.Write) -> record.Record:
        (written,) = await self._commit((wanted,))
        if written is None:
            raise errors.Missing(wanted.key)
        return written

    # Being fed

    def load(self, records: Sequence[record.Record]) -> None:
        """Records of the initial state, of one namespace, in order, after all before them."""
        self._catalog.shelf.extend(records)

    async def index(self) -> None:
        """After the initial state: makes the indices of fields."""
        await self._catalog.index_fields()

    def apply(
        self,
        key: objects.Key,
        revision: int,
        draft: record.Draft | None,
        final: record.Draft | None,
    ) -> change.Change | None:
        """One change, after all before it. None where it is known already."""
        if revision <= self._loaded_at:
            return None
        new: record.Record | None = None
        if draft is None:
            previous = self._catalog.remove(key)
            key = key if previous is None else previous.key
        else:
            new, previous = self._catalog.put(key, revision, draft)
            key = new.key
        happened = change.Change(revision, key, new, previous, final)
        self.changed_at = revision
        self._ring.append(happened)
        self._hub.publish(happened)
        self._unsettled.append(happened)
        if len(self._unsettled) > _UNSETTLED_MAX:
            self._unsettled.popleft().settle()
        return happened

    def close(self) -> None:
        """Ends all watches."""
        self._hub.close()

    def statistics(self) -> dict[str, int]:
        return {
            "records": len(self._catalog),
            "size_bytes": self._catalog.shelf.size_bytes,
            "watches": len(self._hub),
            "recent_changes": len(self._ring),
            "oldest_revision": self._ring.oldest,
            "label_indices": len(self._catalog.label_indices),
        }


def _slice(selected: selection.Selection) -> int:
    """How many records are looked at in one go: the fewer, the more is asked about each."""
    terms = len(selected.labels.requirements) + len(selected.fields.requirements)
    whole = _COSTLY_SLICE if selected.fields.is_costly else _SCAN_SLICE
    return min(whole, 10 * whole // max(terms, 1))
