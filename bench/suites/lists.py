"""Resident memory at 25,000 objects, then lists of the 10,000 pods among them in the forms that clients ask for."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Sequence

from bench import figures, load, plan, processes, samples, target, wire

PODS = 10_000
OBJECTS = 25_000
_REPEATED = 3
"""Lists between two looks at the CPU, which is counted in hundredths of a second."""
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

FORMS = (
    ("list of 10,000 pods", "", "application/json"),
    ("the same at resourceVersion 0", "?resourceVersion=0", "application/json"),
    ("the same as a Table", "", _TABLE),
    ("the same as metadata", "", _PARTIAL),
    ("the same, a selector keeping 1%", "?labelSelector=group%3D7", "application/json"),
    ("the same as a Table, a selector keeping 1%", "?labelSelector=group%3D7", _TABLE),
    ("the same as metadata, a selector keeping 1%", "?labelSelector=group%3D7", _PARTIAL),
    ("the same, a selector keeping none", "?labelSelector=group%3Dnone", "application/json"),
)


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    pods, maps = f"{samples.CORE}/pods", f"{samples.CORE}/configmaps"
    bodies = (samples.encode(samples.pod(f"l-{number}", number % 100)) for number in range(PODS))
    await load.run(to, (to.request("POST", pods, body) for body in bodies))
    bodies = (samples.encode(samples.config_map(f"l-{number}")) for number in range(OBJECTS - PODS))
    await load.run(to, (to.request("POST", maps, body) for body in bodies))
    found = []
    if to.pids:
        found.append(figures.median("resident memory, 25,000 objects", [processes.resident_mb(to.pids)], "MB"))
    return found + [await _listed(wanted, to, name, pods + query, accept) for name, query, accept in FORMS]


async def _listed(wanted: plan.Plan, to: target.Target, name: str, path: str, accept: str) -> figures.Figure:
    """The second and later lists: the first fills what is cached for each form. CPU, or wall where it is not known."""
    walls, cpu, raws, size = [], [], [], 0
    request = to.request("GET", path, accept=accept)
    for number in range(wanted.rounds + 1):
        raws.append(await wanted.raw())
        used, began = processes.cpu_seconds(to.pids), time.perf_counter()
        for _ in range(_REPEATED):
            size = len(await wire.expect(to, request))
        if number:
            walls.append((time.perf_counter() - began) / _REPEATED)
            cpu.append((processes.cpu_seconds(to.pids) - used) / _REPEATED)
    wall = sorted(walls)[len(walls) // 2]
    more = {"size_mb": size / 1e6, "wall_s": wall}
    found = figures.median(name, cpu, "s of CPU", **more) if to.pids else figures.Figure(name, wall, "s", more=more)
    return dataclasses.replace(found, raw_us=statistics.median(raws))
