"""One resource's current records with everything that finds them. Knows nothing of time: see ``ring`` for that.

Indices are made a slice at a time, on large resources only: fields' once and for all, labels' when first asked for, the
least recently used giving way to a new one, so that their cost is paid where lists by label happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice

from bascule.control.cache import index, keys, record, scope, selection, shelf
from bascule.vocabulary import objects

LABEL_INDEX_FROM = 1000
_LABEL_INDICES_MAX = 8
_SLICE = 500
_FEW = 4000


class Catalog:
    def __init__(self, indexed: Iterable[str]) -> None:
        self.shelf = shelf.Shelf()
        self._indexed = tuple(indexed)
        self._fields: dict[str, index.Index] = {}
        self._labels: dict[str, index.Index] = {}
        self._growing: list[index.Index] = []
        self._making = asyncio.Lock()

    def __len__(self) -> int:
        return len(self.shelf)

    @property
    def label_indices(self) -> list[str]:
        """The labels that are indexed now."""
        return list(self._labels)

    def put(self, key: objects.Key, revision: int, draft: record.Draft) -> tuple[record.Record, record.Record | None]:
        """The new record, and what was there."""
        new, previous = self.shelf.put(key, revision, draft)
        if self._fields or self._labels or self._growing:
            self._reindex(previous, new)
        return new, previous

    def remove(self, key: objects.Key) -> record.Record | None:
        """Returns what was there."""
        previous = self.shelf.remove(key)
        self._reindex(previous, None)
        return previous

    def _reindex(self, previous: record.Record | None, new: record.Record | None) -> None:
        for found in (*self._fields.values(), *self._labels.values(), *self._growing):
            found.replace(previous, new)

    def select(self, selected: selection.Selection, after: objects.Key | None = None) -> Iterator[record.Record]:
        """The selection's records above ``after``, in order, by the cheapest way there is."""
        if not selected.selective:
            return self.shelf.records(selected.within, after)
        found = self._found(selected)
        if found is None:
            return filter(selected.chooses, self.shelf.records(selected.within, after))
        floor = keys.order(after) if after is not None else ("", "")
        matching = [shown for shown in found if selected.matches(shown) and _order(shown) > floor]
        matching.sort(key=_order)
        return iter(matching)

    def must_scan(self, selected: selection.Selection) -> bool:
        """Whether ``select``, read to its end, looks at each record of a large scope."""
        if self.shelf.count(selected.within) < LABEL_INDEX_FROM:
            return False
        return not selected.selective or self._found(selected) is None

    def _found(self, selected: selection.Selection) -> Iterable[record.Record] | None:
        """A small set that holds all of the selection, None where there is no index for it."""
        name = selected.fields.exact("metadata.name")
        if name is not None:
            return self.shelf.named(selected.within, name)
        for field, indexed in self._fields.items():
            value = selected.fields.exact(field)
            if value is not None:
                return self._if_few(list(indexed.find(value)))
        for key, values in _demanded(selected):
            found = self._labels.pop(key, None)
            if found is not None:
                self._labels[key] = found  # Moved to the end: the first is the least recently used.
                return self._if_few([shown for value in values for shown in found.find(value)])
        return None

    def _if_few(self, found: list[record.Record]) -> list[record.Record] | None:
        """Sorting many would keep others waiting; reading all there is in order can be done in slices."""
        return found if len(found) <= _FEW else None

    # Indices

    async def prepare(self, selected: selection.Selection) -> None:
        """Makes the index that lists by this selection gain from, unless it is there or the resource is small."""
        wanted = next((key for key, _ in _demanded(selected)), None)
        if wanted is None or wanted in self._labels or self.shelf.count(selected.within) < LABEL_INDEX_FROM:
            return
        async with self._making:
            if wanted not in self._labels:
                made = await self._make(index.label(wanted))
                while len(self._labels) >= _LABEL_INDICES_MAX:
                    del self._labels[next(iter(self._labels))]
                self._labels[wanted] = made

    async def index_fields(self) -> None:
        """Makes the fields' indices; until then lists by them read all there is."""
        async with self._making:
            for name in self._indexed:
                self._fields[name] = await self._make(index.field(name))

    async def _make(self, terms: index.Terms) -> index.Index:
        """What changes meanwhile is told to the index as to any other, whether it has come that far or not."""
        made = index.Index(terms)
        self._growing.append(made)
        try:
            after = None
            while True:
                following = list(islice(self.shelf.records(scope.EVERYWHERE, after), _SLICE))
                for shown in following:
                    made.replace(None, shown)
                if len(following) < _SLICE:
                    return made
                after = following[-1].key
                await asyncio.sleep(0)
        finally:
            self._growing.remove(made)


def _demanded(selected: selection.Selection) -> Iterator[tuple[str, Iterable[str]]]:
    """The labels of which the selection demands one of some values."""
    return ((key, values) for key, operator, values in selected.labels.requirements if operator == "in")


def _order(shown: record.Record) -> tuple[str, str]:
    return keys.order(shown.key)
