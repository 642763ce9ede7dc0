"""The access rules' view of the caches (`access.reader.Reader`): synchronous, over what is in memory.

Decoded objects are kept, by version: access reads the same few on every request. They are shared: never change them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bascule.control.access import reader as access_reader
from bascule.control.cache import cache, errors, record, resource, scope
from bascule.vocabulary import fields, objects

_DECODED_MAX: Final = 20_000


class CacheReader:
    """Answers from loaded resources; one that is not loaded is empty."""

    def __init__(self, caches: cache.Cache) -> None:
        self._caches = caches
        self._decoded: dict[tuple[str, objects.Key], tuple[int, objects.Object]] = {}
        self._loaded: dict[tuple[str, str], resource.ResourceCache] = {}

    def _resource(self, group: str, plural: str) -> resource.ResourceCache | None:
        found = self._loaded.get((group, plural))
        if found is None:
            found = self._caches.loaded(group, plural)
            if found is not None:
                self._loaded[group, plural] = found
        return found

    def _decode(self, plural: str, stored: record.Record) -> objects.Object:
        key = (plural, stored.key)
        kept = self._decoded.get(key)
        if kept is not None and kept[0] == stored.revision:
            return kept[1]
        obj = stored.decode()
        if len(self._decoded) >= _DECODED_MAX:
            self._decoded.clear()
        self._decoded[key] = (stored.revision, obj)
        return obj

    def get(self, group: str, plural: str, cluster: str, namespace: str, name: str) -> objects.Object | None:
        loaded = self._loaded.get((group, plural)) or self._resource(group, plural)
        stored = loaded.get(objects.Key(cluster, namespace, name)) if loaded is not None else None
        if stored is None:
            return None
        kept = self._decoded.get((plural, stored.key))  # As `_decode` does: every write asks for its namespace.
        return kept[1] if kept is not None and kept[0] == stored.revision else self._decode(plural, stored)

    def list(self, group: str, plural: str, cluster: str, namespace: str | None) -> Sequence[objects.Object]:
        loaded = self._resource(group, plural)
        if loaded is None:
            return ()
        page = loaded.list(scope.Scope(cluster, namespace))
        return [self._decode(plural, stored) for stored in page.records]

    def revision(self, group: str, plural: str) -> int:
        loaded = self._resource(group, plural)
        return loaded.changed_at if loaded is not None else 0

    def changes(self, group: str, plural: str, since: int) -> Sequence[access_reader.Change] | None:
        loaded = self._resource(group, plural)
        if loaded is None:
            return ()
        try:
            happened = loaded.changes(since)
        except errors.CacheError:
            return None
        return [
            access_reader.Change(one.key, self._later(plural, one.previous), self._later(plural, one.record))
            for one in happened
        ]

    def _later(self, plural: str, stored: record.Record | None) -> Callable[[], objects.Object] | None:
        """Decodes when asked, without putting what is past in the place of what is."""
        if stored is None:
            return None
        kept = self._decoded.get((plural, stored.key))
        if kept is not None and kept[0] == stored.revision:
            return lambda: kept[1]
        return stored.decode

    def pods_on(self, node: str) -> Sequence[objects.Object]:
        loaded = self._resource("", "pods")
        if loaded is None:
            return ()
        on_node = fields.FieldSelector((fields.Requirement("spec.nodeName", "=", node),))
        return [self._decode("pods", stored) for stored in loaded.list(fields=on_node).records]
