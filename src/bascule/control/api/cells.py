"""The cells of a resource's rows, made once for each version of an object; durations are filled in as they are shown.

Bounded: of more objects than fit, all are made anew. Cells are kept as the JSON around each duration and its start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import orjson

from bascule.control.cache import record
from bascule.control.kinds import duration, strategy
from bascule.vocabulary import objects

_KEPT_MAX: Final = 16_384
_MARK: Final = duration.Open.MARK.encode()
_Kept = tuple[int, bytes, tuple[tuple[float, bytes], ...]]


class Cells:
    def __init__(self) -> None:
        self._kept: dict[objects.Key, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def shown(self, kind: strategy.Strategy, records: Iterable[record.Record], now: datetime) -> Iterator[bytes]:
        """The JSON of `kind.cells` of each of the objects, which are served as they are stored."""
        moment, human = now.timestamp(), duration.human
        for stored in records:
            kept = self._kept.get(stored.key)
            if kept is None or kept[0] != stored.revision:
                kept = self._make(kind, stored)
                if kept is None:
                    yield orjson.dumps(kind.cells(stored.decode(), now))
                    continue
            _, first, following = kept
            if len(following) == 1:  # As nearly all: an age.
                ((start, rest),) = following
                yield b"%b%b%b" % (first, human(int(moment - start)).encode(), rest)
            else:
                parts = [human(int(moment - start)).encode() + rest for start, rest in following]
                yield first + b"".join(parts)

    def _make(self, kind: strategy.Strategy, stored: record.Record) -> _Kept | None:
        """Made, and kept; None for an object that itself holds the mark."""
        present = duration.Open(datetime.max.year, 1, 1, tzinfo=UTC)
        around = orjson.dumps(kind.cells(stored.decode(), present)).split(_MARK)
        if len(around) != len(present.starts) + 1:
            return None
        starts = (start.timestamp() for start in present.starts)
        if len(self._kept) >= _KEPT_MAX:
            self._kept.clear()
        kept = stored.revision, around[0], tuple(zip(starts, around[1:], strict=True))
        self._kept[stored.key] = kept
        return kept
