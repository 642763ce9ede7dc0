"""The order of merged lists: the patch's items in its order, the others where the live list had them.

Both relative orders are kept; where an item of one stands before one of the other in the live list, it stays before it.
"""

from __future__ import annotations

import operator
from typing import Any, Final

_IDENTIFYING = frozenset((str, int, float, bool))


def identity(item: Any, key: str) -> Any:
    """What tells an item from others: its merge key's value, or the item itself if it is no object."""
    if item.__class__ is dict:
        value = item.get(key)
        return value if value.__class__ in _IDENTIFYING else None
    return None if item.__class__ is list else item


def interleaved(merged: list[Any], order: list[Any], live: list[Any], key: str) -> list[Any]:
    """The merged items in the order that `order` states for some of them and `live` for the rest.

    `merged` itself where that is the order it has.
    """
    wanted, lived = positions(order, key), positions(live, key)
    stated: list[tuple[int, Any, int | None]] = []
    others: list[tuple[int, Any, int | None]] = []
    for item in merged:
        who = identity(item, key)
        place, was = wanted.get(who), lived.get(who)
        if place is None:
            others.append((len(live) if was is None else was, item, was))
        else:
            stated.append((place, item, was))
    stated.sort(key=_PLACE)
    others.sort(key=_PLACE)
    result: list[Any] = []
    left = right = 0
    while left < len(others) and right < len(stated):
        _, other, mine = others[left]
        _, item, theirs = stated[right]
        if mine is not None and theirs is not None and mine < theirs:
            result.append(other)
            left += 1
        else:
            result.append(item)
            right += 1
    result += [item for _, item, _ in others[left:]]
    result += [item for _, item, _ in stated[right:]]
    return merged if all(map(operator.is_, result, merged)) else result


def positions(items: list[Any], key: str) -> dict[Any, int]:
    """Where the first item of each identity is."""
    found: dict[Any, int] = {}
    for index, item in enumerate(items):
        found.setdefault(identity(item, key), index)
    return found


_PLACE: Final = operator.itemgetter(0)
