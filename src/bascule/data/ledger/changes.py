"""Who wants to know what changed: each subscriber takes, when it is ready, everything since it last took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

Change = tuple[str, str]
"""(kind, name)"""


class Changes:
    def __init__(self) -> None:
        self._waiting: dict[object, tuple[set[Change], asyncio.Event]] = {}

    def publish(self, changes: Iterable[Change]) -> None:
        """Must be called on the subscribers' event loop."""
        news = set(changes)
        if not news:
            return
        for pending, arrived in self._waiting.values():
            pending |= news
            arrived.set()

    def subscribe(self) -> AsyncIterator[set[Change]]:
        """Counts from this call on, not from the first iteration. Ends when the iterator is closed."""
        token = object()
        pending: set[Change] = set()
        arrived = asyncio.Event()
        self._waiting[token] = (pending, arrived)
        return self._follow(token, pending, arrived)

    async def _follow(self, token: object, pending: set[Change], arrived: asyncio.Event) -> AsyncIterator[set[Change]]:
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                taken = set(pending)
                pending.clear()
                yield taken
        finally:
            self._waiting.pop(token, None)
