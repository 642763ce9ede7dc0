"""Who owns whom, over all kinds: the graph the garbage collector walks, and its decision. Pure.

Edges are by uid. A dependent counts only in its owner's namespace (or if the owner has none) and logical cluster;
references across namespaces own nothing.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bascule.vocabulary import objects, resources

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


@dataclass(frozen=True)
class Item:
    resource: resources.Resource
    key: objects.Key
    uid: str
    owners: tuple[tuple[str, bool], ...]
    """(uid, blockOwnerDeletion) of each owner reference."""
    finalizers: frozenset[str]
    leaving: bool

    @property
    def waiting(self) -> bool:
        """Deleted in the foreground: it waits for its dependents."""
        return self.leaving and FOREGROUND in self.finalizers


def item(resource: resources.Resource, obj: objects.Object) -> Item:
    owners = tuple(
        (reference.get("uid") or "", bool(reference.get("blockOwnerDeletion")))
        for reference in objects.owner_references(obj)
    )
    key = objects.key(obj)
    if resource.namespaced != bool(key.namespace):
        # Of a custom kind of one name one cluster may have objects in namespaces and another without.
        resource = dataclasses.replace(resource, namespaced=bool(key.namespace))
    return Item(
        resource,
        key,
        objects.uid(obj),
        owners,
        frozenset(objects.finalizers(obj)),
        objects.deletion_timestamp(obj) is not None,
    )


class Graph:
    """Every object there is, as far as is known."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._places: dict[tuple[str, objects.Key], str] = {}
        self._dependents: dict[str, set[str]] = {}

    def put(self, new: Item) -> None:
        self.drop(new.uid)
        self._items[new.uid] = new
        self._places[(new.resource.qualified, new.key)] = new.uid
        for owner, _ in new.owners:
            self._dependents.setdefault(owner, set()).add(new.uid)

    def drop(self, uid: str) -> None:
        old = self._items.pop(uid, None)
        if old is None:
            return
        if self._places.get((old.resource.qualified, old.key)) == uid:
            del self._places[(old.resource.qualified, old.key)]
        for owner, _ in old.owners:
            others = self._dependents.get(owner)
            if others is not None:
                others.discard(uid)
                if not others:
                    del self._dependents[owner]

    def by_uid(self, uid: str) -> Item | None:
        return self._items.get(uid)

    def by_place(self, qualified: str, key: objects.Key) -> Item | None:
        return self._items.get(self._places.get((qualified, key), ""))

    def dependents(self, owner: Item) -> list[Item]:
        found = (self._items[uid] for uid in self._dependents.get(owner.uid, ()))
        return [one for one in found if _reaches(owner.key, one.key)]

    def blocking(self, owner: Item) -> list[Item]:
        """Those that must be gone before an owner deleted in the foreground; none that waits for this very owner."""
        waiting = self._waiting_for(owner)
        return [one for one in self.dependents(owner) if (owner.uid, True) in one.owners and one.uid not in waiting]

    def _waiting_for(self, dependent: Item) -> set[str]:
        """Owners deleted in the foreground that this one holds up, and theirs: in a circle itself is among them."""
        found: set[str] = set()
        rest = [dependent]
        while rest:
            one = rest.pop()
            for uid, blocks in one.owners:
                owner = self._items.get(uid)
                if blocks and uid not in found and owner and owner.waiting and _reaches(owner.key, one.key):
                    found.add(uid)
                    rest.append(owner)
        return found

    def named_dependents(self, uid: str) -> list[Item]:
        """All that refer to the uid, wherever they are."""
        return [self._items[each] for each in self._dependents.get(uid, ())]

    def __len__(self) -> int:
        return len(self._items)


def _reaches(owner: objects.Key, dependent: objects.Key) -> bool:
    return owner.cluster == dependent.cluster and owner.namespace in ("", dependent.namespace)


OwnerState = Literal["there", "waiting", "absent", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """`delete`: with this propagation; else `keep_owners`: write these references; both None: nothing to do."""

    delete: str | None = None
    keep_owners: list[dict[str, Any]] | None = None
    unsure: bool = False


def judge(obj: objects.Object, states: Mapping[str, OwnerState], *, has_dependents: bool) -> Verdict:
    """What is to become of a live object whose owners are in these states (by uid)."""
    references = objects.owner_references(obj)
    if not references:
        return Verdict()
    by_state: dict[OwnerState, list[dict[str, Any]]] = {}
    for reference in references:
        by_state.setdefault(states.get(reference.get("uid") or "", "unknown"), []).append(reference)
    solid = by_state.get("there", []) + by_state.get("unknown", [])
    if solid:
        unsure = "unknown" in by_state
        return Verdict(keep_owners=solid if len(solid) < len(references) else None, unsure=unsure)
    if "waiting" in by_state and has_dependents:
        return Verdict(delete="Foreground")
    if ORPHAN in objects.finalizers(obj):
        return Verdict(delete="Orphan")
    return Verdict(delete="Foreground" if FOREGROUND in objects.finalizers(obj) else "Background")
