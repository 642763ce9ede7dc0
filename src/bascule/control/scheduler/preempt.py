"""Who has to go so that a pod of higher priority finds room, where no node has any.

Of the nodes that could take the pod without their pods of lower priority, the one is chosen whose victims break the
fewest disruption budgets, then have the least priorities, then are fewest. The world is as before when this returns:
pods are taken out and put back while a node is tried. A bounded number of nodes is tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bascule.control.scheduler import decide, filters
from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.world import World
from bascule.vocabulary import labels

CANDIDATES_MAX = 32


class Budget(NamedTuple):
    """A PodDisruptionBudget, and how many of its pods may go now."""

    cluster: str
    namespace: str
    selector: labels.Selector
    allowed: int

    def covers(self, demand: Demand) -> bool:
        place = (demand.key.cluster, demand.key.namespace)
        return place == (self.cluster, self.namespace) and self.selector.matches(demand.labels)


class Eviction(NamedTuple):
    node: str
    victims: tuple[Demand, ...]


def plan(world: World, wanted: Demand, budgets: Sequence[Budget], source: random.Random) -> Eviction | None:
    """Whom to evict from where; None if that helps nowhere, or the pod does not preempt."""
    if not wanted.preempts or not world.has_below(wanted.priority):
        return None
    best: tuple[tuple[int, ...], Eviction] | None = None
    found = 0
    for slot, lower in _promising(world, wanted, source):
        victims = _victims(world, wanted, slot, lower, budgets)
        if not victims:
            continue
        cost = _cost(victims, budgets)
        if best is None or cost < best[0]:
            best = cost, Eviction(world.columns.names[slot], victims)
        found += 1
        if found == CANDIDATES_MAX:
            break
    return best[1] if best else None


def _promising(world: World, wanted: Demand, source: random.Random) -> Iterator[tuple[int, list[Demand]]]:
    """Nodes that would have the resources without their pods of lower priority, and those pods."""
    columns = world.columns
    mask = columns.alive & filters.chosen_nodes(columns, wanted)
    for clean, _ in filters.untainted(columns, wanted):
        mask = mask & clean
    slots = [int(slot) for slot in np.flatnonzero(mask)]
    source.shuffle(slots)
    for slot in slots:
        lower = [one for one in world.on_node(columns.names[slot]) if one.priority < wanted.priority]
        if lower and all(
            _free(world, name, slot) + sum(one.requests.get(name, 0) for one in lower) >= amount
            for name, amount in wanted.requests.items()
            if amount
        ):
            yield slot, lower


def _free(world: World, resource: str, slot: int) -> int:
    columns = world.columns
    return int(columns.capacity[resource][slot] - columns.used[resource][slot]) if resource in columns.capacity else 0


def _victims(
    world: World, wanted: Demand, slot: int, lower: list[Demand], budgets: Sequence[Budget]
) -> tuple[Demand, ...]:
    """All but those that may stay after all, asked for in the order in which they are worth keeping."""
    node = world.columns.names[slot]
    for one in lower:
        world.remove(one.key)
    try:
        if not _takes(world, wanted, slot):
            return ()
        victims = []
        for one in sorted(lower, key=lambda one: (not _protected(one, budgets), -one.priority, one.key)):
            world.place(one, node)
            if not _takes(world, wanted, slot):
                world.remove(one.key)
                victims.append(one)
        return tuple(victims)
    finally:
        for one in lower:
            world.place(one, node)


def _takes(world: World, wanted: Demand, slot: int) -> bool:
    if any(_free(world, name, slot) < amount for name, amount in wanted.requests.items() if amount):
        return False
    if not all(mask[slot] for mask, _ in filters.free_ports(world.columns, wanted)):
        return False
    among_others = wanted.affinity or wanted.anti_affinity or wanted.spread or world.tallies.repulsions
    return not among_others or bool(decide.feasible(world, wanted)[0][slot])


def _protected(one: Demand, budgets: Sequence[Budget]) -> bool:
    return any(budget.allowed <= 0 and budget.covers(one) for budget in budgets)


def _cost(victims: tuple[Demand, ...], budgets: Sequence[Budget]) -> tuple[int, ...]:
    broken = 0
    for budget in budgets:
        going = sum(budget.covers(one) for one in victims if one.counts)
        broken += max(0, going - max(0, budget.allowed))
    priorities = [one.priority for one in victims]
    return broken, max(priorities), sum(priority + 2**31 for priority in priorities), len(victims)
