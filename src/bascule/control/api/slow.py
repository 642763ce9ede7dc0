"""What may take seconds, done beside the event loop: rules and patterns that users wrote, and whole definitions.

Few at once, and one of each user, so that nobody's keep all others' waiting; the platform's own have a thread of their
own. Each is bounded (`effort.MOST`), and stops when the server does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from bascule.control.access import user
from bascule.control.api.wire import lanes
from bascule.control.custom import effort
from bascule.vocabulary import errors

T = TypeVar("T")
ORDINARY_THREADS: Final = 2
WAITING_MAX: Final = 64
"""Of one user."""


class _Queue:
    __slots__ = ("turn", "waiting")

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0


class Slow:
    def __init__(self) -> None:
        self._ordinary = ThreadPoolExecutor(ORDINARY_THREADS, thread_name_prefix="slow")
        self._reserved = ThreadPoolExecutor(1, thread_name_prefix="slow-reserved")
        self._queues: dict[str, _Queue] = {}
        self._running: set[effort.Effort] = set()

    async def run(self, who: user.User, compute: Callable[..., T], *arguments: Any) -> T:
        """What `compute` answers; 429 when the user has too much waiting, 422 for what takes too long."""
        queue = self._queues.setdefault(who.name, _Queue())
        if queue.waiting >= WAITING_MAX:
            raise errors.too_many_requests(
                f"{WAITING_MAX} costly validations of this user are waiting; try again later", retry_after_seconds=1
            )
        queue.waiting += 1
        try:
            async with queue.turn:
                threads = self._reserved if lanes.is_reserved(who) else self._ordinary
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, self._bounded, compute, arguments)
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                self._queues.pop(who.name, None)

    def _bounded(self, compute: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        with effort.within(effort.MOST) as mine:
            self._running.add(mine)
            try:
                return compute(*arguments)
            finally:
                self._running.discard(mine)

    def close(self) -> None:
        """Ends what runs, soon; it is not waited for."""
        for threads in (self._ordinary, self._reserved):
            threads.shutdown(wait=False, cancel_futures=True)
        for mine in tuple(self._running):
            mine.end()
