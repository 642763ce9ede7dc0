"""Numbers of which the fraction is nothing, as integers.

Upstream decodes `1.0` and `1e2` as floating-point numbers and writes them as `1` and `100`; clients whose field is an
integer cannot read them otherwise. Whether a number may be one is not asked here.
"""

from __future__ import annotations

from typing import Any, Final

from bascule.vocabulary.objects import Object

_INT64: Final = 1 << 63


def settle(obj: Object) -> None:
    """Makes integers, in place, of all that can be one in 64 bits, but for the metadata's, which has none."""
    waiting: list[Any] = [obj]
    while waiting:
        container = waiting.pop()
        for place, member in container.items() if container.__class__ is dict else enumerate(container):
            kind = member.__class__
            if kind is dict or kind is list:
                if member and not (container is obj and place == "metadata"):
                    waiting.append(member)
            elif kind is float and member.is_integer() and -_INT64 <= member < _INT64:
                container[place] = int(member)
