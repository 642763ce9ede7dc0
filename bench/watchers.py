"""Many watches at once, of which only the number of events is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import cast

from bench import target

_SETTLED_SECONDS = 0.3
_PATIENCE_SECONDS = 120


class _Watcher(asyncio.Protocol):
    """Counts events: each ends in a newline of its own, which the framing's CR LF are not."""

    def __init__(self, request: bytes, meter: Meter) -> None:
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


class Meter:
    """How many watches have begun and how many events they have seen since ``expect``."""

    def __init__(self) -> None:
        self.begun = 0
        self.seen = 0
        self._wanted = 0
        self._done = asyncio.Event()

    def count(self, newlines: int) -> None:
        self.seen += newlines
        if self._wanted and self.seen >= self._wanted:
            self._done.set()

    def expect(self, events: int) -> None:
        self.seen, self._wanted = 0, events
        self._done.clear()

    async def reached(self) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._done.wait()

    async def settled(self, watchers: int) -> None:
        """Until all watchers have their first bytes and no more initial events come."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            seen = -1
            while self.begun < watchers or self.seen != seen:
                seen = self.seen
                await asyncio.sleep(_SETTLED_SECONDS)


@contextlib.asynccontextmanager
async def opened(to: target.Target, paths: Sequence[str]) -> AsyncIterator[Meter]:
    """A watch on a connection of its own for each path, all begun."""
    meter = Meter()
    loop = asyncio.get_running_loop()
    held: list[_Watcher] = []
    try:
        for path in paths:
            request = to.request("GET", path)
            _, watcher = await loop.create_connection(
                lambda request=request: _Watcher(request, meter),
                to.host,
                to.port,
                ssl=to.tls,
            )
            held.append(watcher)
        await meter.settled(len(paths))
        yield meter
    finally:
        for watcher in held:
            if watcher.transport is not None:
                watcher.transport.abort()
