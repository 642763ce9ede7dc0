"""A watcher's own end: a bounded queue of shared events.

Events come in order of revision, each once. A reader that falls too far behind is cut: its queue is dropped and the
watch ends, so that it costs nobody anything; it lists again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from bascule.control.cache import errors, event, record

QUEUE_MAX = 8192


class Watch:
    """Iterate for single events, or take ``batch()`` to write many frames at once.

    There are thousands, most of them idle: what one holds while nothing happens is little.
    """

    __slots__ = (
        "_detach",
        "_ended",
        "_initial",
        "_newest",
        "_queue",
        "_queue_max",
        "_start",
        "_waiter",
        "cut",
    )

    def __init__(
        self,
        start: int,
        *,
        initial: Iterable[record.Record] | None,
        newest: Callable[[], int],
        detach: Callable[[Watch], None],
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._start = start
        self._initial: Iterator[event.Event] | None = None if initial is None else _initial_events(initial, start)
        self._newest = newest
        self._detach = detach
        self._queue: deque[event.Event] | None = None
        """None until there is something in it: an empty one takes 600 bytes."""
        self._queue_max = queue_max
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.cut = False
        """True when the watch was ended because its reader was too slow."""

    @property
    def revision(self) -> int:
        """Every event up to here was handed out: what a bookmark may say. 0 until the initial events were."""
        if self._initial is not None:
            return 0
        if self._queue:
            return self._queue[0].revision - 1
        return max(self._start, self._newest()) if not self._ended else self._start

    def offer(self, happened: event.Event, *, wakes: bool = True) -> None:
        """For the publisher: queues an event, or cuts the watch. Without ``wakes`` the publisher wakes it later."""
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) >= self._queue_max:
            self._cut()
            return
        self._queue.append(happened)
        if wakes:
            self.wake()

    def wake(self) -> None:
        if self._waiter is not None:
            _wake(self._waiter)

    def _cut(self) -> None:
        self.cut = True
        self._queue = None
        self._initial = None
        self.close()

    def __aiter__(self) -> AsyncIterator[event.Event]:
        return self

    async def __anext__(self) -> event.Event:
        events = await self.batch(1)
        if not events:
            raise StopAsyncIteration
        return events[0]

    @property
    def ended(self) -> bool:
        return self._ended

    async def batch(self, limit: int = 500, *, until: float | None = None) -> list[event.Event]:
        """What is waiting, at least one event; empty when the watch has ended, or at the loop's time ``until``.

        Cancel-safe: no event is lost.
        """
        loop = asyncio.get_running_loop()
        while True:
            taken = self.take(limit)
            if taken or self._ended or (until is not None and loop.time() >= until):
                return taken
            waiter = self._waiter = loop.create_future()
            timer = loop.call_at(until, _wake, waiter) if until is not None else None
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()

    def take(self, limit: int = 500) -> list[event.Event]:
        """What is waiting now, perhaps nothing."""
        taken: list[event.Event] = []
        if self._initial is not None:
            try:
                for happened in self._initial:
                    taken.append(happened)
                    if len(taken) == limit:
                        return taken
            except errors.Expired:
                self._cut()
                return []
            self._initial = None
        queue = self._queue
        while queue and len(taken) < limit:
            taken.append(queue.popleft())
        if queue is not None and not queue:
            self._queue = None
        if taken:
            self._start = max(self._start, taken[-1].revision)
        return taken

    def close(self) -> None:
        """Ends the watch; a waiting reader sees its end."""
        if self._ended:
            return
        self._ended = True
        self._detach(self)
        self.wake()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _initial_events(initial: Iterable[record.Record], revision: int) -> Iterator[event.Event]:
    for shown in initial:
        yield event.Event(event.ADDED, shown.revision, shown)
    yield event.Event(event.BOOKMARK, revision, None)
