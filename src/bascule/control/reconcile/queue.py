"""A queue of requests: each key is in it once, and is never given to two workers at once.

Invariant: a key added while it is being worked on comes again after `done`, so no change is missed. Delayed adds
keep the earliest moment asked for. One event loop; time is the injected clock's.
"""

import asyncio
from collections import deque
from dataclasses import dataclass

from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock as clocks


@dataclass(frozen=True)
class Statistics:
    """`ready` wait for a worker, `delayed` for their time, `working` are in a worker's hands."""

    ready: int
    delayed: int
    working: int
    oldest_seconds: float


class Queue:
    def __init__(self, clock: clocks.Clock | None = None) -> None:
        self._clock = clock or clocks.SystemClock()
        self._order: deque[Request] = deque()
        self._added_at: dict[Request, float] = {}
        self._working: set[Request] = set()
        self._again: dict[Request, float] = {}
        self._delayed: dict[Request, tuple[float, asyncio.Task[None]]] = {}
        self._arrived = asyncio.Event()

    def add(self, key: Request) -> None:
        now = self._clock.monotonic()
        if key in self._working:
            self._again.setdefault(key, now)
        elif key not in self._added_at:
            self._added_at[key] = now
            self._order.append(key)
            self._arrived.set()

    def add_after(self, key: Request, seconds: float) -> None:
        """Adds `key` after `seconds`; an earlier delayed add of the same key stands, a later one is replaced."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        waiting = self._delayed.get(key)
        if waiting is not None:
            if waiting[0] <= due:
                return
            waiting[1].cancel()
        self._delayed[key] = (due, asyncio.create_task(self._add_later(key, seconds)))

    async def get(self) -> tuple[Request, float]:
        """The next key and how many seconds it has waited. Call `done` when finished with it."""
        while not self._order:
            self._arrived.clear()
            await self._arrived.wait()
        key = self._order.popleft()
        self._working.add(key)
        return key, self._clock.monotonic() - self._added_at.pop(key)

    def done(self, key: Request) -> None:
        self._working.discard(key)
        if self._again.pop(key, None) is not None:
            self.add(key)

    def statistics(self) -> Statistics:
        oldest = self._added_at[self._order[0]] if self._order else self._clock.monotonic()
        return Statistics(len(self._order), len(self._delayed), len(self._working), self._clock.monotonic() - oldest)

    async def close(self) -> None:
        """Cancels delayed adds; keys in the queue stay."""
        tasks = [task for _, task in self._delayed.values()]
        self._delayed.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _add_later(self, key: Request, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._delayed.pop(key, None)
        self.add(key)
