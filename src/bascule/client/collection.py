"""What an informer knows: objects by key, and indices over them.

Invariant: after any `apply` or `replace` every index agrees with the objects, and the changes returned are exactly
the difference. Objects are shared with every reader and never changed in place. No I/O.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

from bascule.vocabulary import objects

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"

IndexFunction = Callable[[objects.Object], Iterable[Hashable]]


class Change(NamedTuple):
    """`old` is None when ADDED, `new` is None when DELETED."""

    type: str
    old: objects.Object | None
    new: objects.Object | None


class Collection:
    def __init__(self) -> None:
        self.objects: dict[objects.Key, objects.Object] = {}
        self._functions: dict[str, IndexFunction] = {}
        self._indices: dict[str, dict[Hashable, dict[objects.Key, None]]] = {}

    def add_index(self, name: str, function: IndexFunction) -> None:
        """An index that exists under this name already is kept, so that several readers may ask for the same."""
        if name in self._functions:
            return
        self._functions[name] = function
        self._indices[name] = {}
        for key, obj in self.objects.items():
            for value in function(obj):
                self._indices[name].setdefault(value, {})[key] = None

    def by_index(self, name: str, value: Hashable) -> list[objects.Object]:
        return [self.objects[key] for key in self._indices[name].get(value, ())]

    def put(self, obj: objects.Object) -> list[Change]:
        """Takes in a newer state; a different uid under the same key is another object: deleted, then added."""
        key = objects.key(obj)
        old = self.objects.get(key)
        if old is None:
            self._insert(key, obj)
            return [Change(ADDED, None, obj)]
        if objects.metadata(old).get("resourceVersion") == objects.metadata(obj).get("resourceVersion"):
            return []
        self._remove(key, old)
        self._insert(key, obj)
        if objects.uid(old) != objects.uid(obj):
            return [Change(DELETED, old, None), Change(ADDED, None, obj)]
        return [Change(MODIFIED, old, obj)]

    def drop(self, key: objects.Key, final: objects.Object | None = None) -> list[Change]:
        """Takes the object out; the change carries `final`, its last state, where known."""
        old = self.objects.get(key)
        if old is None:
            return []
        self._remove(key, old)
        return [Change(DELETED, final or old, None)]

    def replace(self, current: Mapping[objects.Key, objects.Object]) -> list[Change]:
        """Makes the collection equal to `current`; what is missing from it counts as deleted."""
        changes: list[Change] = []
        for key in [key for key in self.objects if key not in current]:
            changes += self.drop(key)
        for obj in current.values():
            changes += self.put(obj)
        return changes

    def _insert(self, key: objects.Key, obj: objects.Object) -> None:
        self.objects[key] = obj
        for name, function in self._functions.items():
            for value in function(obj):
                self._indices[name].setdefault(value, {})[key] = None

    def _remove(self, key: objects.Key, obj: objects.Object) -> None:
        del self.objects[key]
        for name, function in self._functions.items():
            index = self._indices[name]
            for value in function(obj):
                keys = index.get(value)
                if keys is not None:
                    keys.pop(key, None)
                    if not keys:
                        del index[value]
