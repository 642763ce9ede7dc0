"""Requests at a steady rate, each on a connection of its own, counted by outcome.

Open loop: the next request is sent when its time has come, whether or not earlier ones were answered, so that a stall
shows as failures (time-outs) and not as silence.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Count:
    """``worst_seconds`` is the slowest answer; ``reasons`` counts failures by kind."""

    sent: int = 0
    failed: int = 0
    worst_seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)


class Load:
    """``async with Load(address, rate) as load``; ``take()`` gives what was counted since the last ``take()``."""

    def __init__(self, host: str, port: int, rate_per_second: float, *, path: str = "/") -> None:
        self._address = (host, port)
        self._interval_seconds = 1.0 / rate_per_second
        self._request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
        self._tasks: set[asyncio.Task[None]] = set()
        self._driver: asyncio.Task[None] | None = None
        self._part = Count()
        self.total = Count()

    async def __aenter__(self) -> Load:
        self._driver = asyncio.create_task(self._drive())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._driver is not None
        self._driver.cancel()
        await asyncio.gather(self._driver, *self._tasks, return_exceptions=True)

    def take(self) -> Count:
        part, self._part = self._part, Count()
        return part

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            task = asyncio.create_task(self._one())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due += self._interval_seconds
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _one(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        part = self._part
        failure = await self._ask()
        took = loop.time() - began
        for count in (part, self.total):
            count.sent += 1
            count.worst_seconds = max(count.worst_seconds, took)
            if failure:
                count.failed += 1
                count.reasons[failure] = count.reasons.get(failure, 0) + 1

    async def _ask(self) -> str:
        """Empty for an answered request, else what went wrong."""
        writer = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(*self._address)
                writer.write(self._request)
                head = await reader.readline()
                await reader.read()
            return "" if b" 200" in head else f"answered {head[:40]!r}"
        except TimeoutError:
            return "no answer in time"
        except OSError as error:
            return type(error).__name__
        finally:
            if writer is not None:
                writer.close()
