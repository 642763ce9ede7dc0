"""Pods decided a second at 5,000 nodes: the scheduler's core alone, without API server and bindings."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from bascule.control.scheduler import decide, demand
from bascule.control.scheduler.world import World
from bench import figures, plan

NODES = 5_000
_ZONES = 10
_GROUPS = 50
"""Pods belong to so many workloads, each spread or kept apart by itself."""


async def run(wanted: plan.Plan) -> Sequence[figures.Figure]:
    count = 1_000 if wanted.quick else 2_000
    kinds: dict[str, Callable[[int], dict[str, Any]]] = {
        "basic": lambda _: {},
        "zone spread": lambda group: {"topologySpreadConstraints": [_spread(group)]},
        "host anti-affinity": lambda group: {"affinity": {"podAntiAffinity": _apart(group)}},
    }
    return [_decided(name, spec, count) for name, spec in kinds.items()]


def _decided(name: str, spec: Callable[[int], dict[str, Any]], count: int) -> figures.Figure:
    world = World()
    for number in range(NODES):
        world.put_node(_node(number))
    source = random.Random(1)
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        wanted = demand.of(_pod(number, spec(number % _GROUPS)))
        choice = decide.choose(world, wanted, source)
        if choice.node is None:
            raise RuntimeError(f"no room for pod {number}: {choice.message()}")
        world.place(wanted, choice.node)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return figures.Figure(f"schedule at 5,000 nodes: {name}", used / count * 1e6, "µs of CPU each", count / seconds)


def _node(number: int) -> dict[str, Any]:
    name = f"node-{number}"
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{number % _ZONES}"}
    amounts = {"cpu": "4", "memory": "32Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _pod(number: int, more: dict[str, Any]) -> dict[str, Any]:
    requests = {"cpu": "100m", "memory": "500Mi"}
    labels = {"group": str(number % _GROUPS)}
    return {
        "metadata": {"name": f"pod-{number}", "namespace": "bench", "uid": str(number), "labels": labels},
        "spec": {"containers": [{"name": "pause", "resources": {"requests": requests}}], **more},
    }


def _selector(group: int) -> dict[str, Any]:
    return {"matchLabels": {"group": str(group)}}


def _spread(group: int) -> dict[str, Any]:
    return {
        "maxSkew": 5,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": _selector(group),
    }


def _apart(group: int) -> dict[str, Any]:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": _selector(group)}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
