"""One resource's current records with everything that finds them. Knows nothing of time: see ``ring`` for that.

Label indices are made when first asked for, on large resources only, and the least recently used one is dropped for a
new one: their cost is paid where lists by label happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bascule.control.cache import index, keys, record, scope, selection, shelf
from bascule.vocabulary import objects

LABEL_INDEX_FROM = 1000
_LABEL_INDICES_MAX = 8


class Catalog:
    def __init__(self, indexed: Iterable[str]) -> None:
        self.shelf = shelf.Shelf()
        self._owners = index.Index(index.owners)
        self._fields = {name: index.Index(index.field(name)) for name in indexed}
        self._labels: dict[str, index.Index] = {}

    def __len__(self) -> int:
        return len(self.shelf)

    @property
    def label_indices(self) -> list[str]:
        """The labels that are indexed now."""
        return list(self._labels)

    def replace(self, key: objects.Key, new: record.Record | None) -> record.Record | None:
        """Puts or (None) removes; returns what was there."""
        previous = self.shelf.remove(key) if new is None else self.shelf.put(new)
        if (previous is not None and previous.owners) or (new is not None and new.owners):
            self._owners.replace(previous, new)
        for found in self._fields.values():
            found.replace(previous, new)
        for found in self._labels.values():
            found.replace(previous, new)
        return previous

    def by_owner(self, uid: str) -> list[record.Record]:
        return sorted(self._owners.find(uid), key=_order)

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

    def _found(self, selected: selection.Selection) -> Iterable[record.Record] | None:
        """A small set that holds all of the selection, None where there is no index for it."""
        name = selected.fields.exact("metadata.name")
        if name is not None:
            return self.shelf.named(selected.within, name)
        for field, found in self._fields.items():
            value = selected.fields.exact(field)
            if value is not None:
                return found.find(value)
        return self._labelled(selected)

    def _labelled(self, selected: selection.Selection) -> Iterable[record.Record] | None:
        for key, operator, values in selected.labels.requirements:
            if operator != "in":
                continue
            found = self._labels.pop(key, None)
            if found is None:
                if self.shelf.count(selected.within) < LABEL_INDEX_FROM:
                    return None
                found = self._index_label(key)
            self._labels[key] = found  # Moved to the end: the first is the least recently used.
            return [shown for value in values for shown in found.find(value)]
        return None

    def _index_label(self, key: str) -> index.Index:
        while len(self._labels) >= _LABEL_INDICES_MAX:
            del self._labels[next(iter(self._labels))]
        made = index.Index(index.label(key))
        for shown in self.shelf.records(scope.EVERYWHERE):
            made.replace(None, shown)
        return made


def _order(shown: record.Record) -> tuple[str, str]:
    return keys.order(shown.key)
