"""The order of merged lists: the patch's items in its order, the others where the live list had them.

Both relative orders are kept; where an item of one stands before one of the other in the live list, it stays before it.
"""

from __future__ import annotations

from typing import Any


def identity(item: Any, key: str) -> Any:
    """What tells an item from others: its merge key's value, or the item itself if it is no object."""
    if isinstance(item, dict):
        value = item.get(key)
        return value if isinstance(value, (str, int, float, bool)) else None
    return item if not isinstance(item, list) else None


def interleaved(merged: list[Any], order: list[Any], live: list[Any], key: str) -> list[Any]:
    """The merged items in the order that `order` states for some of them and `live` for the rest."""
    wanted = _positions(order, key)
    lived = _positions(live, key)
    stated = [item for item in merged if identity(item, key) in wanted]
    stated.sort(key=lambda item: wanted[identity(item, key)])
    others = [item for item in merged if identity(item, key) not in wanted]
    others.sort(key=lambda item: lived.get(identity(item, key), len(live)))
    result: list[Any] = []
    left = right = 0
    while left < len(others) and right < len(stated):
        mine, theirs = lived.get(identity(others[left], key)), lived.get(identity(stated[right], key))
        if mine is not None and theirs is not None and mine < theirs:
            result.append(others[left])
            left += 1
        else:
            result.append(stated[right])
            right += 1
    return result + others[left:] + stated[right:]


def _positions(items: list[Any], key: str) -> dict[Any, int]:
    positions: dict[Any, int] = {}
    for index, item in enumerate(items):
        positions.setdefault(identity(item, key), index)
    return positions
