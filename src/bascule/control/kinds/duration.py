"""Durations as kubectl prints them: coarse, and coarser the longer they are (`12s`, `4m20s`, `3h`, `5d6h`, `2y`)."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from bascule.vocabulary import timestamps
from bascule.vocabulary.objects import Object


class Open(datetime):
    """A present yet to come: of durations until then, cells hold a mark each, and ``starts`` says since when they last.

    So the cells of an object are made once, and shown at any later moment.
    """

    MARK = "\ue000"

    def __init__(self, *_: object, **__: object) -> None:
        self.starts: list[datetime] = []

    def left_open(self, start: datetime) -> str:
        self.starts.append(start)
        return self.MARK


@lru_cache(maxsize=4096)
def human(seconds: int) -> str:
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return _pair(days, "d", hours % 24, "h")
    if days < 365 * 2:
        return f"{days}d"
    if days < 365 * 8:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(timestamp: object, now: datetime) -> str:
    """Time since an RFC 3339 timestamp, `<unknown>` when there is none."""
    moment = parse(timestamp)
    return "<unknown>" if moment is None else between(moment, now)


def between(start: datetime, end: datetime) -> str:
    if end.__class__ is Open:
        return end.left_open(start)
    return human(int((end - start).total_seconds()))


def age(obj: Object, now: datetime) -> str:
    metadata = obj.get("metadata")
    return since(metadata.get("creationTimestamp") if type(metadata) is dict else None, now)


def parse(timestamp: object) -> datetime | None:
    """The moment a timestamp names, or None when it is absent or malformed."""
    if type(timestamp) is not str or not timestamp:
        return None
    try:
        return timestamps.parse(timestamp)
    except ValueError:
        return None
