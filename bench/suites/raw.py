"""The raw limits, for ratios: aiohttp alone and the store alone, on this machine in this minute."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator, Sequence

import orjson

from bascule.bridge.identity import pki
from bascule.vocabulary import clock
from bench import figures, load, own, plan, samples, target

HTTP = "aiohttp alone, 1.5 KB over TLS"
STORE = "SQLite store alone, 1 KB, 64 at once"
_COUNT = 5_000


async def run(wanted: plan.Plan) -> Sequence[figures.Figure]:
    return [await _store(wanted)]


class Limit:
    """The bare server, waiting to be measured beside whatever else is."""

    def __init__(self, to: target.Target) -> None:
        self._to = to
        self._rounds: list[load.Measured] = []

    async def measure(self) -> float:
        """µs of CPU for each request, now."""
        request = self._to.request("GET", f"{samples.CORE}/configmaps/c")
        measured = await load.run(self._to, [request] * _COUNT)
        self._rounds.append(measured)
        return measured.cpu_us or 0.0

    def figure(self) -> figures.Figure:
        """The median of all that was measured so far."""
        return figures.of_rounds(HTTP, self._rounds)


@contextlib.asynccontextmanager
async def limit() -> AsyncIterator[Limit]:
    with own.directory() as data:
        layout = pki.ensure(data, clock=clock.SystemClock(), server="https://127.0.0.1:1", names=[])
        certificate, key = layout.api_serving
        context = ssl.create_default_context(cafile=str(layout.ca))
        arguments = ("bench.raw_http", "--certificate", str(certificate), "--key", str(key))
        async with own.process(*arguments, log=data / "raw.log") as started:
            port = int(started.ready["address"].rpartition(":")[2])
            yield Limit(target.Target("127.0.0.1", port, context, pids=(started.pid,)))


async def _store(wanted: plan.Plan) -> figures.Figure:
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.raw_store", stdout=asyncio.subprocess.PIPE, env=own.environment()
    )
    output, _ = await command.communicate()
    lines = [orjson.loads(line) for line in output.splitlines()]
    found = next(line for line in lines if line.get("concurrency") == 64)
    return figures.Figure(STORE, found["cpu_microseconds_each"], "µs of CPU each", found["commits_per_second"])
