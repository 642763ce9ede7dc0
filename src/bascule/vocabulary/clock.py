"""Time as a value that is passed in, so that a test or a simulation can hold it still and move it on.

``ManualClock`` wakes its sleepers in order of their deadlines when it is advanced, and only then.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall-clock time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until ``advance`` moves it."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_seconds = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_seconds)

    def monotonic(self) -> float:
        return self._elapsed_seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed_seconds + seconds, next(self._order), waiter))
        await waiter

    @property
    def sleepers(self) -> int:
        """How many tasks wait on this clock."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Moves time on, stopping at each deadline on the way so that woken tasks run at their own moment."""
        target = self._elapsed_seconds + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            deadline, _, waiter = heapq.heappop(self._sleepers)
            self._elapsed_seconds = max(self._elapsed_seconds, deadline)
            if not waiter.done():
                waiter.set_result(None)
            await _settle()
        self._elapsed_seconds = target
        await _settle()


async def _settle() -> None:
    """Lets every task that is ready run; a chain of callbacks longer than this is a test that wants an event."""
    for _ in range(20):
        await asyncio.sleep(0)
