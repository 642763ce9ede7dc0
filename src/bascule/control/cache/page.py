"""A part of a list at one revision, and how it is made from now by going back."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from bascule.control.cache import catalog, keys, record, selection
from bascule.vocabulary import objects


class Page(NamedTuple):
    """``next`` is this page's last key where more follows: pass it as ``after``. ``remaining``: None with selectors."""

    records: list[record.Record]
    revision: int
    next: objects.Key | None
    remaining: int | None


def order(shown: record.Record) -> tuple[str, str]:
    return keys.order(shown.key)


def cut(matching: Iterable[record.Record], limit: int, revision: int) -> Page:
    """The first ``limit`` (0 is all), with ``remaining`` still to be said where more follow."""
    if not limit:
        return Page(list(matching), revision, None, None)
    source = iter(matching)
    taken = list(islice(source, limit))
    more = next(source, None) is not None
    return Page(taken, revision, taken[-1].key if more else None, None)


def scan(
    now: catalog.Catalog,
    changed: Mapping[objects.Key, record.Record | None],
    selected: selection.Selection,
    after: objects.Key | None,
    count: int,
) -> tuple[list[record.Record], objects.Key | None]:
    """What matches among the next ``count`` of the scope, and the key to go on after, None at the end."""
    looked_at = list(islice(at_revision(now, changed, selection.Selection(selected.within), after), count))
    matching = list(filter(selected.chooses, looked_at))
    return matching, looked_at[-1].key if len(looked_at) == count else None


def at_revision(
    now: catalog.Catalog,
    changed: Mapping[objects.Key, record.Record | None],
    selected: selection.Selection,
    after: objects.Key | None,
) -> Iterator[record.Record]:
    """What the selection held when ``changed`` had not happened yet: its keys, each with what was there before."""
    if not changed:
        return now.select(selected, after)
    unchanged = (shown for shown in now.select(selected, after) if shown.key not in changed)
    earlier = sorted(
        (shown for shown in changed.values() if shown is not None and _takes(selected, shown, after)), key=order
    )
    return heapq.merge(unchanged, earlier, key=order)


def _takes(selected: selection.Selection, shown: record.Record, after: objects.Key | None) -> bool:
    return selected.matches(shown) and (after is None or order(shown) > keys.order(after))


def remaining(
    now: catalog.Catalog,
    changed: Mapping[objects.Key, record.Record | None],
    selected: selection.Selection,
    after: objects.Key,
) -> int:
    """How many of an unselective scope lie above ``after``."""
    floor = keys.order(after)
    count = now.shelf.count(selected.within, after)
    for key, earlier in changed.items():
        if selected.within.holds(key) and keys.order(key) > floor:
            count += (earlier is not None) - (now.shelf.get(key) is not None)
    return count
