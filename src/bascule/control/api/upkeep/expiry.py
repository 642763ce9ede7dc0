"""Events go an hour after they were last written, so that they never fill the store.

When an event was written is told by its revision: each tick notes where the store is, and what was written before
the note of an hour ago is deleted. Nothing is decoded; a restart only starts the hour anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record, resource
from bascule.control.store import contract
from bascule.vocabulary import clock as clocks

LIFETIME_SECONDS: Final = 3600.0
INTERVAL_SECONDS: Final = 60.0
_AT_ONCE: Final = 64
_log = logging.getLogger(__name__)


async def run(events: resource.ResourceCache, clock: clocks.Clock) -> None:
    """Runs until it is cancelled."""
    notes: deque[tuple[float, int]] = deque([(clock.monotonic(), events.revision)])
    while True:
        await clock.sleep(INTERVAL_SECONDS)
        notes.append((clock.monotonic(), events.revision))
        before = 0
        while notes and notes[0][0] <= clock.monotonic() - LIFETIME_SECONDS:
            before = notes.popleft()[1]
        if before:
            await _delete(events, before)


async def _delete(events: resource.ResourceCache, before: int) -> None:
    old = [stored for stored in events.list().records if stored.revision <= before]
    for start in range(0, len(old), _AT_ONCE):
        await asyncio.gather(*(_delete_one(events, stored) for stored in old[start : start + _AT_ONCE]))


async def _delete_one(events: resource.ResourceCache, stored: record.Record) -> None:
    try:
        await events.delete(stored.key, stored.revision)
    except cache_errors.CacheError:
        return  # Written again, or gone already.
    except contract.StoreError as error:
        _log.warning("an old event stays for another minute: %s", error)
