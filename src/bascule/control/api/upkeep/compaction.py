"""Forgets old history: revisions older than a few minutes, which nobody but the slowest pager still needs."""

from __future__ import annotations

import logging
from typing import Final

from bascule.control.store import contract
from bascule.vocabulary import clock as clocks

INTERVAL_SECONDS: Final = 270.0
"""So that nothing is readable for more than nine minutes: clients are told to expect ten at most."""
_log = logging.getLogger(__name__)


async def run(store: contract.Store, clock: clocks.Clock, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
    """Compacts, at each tick, to where the store was at the tick before. Runs until it is cancelled."""
    seen = store.revision
    while True:
        await clock.sleep(interval_seconds)
        try:
            await store.compact(seen)
        except contract.StoreClosed:
            return
        except contract.StoreError as error:
            _log.warning("old history could not be removed, which costs only space: %s", error)
        seen = store.revision
