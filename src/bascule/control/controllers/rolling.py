"""The arithmetic of rolling updates: who gets how many replicas next. Pure, upstream's rules.

Invariant (property-tested): applied step by step to any world that reports truthfully, there are never more than
`replicas + maxSurge` pods asked for, never fewer than `replicas - maxUnavailable` available through our doing, and
it ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bascule.vocabulary import objects


@dataclass(frozen=True)
class Set:
    """A ReplicaSet as the arithmetic sees it. `age` orders sets, larger is older; `desired` and `max_replicas` are
    its Deployment's size, without and with surge, when the set was last scaled (0: unknown).
    """

    name: str
    replicas: int
    available: int = 0
    age: float = 0.0
    max_replicas: int = 0
    desired: int = 0


@dataclass(frozen=True)
class Bounds:
    """`wanted` pods, at most `surge` more, at most `unavailable` fewer."""

    wanted: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        return self.wanted + self.surge


def bounds(deployment: objects.Object) -> Bounds:
    """From the spec; percentages of surge round up, of unavailability down, and both cannot be zero."""
    spec = deployment.get("spec") or {}
    wanted = 1 if spec.get("replicas") is None else int(spec["replicas"])
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Bounds(wanted, 0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = _portion(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _portion(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(wanted, surge, min(unavailable, wanted))


def _portion(value: object, of: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * of
        return -(-share // 100) if up else share // 100
    return int(str(value if value is not None else 0))


def grow_new(new: Set, old: Sequence[Set], limits: Bounds) -> int:
    """The next size of the new set in a rolling update."""
    if new.replicas >= limits.wanted:
        return limits.wanted
    room = limits.most - new.replicas - sum(one.replicas for one in old)
    return new.replicas + max(0, min(room, limits.wanted - new.replicas))


def shrink_old(new: Set, old: Sequence[Set], limits: Bounds) -> dict[str, int]:
    """The next sizes of old sets: first what is unhealthy anyway, then what the new ones already replace."""
    total = new.replicas + sum(one.replicas for one in old)
    least = limits.wanted - limits.unavailable
    allowed = total - least - max(0, new.replicas - new.available)
    if allowed <= 0:
        return {}
    sizes = {one.name: one.replicas for one in old}
    by_age = sorted(old, key=lambda one: -one.age)
    cleaned = 0
    for one in by_age:
        step = min(allowed - cleaned, max(0, one.replicas - one.available))
        sizes[one.name] -= step
        cleaned += step
    # A status may lag behind a set that was just shrunk: never count more as available than were left in it.
    everyone = [(new.available, new.replicas), *((one.available, sizes[one.name]) for one in old)]
    spare = min(allowed - cleaned, sum(min(pair) for pair in everyone) - least)
    for one in by_age:
        step = min(max(0, spare), sizes[one.name])
        sizes[one.name] -= step
        spare -= step
    return {one.name: sizes[one.name] for one in old if sizes[one.name] != one.replicas}


def rescale(new: Set | None, old: Sequence[Set], limits: Bounds, *, rolling: bool = True) -> dict[str, int]:
    """Sizes after the Deployment itself was resized (or while it is paused): proportional among live sets."""
    everyone = [*([new] if new else []), *old]
    live = [one for one in everyone if one.replicas > 0]
    if len(live) <= 1:
        only = live[0] if live else _latest(new, old)
        return {only.name: limits.wanted} if only and only.replicas != limits.wanted else {}
    if new is not None and new.replicas == new.available == new.desired == limits.wanted:
        return {one.name: 0 for one in old if one.replicas > 0}
    if not rolling:
        return {}
    return _proportional(live, limits)


def _latest(new: Set | None, old: Sequence[Set]) -> Set | None:
    return new if new is not None else min(old, key=lambda one: one.age, default=None)


def _proportional(live: Sequence[Set], limits: Bounds) -> dict[str, int]:
    """Largest first; what rounding leaves over goes to the largest."""
    most = limits.most if limits.wanted > 0 else 0
    to_add = most - sum(one.replicas for one in live)
    if to_add == 0:
        return {}
    direction = 1 if to_add > 0 else -1
    ordered = sorted(live, key=lambda one: (-one.replicas, direction * one.age))
    sizes: dict[str, int] = {}
    added = 0
    for one in ordered:
        before = one.max_replicas or sum(each.replicas for each in live)
        ideal = math.floor(one.replicas * limits.most / before + 0.5) if limits.wanted else 0
        share, left = ideal - one.replicas, to_add - added
        share = min(max(share, 0), left) if to_add > 0 else max(min(share, 0), left)
        sizes[one.name] = one.replicas + share
        added += share
    for one in ordered:
        after = max(0, sizes[one.name] + to_add - added)
        added += after - sizes[one.name]
        sizes[one.name] = after
    return {one.name: sizes[one.name] for one in live if sizes[one.name] != one.replicas}


def sized(sets: Sequence[Set], sizes: dict[str, int]) -> list[Set]:
    """The sets with their new sizes."""
    return [replace(one, replicas=sizes.get(one.name, one.replicas)) for one in sets]
