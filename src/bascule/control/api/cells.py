"""The cells of a resource's rows, made once for each version of an object; durations are filled in as they are shown.

Bounded: of more objects than fit, all are made anew. Cells are kept as the JSON around each duration and its start.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson

from bascule.control.cache import record
from bascule.control.kinds import duration, strategy
from bascule.vocabulary import objects

_KEPT_MAX: Final = 16_384
_MARK: Final = duration.Open.MARK.encode()
_Kept = tuple[int, tuple[bytes, ...], tuple[float, ...]]


class Cells:
    def __init__(self) -> None:
        self._kept: dict[objects.Key, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def shown(self, kind: strategy.Strategy, stored: record.Record, now: datetime) -> bytes:
        """The JSON of `kind.cells`, of an object that is served as it is stored."""
        kept = self._kept.get(stored.key)
        if kept is None or kept[0] != stored.revision:
            kept = self._make(kind, stored)
            if kept is None:
                return orjson.dumps(kind.cells(stored.decode(), now))
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[stored.key] = kept
        _, around, starts = kept
        moment = now.timestamp()
        shown = around[0]
        for start, following in zip(starts, around[1:], strict=True):
            shown += duration.human(int(moment - start)).encode() + following
        return shown

    def _make(self, kind: strategy.Strategy, stored: record.Record) -> _Kept | None:
        """None for an object that itself holds the mark."""
        present = duration.Open(datetime.max.year, 1, 1, tzinfo=UTC)
        around = tuple(orjson.dumps(kind.cells(stored.decode(), present)).split(_MARK))
        if len(around) != len(present.starts) + 1:
            return None
        return stored.revision, around, tuple(start.timestamp() for start in present.starts)
