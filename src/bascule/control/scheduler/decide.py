"""The decision: filters, then scores, then one of the best at random (so that ties do not pile up on the first node).

Pure but for the randomness passed in and the tallies it warms.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from bascule.control.scheduler import filters, scores
from bascule.control.scheduler.columns import Mask
from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.world import World


@dataclass(frozen=True, slots=True)
class Choice:
    """A node, or None with the number of nodes that each reason excluded."""

    node: str | None
    reasons: Counter[str] = field(default_factory=Counter)
    nodes: int = 0

    def message(self) -> str:
        """As kube-scheduler words it: ``0/3 nodes are available: 1 Insufficient cpu, 2 Too many pods.``"""
        if not self.nodes:
            return "no nodes available to schedule pods"
        listed = ", ".join(sorted(f"{count} {reason}" for reason, count in self.reasons.items()))
        return f"0/{self.nodes} nodes are available: {listed}."


def choose(world: World, demand: Demand, source: random.Random) -> Choice:
    """The node for one pod; the world is left as it is."""
    columns = world.columns
    able, reasons = feasible(world, demand)
    count = int(np.count_nonzero(able))
    if not count:
        return Choice(None, reasons, len(columns))
    if count == 1:
        return Choice(columns.names[int(np.flatnonzero(able)[0])])
    score = scores.total(world, demand, able)
    score[~able] = -np.inf
    best = np.flatnonzero(score >= score.max() - 1e-9)
    return Choice(columns.names[int(best[source.randrange(len(best))])])


def feasible(world: World, demand: Demand) -> tuple[Mask, Counter[str]]:
    """The nodes that may take the pod, and how many nodes each reason excluded."""
    columns = world.columns
    left = columns.alive.copy()
    reasons: Counter[str] = Counter()

    def narrow(mask: Mask, reason: str) -> None:
        nonlocal left
        narrowed = left & mask
        excluded = int(np.count_nonzero(left)) - int(np.count_nonzero(narrowed))
        if excluded:
            reasons[reason] += excluded
        left = narrowed

    clean = columns.alive.copy()
    for mask, reason in filters.untainted(columns, demand):
        clean &= mask
        narrow(mask, reason)
    chosen = filters.chosen_nodes(columns, demand)
    narrow(chosen, "node(s) didn't match Pod's node affinity/selector")
    if left.any():
        for mask, reason in filters.free_ports(columns, demand):
            narrow(mask, reason)
        for mask, reason in filters.fits(columns, demand):
            narrow(mask, reason)
    if left.any():
        for mask, reason in filters.spread_evenly(world, demand, chosen, clean):
            narrow(mask, reason)
        for mask, reason in filters.near_and_far(world, demand):
            narrow(mask, reason)
    return left, reasons
