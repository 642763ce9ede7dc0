"""What the scheduler knows: nodes, the pods on them, and namespaces' labels. Changed by events, read by decisions.

Invariant: ``used`` of a node is the sum of its pods' requests, assumed pods included, in whatever order nodes and pods
become known: a pod on an unknown node waits here until the node appears.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from bascule.control.scheduler.columns import Columns
from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.tallies import Tallies
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object


class World:
    def __init__(self) -> None:
        self.columns = Columns()
        self._namespaces: dict[tuple[str, str], Mapping[str, str]] = {}
        self.tallies = Tallies(self.columns, self.namespace_labels)
        self._placed: dict[objects.Key, tuple[Demand, str]] = {}
        self._on_node: dict[str, set[objects.Key]] = {}
        self._priorities: Counter[int] = Counter()

    def namespace_labels(self, cluster: str, namespace: str) -> Mapping[str, str]:
        return self._namespaces.get((cluster, namespace), {})

    def set_namespace(self, cluster: str, namespace: str, labels: Mapping[str, str] | None) -> None:
        if self._namespaces.get((cluster, namespace)) == labels:
            return
        if labels is None:
            self._namespaces.pop((cluster, namespace), None)
        else:
            self._namespaces[cluster, namespace] = labels
        self.tallies.forget_namespaces()

    def put_node(self, node: Object) -> None:
        name = objects.name(node)
        known = name in self.columns.slot_of
        slot = self.columns.put(node)
        if not known:
            for key in self._on_node.get(name, ()):
                self._account(self._placed[key][0], slot, 1)

    def remove_node(self, name: str) -> None:
        slot = self.columns.slot_of.get(name)
        if slot is None:
            return
        for key in self._on_node.get(name, ()):
            self._account(self._placed[key][0], slot, -1)
        self.columns.remove(name)

    def node_of(self, key: objects.Key) -> str | None:
        placed = self._placed.get(key)
        return placed[1] if placed else None

    def place(self, demand: Demand, node: str) -> None:
        """The pod is on the node, or is assumed to be; replaces what was known of it."""
        known = self._placed.get(demand.key)
        if known is not None:
            if known == (demand, node):
                return
            self.remove(demand.key)
        self._placed[demand.key] = (demand, node)
        self._on_node.setdefault(node, set()).add(demand.key)
        self._priorities[demand.priority] += 1
        slot = self.columns.slot_of.get(node)
        if slot is not None:
            self._account(demand, slot, 1)

    def remove(self, key: objects.Key) -> bool:
        """The pod holds nothing any more; False if it was not placed."""
        placed = self._placed.pop(key, None)
        if placed is None:
            return False
        demand, node = placed
        self._priorities[demand.priority] -= 1
        if not self._priorities[demand.priority]:
            del self._priorities[demand.priority]
        on_node = self._on_node[node]
        on_node.discard(key)
        if not on_node:
            del self._on_node[node]
        slot = self.columns.slot_of.get(node)
        if slot is not None:
            self._account(demand, slot, -1)
        return True

    def on_node(self, node: str) -> list[Demand]:
        """The pods on a node."""
        return [self._placed[key][0] for key in self._on_node.get(node, ())]

    def has_below(self, priority: int) -> bool:
        """Whether any placed pod has a lower priority."""
        return any(known < priority for known in self._priorities)

    def placed(self) -> Iterator[tuple[Demand, int]]:
        """Every pod on a known node, with the node's slot."""
        slots = self.columns.slot_of
        for demand, node in self._placed.values():
            slot = slots.get(node)
            if slot is not None:
                yield demand, slot

    def _account(self, demand: Demand, slot: int, sign: int) -> None:
        self.columns.use(slot, demand.requests, sign)
        for port in demand.host_ports:
            self.columns.use_port(slot, port, sign)
        self.tallies.change(demand, slot, sign)
