"""How much work may still go into one validation: for those who must be back soon, and for those who may take long.

`within` sets a bound for all that is called in it; what could take long tells `spend` first. Units are those of rules'
costs: a million is about a second. Outside any bound nothing is counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

MOMENT: Final = 20_000
"""What may be done while others wait: about 20 ms."""
MOST: Final = 12_000_000
"""What may be done at all for one object: all that rules may cost, and something for patterns."""


class TooLongError(Exception):
    """There is more to do than was allowed; nothing is known of the object."""


@dataclass(slots=True, eq=False)
class Effort:
    left: int

    def end(self) -> None:
        """Nobody wants to know any more: whoever spends next stops."""
        self.left = -1


_current: ContextVar[Effort | None] = ContextVar("effort", default=None)


@contextlib.contextmanager
def within(units: int) -> Iterator[Effort]:
    """Raises TooLongError where more than these units are spent inside."""
    made = Effort(units)
    token = _current.set(made)
    try:
        yield made
    finally:
        _current.reset(token)


def spend(units: int) -> None:
    """Before (or soon after) so much is done."""
    effort = _current.get()
    if effort is not None:
        effort.left -= units
        if effort.left < 0:
            raise TooLongError


def left() -> int | None:
    """None: as much as one likes."""
    effort = _current.get()
    return None if effort is None else max(effort.left, 0)
