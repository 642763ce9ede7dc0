"""How batches reach watchers within one process: a queue for each watch, filled on the event loop.

A feed hands on what lies under its prefix and after its revision, in the order of publishing. It does not limit its
queue: its readers are the API server's own, and keep up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from bascule.control.store import contract


class Feed:
    """One watch; satisfies ``contract.Watch``."""

    def __init__(self, feeds: Feeds, prefix: str, after: int) -> None:
        self._feeds = feeds
        self._prefix = prefix
        self._after = after
        self._waiting: deque[contract.Batch] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False

    def begin(self, history: Iterable[contract.Batch], upto: int) -> None:
        """Puts what happened until ``upto`` before whatever was published meanwhile."""
        published = [batch for batch in self._waiting if batch.revision > upto]
        self._waiting.clear()
        self._after = max(self._after, upto)
        self._waiting.extend(history)
        self._waiting.extend(published)

    def deliver(self, batches: Iterable[contract.Batch]) -> None:
        for batch in batches:
            if batch.revision <= self._after:
                continue
            kept = under(self._prefix, batch)
            if kept is not None:
                self._waiting.append(kept)
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> AsyncIterator[contract.Batch]:
        return self

    async def __anext__(self) -> contract.Batch:
        await self._wait()
        return self._waiting.popleft()

    async def next_batches(self) -> list[contract.Batch]:
        await self._wait()
        batches = list(self._waiting)
        self._waiting.clear()
        return batches

    async def _wait(self) -> None:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def close(self) -> None:
        self._waiting.clear()
        self.end()

    def end(self) -> None:
        """No more will come; what waits is still handed out."""
        self._ended = True
        self._feeds.discard(self)
        self._wake()


class Feeds:
    """All watches of a store."""

    def __init__(self) -> None:
        self._feeds: set[Feed] = set()

    def add(self, prefix: str, after: int) -> Feed:
        feed = Feed(self, prefix, after)
        self._feeds.add(feed)
        return feed

    def discard(self, feed: Feed) -> None:
        self._feeds.discard(feed)

    def publish(self, batches: Iterable[contract.Batch]) -> None:
        for feed in self._feeds:
            feed.deliver(batches)

    def close(self) -> None:
        for feed in list(self._feeds):
            feed.end()


def under(prefix: str, batch: contract.Batch) -> contract.Batch | None:
    """The batch's part under the prefix, None where there is none."""
    changes = batch.changes
    if all(change.key.startswith(prefix) for change in changes):
        return batch if changes else None
    kept = tuple(change for change in changes if change.key.startswith(prefix))
    return contract.Batch(batch.revision, kept) if kept else None
