"""A sorted set of names that stays cheap to change at any size: blocks of limited length, in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence

_BLOCK_MAX = 1024


class Names:
    def __init__(self) -> None:
        self._blocks: list[list[str]] = []
        self._lasts: list[str] = []

    def add(self, name: str) -> None:
        """``name`` must not be in the set."""
        if not self._blocks:
            self._blocks.append([name])
            self._lasts.append(name)
            return
        at = min(bisect_left(self._lasts, name), len(self._blocks) - 1)
        block = self._blocks[at]
        if name > block[-1]:
            block.append(name)
        else:
            insort(block, name)
        self._lasts[at] = block[-1]
        if len(block) > _BLOCK_MAX:
            # Names mostly arrive in order: leave the left block nearly full.
            half = _BLOCK_MAX if block[-1] is name else _BLOCK_MAX // 2
            self._blocks[at : at + 1] = [block[:half], block[half:]]
            self._lasts[at : at + 1] = [block[half - 1], block[-1]]

    def extend(self, names: Sequence[str]) -> None:
        """``names`` must be in order and above all that are in the set."""
        for start in range(0, len(names), _BLOCK_MAX):
            self._blocks.append(list(names[start : start + _BLOCK_MAX]))
            self._lasts.append(self._blocks[-1][-1])

    def remove(self, name: str) -> None:
        """``name`` must be in the set."""
        at = bisect_left(self._lasts, name)
        block = self._blocks[at]
        del block[bisect_left(block, name)]
        if block:
            self._lasts[at] = block[-1]
        else:
            del self._blocks[at], self._lasts[at]

    def after(self, name: str) -> Iterator[str]:
        """Those above ``name``, in order; empty text is below all."""
        at = bisect_right(self._lasts, name)
        if at < len(self._blocks):
            block = self._blocks[at]
            yield from block[bisect_right(block, name) :]
        for block in self._blocks[at + 1 :]:
            yield from block

    def count_after(self, name: str) -> int:
        """How many are above ``name``."""
        at = bisect_right(self._lasts, name)
        if at == len(self._blocks):
            return 0
        later = sum(map(len, self._blocks[at + 1 :]))
        return later + len(self._blocks[at]) - bisect_right(self._blocks[at], name)
