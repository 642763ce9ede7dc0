"""A watch with 300 watchers: what an event costs for each of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import cast

from bench import figures, load, plan, processes, samples, target

WATCHERS = 300


class _Watcher(asyncio.Protocol):
    """Counts events: each ends in a newline of its own, which the framing's CR LF are not."""

    def __init__(self, request: bytes, meter: _Meter) -> None:
        self._request = request
        self._meter = meter
        self._ended_in_cr = False
        self._begun = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transports are no subclasses of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._meter.begun += 1
        newlines = data.count(b"\n") - data.count(b"\r\n") - (self._ended_in_cr and data[0] == 10)
        self._ended_in_cr = data[-1] == 13
        self._meter.count(newlines)


class _Meter:
    def __init__(self) -> None:
        self.begun = 0
        self.seen = 0
        self.wanted = 0
        self.done = asyncio.Event()

    def count(self, newlines: int) -> None:
        self.seen += newlines
        if self.wanted and self.seen >= self.wanted:
            self.done.set()


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    maps = f"{samples.CORE}/configmaps"
    events = 500 if wanted.quick else 2_000
    meter = _Meter()
    watch = to.request("GET", f"{maps}?watch=true&resourceVersion=0")
    loop = asyncio.get_running_loop()
    watchers: list[_Watcher] = []
    try:
        for _ in range(WATCHERS):
            _, watcher = await loop.create_connection(lambda: _Watcher(watch, meter), to.host, to.port, ssl=to.tls)
            watchers.append(watcher)
        await _settled(meter)
        rounds = [await _round(to, maps, meter, number, events) for number in range(wanted.rounds)]
    finally:
        for watcher in watchers:
            if watcher.transport is not None:
                watcher.transport.abort()
    return [figures.of_rounds("watch event delivered (300 watchers)", rounds)]


async def _settled(meter: _Meter) -> None:
    """Until all watchers have their first bytes and no more initial events come."""
    async with asyncio.timeout(60):
        seen = -1
        while meter.begun < WATCHERS or meter.seen != seen:
            seen = meter.seen
            await asyncio.sleep(0.3)


async def _round(to: target.Target, maps: str, meter: _Meter, number: int, events: int) -> load.Measured:
    bodies = (samples.encode(samples.config_map(f"w{number}-{n}")) for n in range(events))
    meter.seen, meter.wanted = 0, events * WATCHERS
    meter.done.clear()
    cpu, began = processes.cpu_seconds(to.pids), time.perf_counter()
    written = await load.run(to, (to.request("POST", maps, body) for body in bodies))
    async with asyncio.timeout(120):
        await meter.done.wait()
    seconds = time.perf_counter() - began
    used = processes.cpu_seconds(to.pids) - cpu
    each = used / (events * WATCHERS) * 1e6 if to.pids else None
    return load.Measured(events * WATCHERS, seconds, each, written.p50_ms, written.p99_ms)
