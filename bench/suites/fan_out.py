"""A watch with 300 watchers: what an event costs for each of them. And a thousand who watch and see nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench import figures, load, plan, processes, samples, target, watchers

WATCHERS = 300
IDLE = 1000
CONNECTION_KB = 4.0
"""Less than a TLS connection's own memory: it was taken of what the server had freed before, and cannot be seen."""


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    maps = f"{samples.CORE}/configmaps"
    events = 500 if wanted.quick else 2_000
    found = [await _idle(to)] if to.pids else []
    async with watchers.opened(to, [f"{maps}?watch=true&resourceVersion=0"] * WATCHERS) as meter:
        rounds, raws = [], []
        for number in range(wanted.rounds):
            raws.append(await wanted.raw())
            rounds.append(await told(to, meter, f"w{number}", events, WATCHERS))
    return [figures.of_rounds(f"watch event delivered ({WATCHERS} watchers)", rounds, raws), *found]


async def told(to: target.Target, meter: watchers.Meter, prefix: str, events: int, watching: int) -> load.Measured:
    """ConfigMaps created until all who watch them have been told: CPU of all, for each event at each of them."""
    path = f"{samples.CORE}/configmaps"
    bodies = (samples.encode(samples.config_map(f"{prefix}-{n}")) for n in range(events))
    meter.expect(events * watching)
    cpu, began = processes.cpu_seconds(to.pids), time.perf_counter()
    written = await load.run(to, (to.request("POST", path, body) for body in bodies))
    await meter.reached()
    seconds = time.perf_counter() - began
    used = processes.cpu_seconds(to.pids) - cpu
    each = used / (events * watching) * 1e6 if to.pids else None
    return load.Measured(events * watching, seconds, each, written.p50_ms, written.p99_ms)


async def _idle(to: target.Target) -> figures.Figure:
    """As informers of a thousand nodes wait for pods: resident memory for each, its TLS connection included."""
    paths = [f"/api/v1/pods?watch=true&resourceVersion=0&fieldSelector=spec.nodeName%3Dn{n}" for n in range(IDLE)]
    async with watchers.opened(to, ["/api/v1/nodes?watch=true&resourceVersion=0"] * 10):
        before = processes.resident_mb(to.pids)
    # A watch without events has nothing to say but its head, so that it has begun.
    async with watchers.opened(to, paths):
        each = (processes.resident_mb(to.pids) - before) / IDLE * 1e3
    return figures.Figure(f"idle watch, one of {IDLE:,}", each if each > CONNECTION_KB else 0.0, "KB")
