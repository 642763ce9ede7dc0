"""Ranges of sizes and costs, from the least to the most. They end at the greatest unsigned number."""

from __future__ import annotations

import math
from typing import NamedTuple

GREATEST = 2**64 - 1


def _bounded(value: int) -> int:
    return min(value, GREATEST)


class Range(NamedTuple):
    """Of a size, or of a cost."""

    least: int
    most: int

    def plus(self, other: Range) -> Range:
        return Range(_bounded(self.least + other.least), _bounded(self.most + other.most))

    def times(self, other: Range) -> Range:
        return Range(_bounded(self.least * other.least), _bounded(self.most * other.most))

    def scaled(self, factor: float) -> Range:
        """Rounded up."""
        return Range(*(_bounded(math.ceil(float(end) * factor)) for end in self))

    def union(self, other: Range) -> Range:
        return Range(min(self.least, other.least), max(self.most, other.most))


def exactly(value: int) -> Range:
    return Range(value, value)


ZERO, ONE = exactly(0), exactly(1)
UNKNOWN = Range(0, GREATEST)
EMPTY_UNION = Range(GREATEST, 0)
"""What unions begin with."""
