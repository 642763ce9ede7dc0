"""Closed loops: so many connections, each with one request under way, until the requests are used up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bench import processes, wire
from bench.target import Target

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Measured:
    """``cpu_us`` is the server's, for each operation; None where its processes are not known."""

    count: int
    seconds: float
    cpu_us: float | None
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        return self.count / self.seconds


class _Loop:
    def __init__(self, requests: Iterable[bytes]) -> None:
        self._requests = iter(requests)
        self._active = 0
        self._sent: dict[wire.Connection, float] = {}
        self.latencies: list[float] = []
        self.failures: Counter[int] = Counter()
        self.example = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, connection: wire.Connection) -> None:
        self._active += 1
        connection.on_lost = self._lost
        self._next(connection)

    def _next(self, connection: wire.Connection) -> None:
        request = next(self._requests, None)
        if request is None:
            self._active -= 1
            if not self._active and not self.done.done():
                self.done.set_result(None)
            return
        self._sent[connection] = time.perf_counter()
        connection.send(request)

    def answered(self, connection: wire.Connection, status: int, body: bytes) -> None:
        self.latencies.append(time.perf_counter() - self._sent[connection])
        if status // 100 != 2:
            self.failures[status] += 1
            self.example = body
        self._next(connection)

    def _lost(self) -> None:
        if not self.done.done():
            self.done.set_exception(wire.BadAnswer("the server closed a connection during the load"))


async def run(target: Target, requests: Iterable[bytes], *, connections: int = CONNECTIONS) -> Measured:
    """Raises BadAnswer where more than one in a hundred requests failed: such figures mean nothing."""
    loop = _Loop(requests)
    opened = await asyncio.gather(*(wire.connect(target, loop.answered) for _ in range(connections)))
    cpu, began = processes.cpu_seconds(target.pids), time.perf_counter()
    try:
        for connection in opened:
            loop.start(connection)
        await loop.done
        seconds = time.perf_counter() - began
        used = processes.cpu_seconds(target.pids) - cpu
    finally:
        for connection in opened:
            connection.close()
    count = len(loop.latencies)
    if sum(loop.failures.values()) * 100 > count:
        raise wire.BadAnswer(f"{dict(loop.failures)} of {count}, for example {loop.example[:300].decode()}")
    ordered = sorted(loop.latencies)
    return Measured(
        count=count,
        seconds=seconds,
        cpu_us=used / count * 1e6 if target.pids else None,
        p50_ms=ordered[count // 2] * 1e3,
        p99_ms=ordered[count * 99 // 100] * 1e3,
    )
