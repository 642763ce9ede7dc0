"""When a CronJob is due: the latest time its schedule named that has not been seen to yet. Pure."""

from __future__ import annotations

import itertools
import math
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bascule.vocabulary import cron, objects, timestamps

MANY: Final = 100
_WINDOWS: Final = tuple(timedelta(days=days) for days in (1 / 12, 2, 62, 1830))
"""Where the latest time is sought, nearest first: each holds few times of a schedule that has none in the last."""


class Due(NamedTuple):
    """`last`: the time to run for now, None when there is none; `next`: when to look again; `missed`: more than `MANY`
    times went by unseen.
    """

    last: datetime | None
    next: datetime | None
    missed: bool = False


class Unsatisfiable(ValueError):
    """The schedule names no time that will come."""


def schedule_of(cron_job: objects.Object) -> tuple[cron.Schedule, zoneinfo.ZoneInfo | None]:
    """Raises `cron.BadSchedule`, and `ValueError` or `KeyError` for a time zone that is none."""
    spec = cron_job.get("spec") or {}
    zone = spec.get("timeZone")
    return cron.parse(spec.get("schedule") or ""), zoneinfo.ZoneInfo(zone) if zone else None


def due(cron_job: objects.Object, now: datetime) -> Due:
    """Raises what `schedule_of` raises, and `Unsatisfiable`."""
    schedule, zone = schedule_of(cron_job)
    spec, status = cron_job.get("spec") or {}, cron_job.get("status") or {}
    seen = timestamps.parse(status.get("lastScheduleTime") or objects.metadata(cron_job)["creationTimestamp"])
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None:
        seen = max(seen, now - timedelta(seconds=deadline))
    here = zone or UTC
    now = now.astimezone(here)
    earliest = seen.astimezone(here)
    if schedule.after(earliest) is None:
        raise Unsatisfiable("time difference between two schedules is less than 1 second")
    first = list(itertools.islice(_times(schedule, earliest, now), MANY + 1))
    last = first[-1] if len(first) <= MANY and first else (_latest(schedule, earliest, now) if first else None)
    return Due(last, schedule.after(last or max(earliest, now)), len(first) > MANY and deadline is None)


def _times(schedule: cron.Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    found = schedule.after(start)
    while found is not None and found <= end:
        yield found
        found = schedule.after(found)


def _latest(schedule: cron.Schedule, earliest: datetime, now: datetime) -> datetime | None:
    if schedule.every_seconds:
        rounds = math.floor((now - earliest.replace(microsecond=0)).total_seconds() / schedule.every_seconds)
        return earliest.replace(microsecond=0) + timedelta(seconds=rounds * schedule.every_seconds)
    for window in _WINDOWS:
        found = None
        for found in _times(schedule, max(earliest, now - window), now):  # noqa: B007 - the last one counts
            pass
        if found is not None:
            return found
    return None
