"""When a container that keeps ending may be started again: 10 s, doubled up to 5 min, forgotten after 10 min."""

from __future__ import annotations

from datetime import datetime, timedelta

from bascule.data.agent.pods.model import BackOff

FIRST_SECONDS = 10.0
LONGEST_SECONDS = 300.0
FORGOTTEN_SECONDS = 2 * LONGEST_SECONDS


def not_before(entry: BackOff | None, ended: datetime) -> datetime:
    """The earliest start after a run that ended at `ended`."""
    if entry is None or _is_forgotten(entry, ended):
        return ended
    return ended + timedelta(seconds=entry.delay_seconds)


def following(entry: BackOff | None, ended: datetime, now: datetime) -> BackOff:
    """The entry after another start at `now`."""
    if entry is None or _is_forgotten(entry, ended):
        return BackOff(FIRST_SECONDS, now)
    return BackOff(min(LONGEST_SECONDS, entry.delay_seconds * 2), now)


def _is_forgotten(entry: BackOff, ended: datetime) -> bool:
    return (ended - entry.updated).total_seconds() > FORGOTTEN_SECONDS
