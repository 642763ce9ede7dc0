"""How long a start takes, of an empty store and of full ones, and what 25,000 objects take of memory.

Our own server only: the store is filled behind its back, with what it would have written itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from bascule.control.cache import record
from bascule.control.store import contract
from bascule.control.store.sqlite import store as sqlite
from bench import figures, own, plan, processes, samples, wire

SIZES = (0, 25_000, 100_000)
MEMORY_AT = (25_000, 100_000)
_COMMIT = 500
_PODS_SHARE = 0.4


async def run(wanted: plan.Plan) -> Sequence[figures.Figure]:
    found = []
    for size in SIZES:
        with own.directory() as data:
            async with own.server(data) as (to, _):
                await plan.prepare(to)
                pod = await wire.expect(to, to.request("POST", f"{samples.CORE}/pods", _encoded(samples.pod("a"))))
                text = await wire.expect(
                    to, to.request("POST", f"{samples.CORE}/configmaps", _encoded(samples.config_map("a")))
                )
            await _fill(data / "control" / "state.db", size, {"pods": pod, "configmaps": text})
            found += await _started(wanted, data, size)
    return found


_encoded = samples.encode


async def _fill(file: Path, size: int, examples: dict[str, bytes]) -> None:
    """Copies of one pod and one ConfigMap as the server stored them, under other names."""
    opened = await sqlite.open_store(file)
    try:
        pods = int(size * _PODS_SHARE)
        for start in range(0, size, _COMMIT):
            puts = []
            for number in range(start, min(start + _COMMIT, size)):
                plural = "pods" if number < pods else "configmaps"
                draft = record.draft(samples.renamed(examples[plural], f"n-{number}"), {})
                puts.append(contract.Put(f"/core/{plural}/root/{samples.NAMESPACE}/n-{number}", draft.value))
            await opened.commit(puts)
    finally:
        await opened.close()


async def _started(wanted: plan.Plan, data: Path, size: int) -> list[figures.Figure]:
    """From the process's start to its readiness line, and on to an answer about each kind that was stored."""
    ready, answered, cpu, memory = [], [], [], 0.0
    for _ in range(wanted.rounds):
        began = time.perf_counter()
        async with own.server(data) as (to, started):
            ready.append(started.seconds)
            cpu.append(processes.cpu_seconds(to.pids))
            for plural in ("pods", "configmaps"):
                await wire.expect(to, to.request("GET", f"{samples.CORE}/{plural}/a"))
            answered.append(time.perf_counter() - began)
            memory = processes.resident_mb(to.pids)
    name = f"start to ready, {size:,} objects" if size else "start to ready, empty"
    middle = wanted.rounds // 2
    more = {"cpu_s": sorted(cpu)[middle], "first_answer_s": sorted(answered)[middle]}
    found = [figures.median(name, ready, "s", **more)]
    if size in MEMORY_AT:
        found.append(figures.median(f"resident memory, {size:,} objects, after a start", [memory], "MB"))
    return found
