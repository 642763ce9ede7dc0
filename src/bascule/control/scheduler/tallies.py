"""How many matching pods each node has, for every question that was asked lately.

A tally is counted once over all placed pods and then kept up with each pod that comes or goes, so that affinity and
spreading cost what a few array operations cost, not a walk over pods. At most ``TALLIES_MAX`` questions are remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from bascule.control.scheduler.columns import ABSENT, Columns, Labels, Numbers
from bascule.control.scheduler.demand import Affinity, Demand, Term

TALLIES_MAX = 512

NamespaceLabels = Callable[[str, str], Mapping[str, str]]
"""(cluster, namespace) → its labels."""

K = TypeVar("K")

Placed = Iterable[tuple[Demand, int]]


def matches(term: Term, demand: Demand, namespace_labels: NamespaceLabels) -> bool:
    """Whether the pod is one that the term counts."""
    cluster, namespace, _ = demand.key
    if cluster != term.cluster:
        return False
    if namespace not in term.namespaces:
        wider = term.namespace_selector
        if wider is None or not wider.matches(namespace_labels(cluster, namespace)):
            return False
    return term.selector.matches(demand.labels)


def by_domain(counts: Numbers, label: Labels) -> Numbers:
    """For each node the sum over all nodes that share its value of the label; 0 where it has none."""
    codes = label.codes
    valid = codes != ABSENT
    sums = np.bincount(codes[valid], weights=counts[valid], minlength=len(label.values) + 1).astype(np.int64)
    sums[-1] = 0  # what ABSENT, the last entry, reads
    return sums[codes]


class Tallies:
    def __init__(self, columns: Columns, namespace_labels: NamespaceLabels) -> None:
        self._columns = columns
        self._namespace_labels = namespace_labels
        self._counts: OrderedDict[Term, Numbers] = OrderedDict()
        self._siblings: dict[str, Numbers] = {}
        self.repulsions: dict[Affinity, Numbers] = {}
        """Required anti-affinity of placed pods: how many on each node hold that very term."""
        self.attractions: dict[Affinity, Numbers] = {}
        """The same for what placed pods merely prefer (weight below 0: would rather not)."""

    def count(self, term: Term, placed: Placed) -> Numbers:
        """Matching pods on each node."""
        counts = self._counts.get(term)
        if counts is not None:
            self._counts.move_to_end(term)
            return self._sized(counts, lambda c: self._counts.__setitem__(term, c))
        counts = np.zeros(self._columns.size, dtype=np.int64)
        for demand, slot in placed:
            if demand.counts and matches(term, demand, self._namespace_labels):
                counts[slot] += 1
        self._counts[term] = counts
        if len(self._counts) > TALLIES_MAX:
            self._counts.popitem(last=False)
        return counts

    def siblings(self, owner: str) -> Numbers:
        """Pods of the same controller on each node."""
        counts = self._siblings.get(owner)
        if counts is None:
            return np.zeros(self._columns.size, dtype=np.int64)
        return self._sized(counts, lambda c: self._siblings.__setitem__(owner, c))

    def change(self, demand: Demand, slot: int, sign: int) -> None:
        """A pod was placed (+1) or went (-1)."""
        if demand.counts:
            for term, counts in self._counts.items():
                if matches(term, demand, self._namespace_labels):
                    self._sized(counts, lambda c, t=term: self._counts.__setitem__(t, c))[slot] += sign  # type: ignore[misc]
            if demand.owner:
                self._add(self._siblings, demand.owner, slot, sign)
        for affinity in demand.anti_affinity:
            self._add(self.repulsions, affinity, slot, sign)
        for affinity in demand.preferred:
            self._add(self.attractions, affinity, slot, sign)
        for affinity in demand.affinity:
            # As upstream: what a placed pod requires draws others a little, too.
            self._add(self.attractions, affinity._replace(weight=1), slot, sign)

    def forget_namespaces(self) -> None:
        """A namespace's labels changed: what depends on them is counted anew when asked."""
        for term in [term for term in self._counts if term.namespace_selector is not None]:
            del self._counts[term]

    def sized(self, counts: Numbers) -> Numbers:
        """The counts, padded to the columns' present size."""
        missing = self._columns.size - len(counts)
        return np.concatenate([counts, np.zeros(missing, dtype=np.int64)]) if missing else counts

    def _sized(self, counts: Numbers, keep: Callable[[Numbers], None]) -> Numbers:
        if len(counts) == self._columns.size:
            return counts
        counts = self.sized(counts)
        keep(counts)
        return counts

    def _add(self, table: dict[K, Numbers], key: K, slot: int, sign: int) -> None:
        counts = table.get(key)
        counts = np.zeros(self._columns.size, dtype=np.int64) if counts is None else self.sized(counts)
        table[key] = counts
        counts[slot] += sign
        if sign < 0 and not counts.any():
            del table[key]
