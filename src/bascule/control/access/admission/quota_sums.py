"""What namespaces hold of what their quotas count, kept up to date by what has changed.

The first question about a quota counts the namespace; after that only changes are looked at. Of kinds that no quota
counts nothing is kept.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bascule.control.access import reader
from bascule.control.access.admission import quota_usage
from bascule.vocabulary import objects

Place = tuple[str, str, str, str]
"""Cluster, namespace, group and plural."""
_REMEMBERED_MAX: Final = 100_000


class Quota(NamedTuple):
    name: str
    hard: dict[str, int]
    document: objects.Object


class _Sum(NamedTuple):
    quota: Quota
    total: dict[str, int]


class _Kind:
    """The sums of one kind, all as of one revision of it."""

    __slots__ = ("places", "revision")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.places: dict[tuple[str, str], dict[str, _Sum]] = {}


class Sums:
    def __init__(self, source: reader.Reader) -> None:
        self._source = source
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._count = 0

    def of(self, quota: Quota, place: Place) -> Mapping[str, int]:
        """By quota resource, in billionths; what is not held at all may be absent."""
        cluster, namespace, group, plural = place
        kind = self._follow(group, plural)
        named = kind.places.setdefault((cluster, namespace), {})
        known = named.get(quota.name)
        if known is not None and _same(known.quota, quota):
            return known.total
        total: dict[str, int] = {}
        for obj in self._source.list(group, plural, cluster, namespace):
            add(total, quota, place, obj)
        named[quota.name] = _Sum(quota, total)
        self._count += known is None
        if self._count > _REMEMBERED_MAX:
            self._kinds.clear()
            self._count = 0
        return total

    def _follow(self, group: str, plural: str) -> _Kind:
        revision = self._source.revision(group, plural)
        kind = self._kinds.get((group, plural))
        if kind is None:
            kind = self._kinds[group, plural] = _Kind(revision)
        if kind.revision != revision:
            happened = self._source.changes(group, plural, kind.revision)
            if happened is None:
                kind.places.clear()
            for change in happened or ():
                for known in kind.places.get((change.key.cluster, change.key.namespace), {}).values():
                    _apply(known, (change.key.cluster, change.key.namespace, group, plural), change)
            kind.revision = revision
        return kind


def _same(known: Quota, quota: Quota) -> bool:
    """Whether both count alike: the status, which a controller writes all the time, is nothing to count by."""
    if known.document is quota.document:
        return True
    return bool(known.document.get("spec") == quota.document.get("spec"))


def _apply(known: _Sum, place: Place, change: reader.Change) -> None:
    if change.old is not None:
        take(known.total, known.quota, place, change.old())
    if change.new is not None:
        add(known.total, known.quota, place, change.new())


def add(total: dict[str, int], quota: Quota, place: Place, obj: objects.Object) -> None:
    for name, amount in _cost(quota, place, obj).items():
        total[name] = total.get(name, 0) + amount


def take(total: dict[str, int], quota: Quota, place: Place, obj: objects.Object) -> None:
    for name, amount in _cost(quota, place, obj).items():
        total[name] = total.get(name, 0) - amount


def _cost(quota: Quota, place: Place, obj: objects.Object) -> dict[str, int]:
    """What the object costs of what the quota limits."""
    group, plural = place[2], place[3]
    if not quota_usage.in_scope(quota.document, group, plural, obj):
        return {}
    cost = quota_usage.of(group, plural, obj)
    return {name: cost[name] for name in quota.hard if cost.get(name)}
