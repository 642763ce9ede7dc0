"""How good each admissible node is: one function for each wish, each 0 to 100 over all nodes; weights are upstream's.

Everything is computed over whole columns; nodes that the filters excluded are scored too and then ignored.
"""

from __future__ import annotations

import numpy as np

from bascule.control.scheduler import filters, tallies
from bascule.control.scheduler.columns import ABSENT, Mask, Scores
from bascule.control.scheduler.demand import CPU, MEMORY, Demand
from bascule.control.scheduler.world import World

BEST = 100.0
LITTLE = {CPU: 100, MEMORY: 200 * 1024 * 1024}
"""What a pod without requests is counted as here, so that such pods spread too."""

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


def total(world: World, demand: Demand, feasible: Mask) -> Scores:
    """The weighted sum of all wishes."""
    score = roomy(world, demand)
    if demand.preferred_nodes:
        score += 2 * normal(preferred_nodes(world, demand), feasible)
    avoided = avoided_taints(world, demand)
    if avoided.any():
        score += 3 * (BEST - normal(avoided, feasible))
    if demand.preferred or world.tallies.attractions:
        score += 2 * normal(company(world, demand), feasible)
    crowd = crowding(world, demand)
    if crowd is not None:
        score += 2 * (BEST - normal(crowd, feasible))
    return score


def normal(raw: Scores, feasible: Mask) -> Scores:
    """Stretched so that the least feasible node has 0 and the best 100."""
    values = raw[feasible]
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros_like(raw)
    return (raw - low) * (BEST / (high - low))


def roomy(world: World, demand: Demand) -> Scores:
    """Least allocated, plus balance between cpu and memory, after the pod is placed."""
    columns = world.columns
    shares = []
    for name in (CPU, MEMORY):
        capacity = np.maximum(columns.capacity[name], 1)
        used = columns.used[name] + (demand.requests.get(name) or LITTLE[name])
        shares.append(np.clip(used / capacity, 0.0, 1.0))
    free = (2.0 - shares[0] - shares[1]) / 2
    balance = 1.0 - np.abs(shares[0] - shares[1]) / 2
    result: Scores = BEST * free + BEST * balance
    return result


def preferred_nodes(world: World, demand: Demand) -> Scores:
    score = np.zeros(world.columns.size)
    for term in demand.preferred_nodes:
        score += term.weight * filters.node_term(world.columns, term)
    return score


def avoided_taints(world: World, demand: Demand) -> Scores:
    """How many PreferNoSchedule taints a node has that the pod does not tolerate."""
    count = np.zeros(world.columns.size)
    for taint, column in world.columns.taints.items():
        if taint.effect == "PreferNoSchedule" and not filters.tolerated(demand, taint):
            count += column
    return count


def company(world: World, demand: Demand) -> Scores:
    """Preferred affinity and anti-affinity, the pod's own and that of pods already there."""
    columns, known = world.columns, world.tallies
    score = np.zeros(columns.size)
    for affinity in demand.preferred:
        there = tallies.by_domain(known.count(affinity.term, world.placed()), columns.label(affinity.topology_key))
        score += affinity.weight * there
    for affinity, held in known.attractions.items():
        if tallies.matches(affinity.term, demand, world.namespace_labels):
            score += affinity.weight * tallies.by_domain(known.sized(held), columns.label(affinity.topology_key))
    return score


def crowding(world: World, demand: Demand) -> Scores | None:
    """How many of its like a node's domains have: by constraints that may be broken, else by the pod's controller."""
    columns = world.columns
    wishes = [constraint for constraint in demand.spread if not constraint.required]
    if wishes:
        crowd = np.zeros(columns.size)
        for constraint in wishes:
            label = columns.label(constraint.topology_key)
            there = tallies.by_domain(world.tallies.count(constraint.term, world.placed()), label)
            crowd += np.where(label.codes == ABSENT, there.max(initial=0) + 1, there)
        return crowd
    if not demand.owner or demand.spread:
        return None
    siblings = world.tallies.siblings(demand.owner)
    if not siblings.any():
        return None
    zones = tallies.by_domain(siblings, columns.label(ZONE))
    result: Scores = zones.astype(np.float64) * 2 + siblings
    return result
