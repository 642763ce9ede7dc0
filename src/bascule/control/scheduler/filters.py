"""Which nodes may take a pod: one function for each rule, each a mask over all nodes, with the reason it excludes for.

The reasons are the texts that kube-scheduler puts into the PodScheduled condition; people and tools know them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bascule.control.scheduler import tallies
from bascule.control.scheduler.columns import ABSENT, Columns, Mask, Taint
from bascule.control.scheduler.demand import Demand, NodeTerm, Spread
from bascule.control.scheduler.world import World

HARD = ("NoSchedule", "NoExecute")


def tolerates(toleration: dict[str, Any], taint: Taint) -> bool:
    """As ``ToleratesTaint`` of upstream's component helpers: empty key with Exists tolerates everything."""
    if toleration.get("effect") and toleration["effect"] != taint.effect:
        return False
    key = toleration.get("key") or ""
    if key and key != taint.key:
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == taint.value


def tolerated(demand: Demand, taint: Taint) -> bool:
    return any(tolerates(toleration, taint) for toleration in demand.tolerations)


def node_term(columns: Columns, term: NodeTerm) -> Mask:
    """Nodes for which one alternative of a node selector holds."""
    mask = columns.alive.copy()
    for requirement in term.labels:
        mask &= columns.label(requirement.key).matches(requirement)
    for requirement in term.fields:
        named = np.zeros(columns.size, dtype=np.bool_)
        slots = [columns.slot_of[value] for value in requirement.values if value in columns.slot_of]
        named[slots] = True
        mask &= named if requirement.operator == "in" else ~named
    return mask


def chosen_nodes(columns: Columns, demand: Demand) -> Mask:
    """Nodes that the pod's nodeSelector and required node affinity admit."""
    mask = node_term(columns, NodeTerm(demand.node_selector, ()))
    if demand.node_terms is not None:
        either = np.zeros(columns.size, dtype=np.bool_)
        for term in demand.node_terms:
            either |= node_term(columns, term)
        mask &= either
    return mask


def untainted(columns: Columns, demand: Demand) -> Iterator[tuple[Mask, str]]:
    for taint, column in columns.taints.items():
        if taint.effect in HARD and not tolerated(demand, taint):
            if taint.key == "node.kubernetes.io/unschedulable":
                yield ~column, "node(s) were unschedulable"
            else:
                shown = f"{{{taint.key}: {taint.value}}}"
                yield ~column, f"node(s) had untolerated taint {shown}"


def fits(columns: Columns, demand: Demand) -> Iterator[tuple[Mask, str]]:
    for name, amount in demand.requests.items():
        if not amount:
            continue
        if name not in columns.capacity:
            yield np.zeros(columns.size, dtype=np.bool_), f"Insufficient {name}"
            continue
        free = columns.capacity[name] - columns.used[name]
        yield free >= amount, "Too many pods" if name == "pods" else f"Insufficient {name}"


def free_ports(columns: Columns, demand: Demand) -> Iterator[tuple[Mask, str]]:
    for wanted in demand.host_ports:
        for (protocol, port, address), column in columns.ports.items():
            same_address = "0.0.0.0" in (address, wanted.address) or address == wanted.address
            if (protocol, port) == (wanted.protocol, wanted.port) and same_address:
                yield column == 0, "node(s) didn't have free ports for the requested pod ports"


def near_and_far(world: World, demand: Demand) -> Iterator[tuple[Mask, str]]:
    """Required affinity and anti-affinity between pods, both ways."""
    columns, known = world.columns, world.tallies
    for affinity, held in known.repulsions.items():
        if tallies.matches(affinity.term, demand, world.namespace_labels):
            there = tallies.by_domain(known.sized(held), columns.label(affinity.topology_key))
            yield there == 0, "node(s) didn't satisfy existing pods anti-affinity rules"
    for affinity in demand.anti_affinity:
        there = tallies.by_domain(known.count(affinity.term, world.placed()), columns.label(affinity.topology_key))
        yield there == 0, "node(s) didn't match pod anti-affinity rules"
    if demand.affinity:
        yield _near(world, demand), "node(s) didn't match pod affinity rules"


def _near(world: World, demand: Demand) -> Mask:
    columns = world.columns
    mask = np.ones(columns.size, dtype=np.bool_)
    has_keys = np.ones(columns.size, dtype=np.bool_)
    anywhere = False
    for affinity in demand.affinity:
        label = columns.label(affinity.topology_key)
        counts = world.tallies.count(affinity.term, world.placed())
        anywhere = anywhere or bool(counts.any())
        mask &= tallies.by_domain(counts, label) > 0
        has_keys &= label.codes != ABSENT
    if not anywhere and all(tallies.matches(a.term, demand, world.namespace_labels) for a in demand.affinity):
        return has_keys  # the first of a group that wants to be together
    return mask


def spread_evenly(world: World, demand: Demand, chosen: Mask, clean: Mask) -> Iterator[tuple[Mask, str]]:
    """Topology spread constraints that must hold. ``chosen`` and ``clean``: nodes its selectors and taints admit."""
    for constraint in demand.spread:
        if not constraint.required:
            continue
        label = world.columns.label(constraint.topology_key)
        has_key = label.codes != ABSENT
        yield has_key, "node(s) didn't match pod topology spread constraints (missing required label)"
        yield _within_skew(world, constraint, chosen, clean), "node(s) didn't match pod topology spread constraints"


def _within_skew(world: World, constraint: Spread, chosen: Mask, clean: Mask) -> Mask:
    columns = world.columns
    label = columns.label(constraint.topology_key)
    eligible = columns.alive & (label.codes != ABSENT)
    if constraint.honour_affinity:
        eligible = eligible & chosen
    if constraint.honour_taints:
        eligible = eligible & clean
    counts = world.tallies.count(constraint.term, world.placed())
    there = tallies.by_domain(np.where(eligible, counts, 0), label)
    domains = np.unique(label.codes[eligible])
    if len(domains) == 0:
        return np.zeros(columns.size, dtype=np.bool_)
    least = 0 if len(domains) < constraint.min_domains else int(there[eligible].min())
    return there + int(constraint.matches_itself) - least <= constraint.max_skew
