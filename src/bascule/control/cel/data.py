"""Declared data: what a schema says of values, and lazy views that give raw JSON the meaning it declares.

A view costs nothing until something is read from it; what needs no view (texts, integers, booleans, and lists and
maps of them) stays raw. ``Declared.maximum`` bounds sizes for the estimate of costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bascule.control.cel import types
from bascule.control.cel.errors import EvaluationError
from bascule.control.cel.values import register

Wrap = Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Declared:
    """A place in declared data."""

    type: types.Type
    maximum: int = 0
    """The greatest length: of text in characters, of bytes, items, entries."""
    minimum_json: int = 0
    """The least bytes a value takes as JSON."""
    element: Declared | None = None
    """Of a list its items', of a map its values'."""
    key: Declared | None = None
    fields: dict[str, Field] = field(default_factory=dict)
    """Of an object, by the name that expressions use."""
    wrap: Wrap | None = None
    """From raw JSON to a value; None when that is the same."""
    plain: bool = True
    """Values are equal exactly when their JSON is."""
    list_type: str = ""
    list_keys: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Field:
    """A property of an object, under the name that data has for it."""

    raw_name: str
    declared: Declared


def unwrapped(value: Any) -> Any:
    """A view's raw data; other values as they are."""
    return value.raw if type(value) in _VIEWS else value


class ObjectView:
    """An object with declared fields; only those that the data has are there. Null is the same as absence."""

    __slots__ = ("declared", "raw")

    def __init__(self, raw: dict[str, Any], declared: Declared) -> None:
        self.raw = raw
        self.declared = declared

    def __len__(self) -> int:
        return len(self.raw)

    def has(self, name: str) -> bool:
        found = self.declared.fields.get(name)
        return found is not None and self.raw.get(found.raw_name) is not None

    def get(self, name: str) -> Any:
        """Raises EvaluationError when the data has no such field."""
        found = self.declared.fields.get(name)
        value = self.raw.get(found.raw_name) if found is not None else None
        if found is None or value is None:
            raise EvaluationError(f"no such key: {name}")
        wrap = found.declared.wrap
        return value if wrap is None else wrap(value)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.declared.fields if self.has(name))


class ListView:
    """A list whose items need a view. A set or a map of items is equal in any order."""

    __slots__ = ("declared", "raw")

    def __init__(self, raw: list[Any], declared: Declared) -> None:
        self.raw = raw
        self.declared = declared

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: int) -> Any:
        element = self.declared.element
        value = self.raw[index]
        return value if element is None or element.wrap is None else element.wrap(value)

    def __iter__(self) -> Iterator[Any]:
        element = self.declared.element
        wrap = element.wrap if element is not None else None
        return iter(self.raw) if wrap is None else map(wrap, self.raw)

    def key(self, item: Any) -> Any:
        """What tells an item of a set or map from the others."""
        raw = unwrapped(item)
        if self.declared.list_type == "set":
            return raw
        return tuple(raw.get(name) for name in self.declared.list_keys) if isinstance(raw, dict) else raw

    def added(self, other: Any) -> ListView | list[Any]:
        """``self + other``: a set takes what it has not, a map of items replaces those of the same key."""
        if not self.declared.list_type:
            return [*self, *other]
        items: dict[Any, Any] = {self.key(item): item for item in self.raw}
        for item in other:
            raw = unwrapped(item)
            if self.declared.list_type != "set" or self.key(item) not in items:
                items[self.key(item)] = raw
        return ListView(list(items.values()), self.declared)


class MapView:
    """A map from text to values that need a view."""

    __slots__ = ("declared", "raw")

    def __init__(self, raw: dict[str, Any], declared: Declared) -> None:
        self.raw = raw
        self.declared = declared

    def __len__(self) -> int:
        return len(self.raw)

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __contains__(self, key: object) -> bool:
        return key in self.raw

    def __getitem__(self, key: str) -> Any:
        element = self.declared.element
        value = self.raw[key]
        return value if element is None or element.wrap is None else element.wrap(value)


_VIEWS = frozenset({ObjectView, ListView, MapView})
LISTS = (list, ListView)
MAPS = (dict, MapView, ObjectView)

register(ObjectView, "object")
register(ListView, "list")
register(MapView, "map")
