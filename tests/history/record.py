"""What clients of one resource did and saw, as values: the material the checker judges.

Contents are whole objects where the client saw them whole, and their metadata alone where it asked for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bascule.vocabulary import objects

Object = dict[str, Any]
Key = objects.Key
Start = int | Literal["any", "fresh", "initial"]
"""Where a watch begins: after a version; at whatever state there is ("0") or that is fresh (""), which its first
events show; the same, closed by a bookmark (`sendInitialEvents`)."""


class View(NamedTuple):
    """What a client asks for. `label` and `content` are pairs of a name (a path in the object) and its one value."""

    title: str
    path: str
    query: str = ""
    cluster: str | None = objects.ROOT
    namespace: str | None = None
    name: str | None = None
    label: tuple[str, str] | None = None
    content: tuple[tuple[str, ...], str] | None = None
    shape: Literal["object", "table", "metadata"] = "object"

    @property
    def selective(self) -> bool:
        """Whether changes can bring an object into sight or out of it."""
        return self.label is not None or self.content is not None

    def covers(self, key: Key) -> bool:
        return (
            self.cluster in (None, key.cluster)
            and self.namespace in (None, key.namespace)
            and self.name in (None, key.name)
        )

    def holds(self, key: Key, obj: Object | None) -> bool:
        """Whether the object, whole, is in sight."""
        if obj is None or not self.covers(key):
            return False
        if self.label is not None and objects.labels(obj).get(self.label[0]) != self.label[1]:
            return False
        if self.content is not None:
            value: Any = obj
            for step in self.content[0]:
                value = value.get(step) if isinstance(value, dict) else None
            return bool(value == self.content[1])
        return True

    def shown(self, obj: Object) -> Object:
        """The part of the object that this client compares."""
        return {"metadata": obj["metadata"]} if self.shape == "metadata" else content(obj)


def content(obj: Object) -> Object:
    """An object without what depends on the version it is served in."""
    return {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}


class Event(NamedTuple):
    """`obj` as it was shown; None for BOOKMARK (`closes`: of the initial events) and ERROR (`version` its code)."""

    type: str
    version: int
    key: Key | None = None
    obj: Object | None = None
    closes: bool = False
    text: str = ""


@dataclass
class Stream:
    """One watch from its first byte to its end. `floor`: the newest version acknowledged before it was asked for."""

    view: View
    start: Start
    floor: int
    events: list[Event] = field(default_factory=list)


class Listed(NamedTuple):
    """A list, or a page of one: what follows `after`. `asked`: the exact version that was demanded, or 0."""

    view: View
    version: int
    items: list[tuple[Key, Object]]
    floor: int
    after: Key | None = None
    is_last: bool = True
    asked: int = 0


class Written(NamedTuple):
    """An acknowledged write, with what it answered. `changes` False: it asked for what was there already."""

    key: Key
    obj: Object
    floor: int
    changes: bool = True


class Deleted(NamedTuple):
    """An acknowledged deletion of the object with the uid: it is gone, or marked where a finalizer holds it."""

    key: Key
    uid: str
    floor: int


class Read(NamedTuple):
    """A GET; None for 404."""

    key: Key
    obj: Object | None
    floor: int


@dataclass
class History:
    """`base` is the whole resource, of all clusters, before anything else happened."""

    base: Listed
    streams: list[Stream] = field(default_factory=list)
    lists: list[Listed] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)
    deletions: list[Deleted] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    """The marks of all writes that were attempted: no other may ever be seen."""
    newest: int = 0
    """The newest version that was acknowledged to anybody."""

    def acknowledge(self, version: int) -> None:
        self.newest = max(self.newest, version)
