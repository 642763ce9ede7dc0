"""Records found by something else than their key: a field's value, a label's value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from bascule.control.cache import record
from bascule.vocabulary import objects

Terms = Callable[[record.Record], Iterable[str]]


class Index:
    """``terms`` says under which texts a record is to be found."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._found: dict[str, dict[objects.Key, record.Record]] = {}

    def replace(self, previous: record.Record | None, new: record.Record | None) -> None:
        """One key's change; either may be None. An index that is still being made may not have ``previous`` yet."""
        if previous is not None:
            for term in self._terms(previous):
                holding = self._found.get(term)
                if holding is None:
                    continue
                holding.pop(previous.key, None)
                if not holding:
                    del self._found[term]
        if new is not None:
            for term in self._terms(new):
                found = self._found.get(term)
                if found is None:
                    self._found[term] = {new.key: new}
                else:
                    found[new.key] = new

    def find(self, term: str) -> Collection[record.Record]:
        """In no particular order."""
        found = self._found.get(term)
        return found.values() if found is not None else ()


def field(name: str) -> Terms:
    """A selectable field's value; absent reads as empty, as selectors read it."""
    return lambda shown: (shown.field(name),)


def label(name: str) -> Terms:
    def terms(shown: record.Record) -> Iterable[str]:
        value = shown.labels.get(name)
        return () if value is None else (value,)

    return terms
