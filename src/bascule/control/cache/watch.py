"""A watcher's own end: a bounded queue of shared events."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bascule.control.cache import event


class Watch:
    """Iterate for single events, or take ``batch()`` to write many frames at once."""

    @property
    def revision(self) -> int:
        """All events up to here were handed out: what a bookmark may say now."""
        raise NotImplementedError

    @property
    def cut(self) -> bool:
        """True when the watch was ended because its reader was too slow."""
        raise NotImplementedError

    def __aiter__(self) -> AsyncIterator[event.Event]:
        return self

    async def __anext__(self) -> event.Event:
        raise NotImplementedError

    async def batch(self, limit: int = 500) -> list[event.Event]:
        """What is waiting, at least one event; empty when the watch has ended. Cancel-safe: no event is lost."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the watch; a waiting reader sees its end."""
        raise NotImplementedError
