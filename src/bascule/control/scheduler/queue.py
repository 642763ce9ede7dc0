"""Which pod is next: the highest priority first, then the one that waits longest.

A pod that found no node is parked until something happened that could help it (a node came or changed, a pod went), and
then waits out a backoff of 1 s doubling to 10 s. Time is passed in; nothing sleeps here.
"""

from __future__ import annotations

import heapq
import itertools

from bascule.control.scheduler.demand import Demand
from bascule.vocabulary import objects

BACKOFF_SECONDS_FIRST, BACKOFF_SECONDS_MAX = 1.0, 10.0
PARKED_SECONDS_MAX = 300.0
"""Even if nothing seems to have happened, a parked pod is tried again after this long."""


class Queue:
    def __init__(self) -> None:
        self._demands: dict[objects.Key, Demand] = {}
        self._active: list[tuple[int, int, objects.Key]] = []
        self._waiting: list[tuple[float, int, objects.Key]] = []
        self._parked: dict[objects.Key, float] = {}
        self._attempts: dict[objects.Key, int] = {}
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._demands)

    @property
    def parked(self) -> int:
        return len(self._parked)

    def put(self, demand: Demand) -> None:
        """A pending pod, new or changed; a changed one is tried at once."""
        known = self._demands.get(demand.key)
        if known == demand:
            return
        self._demands[demand.key] = demand
        self._parked.pop(demand.key, None)
        self._activate(demand)

    def discard(self, key: objects.Key) -> None:
        self._demands.pop(key, None)
        self._parked.pop(key, None)
        self._attempts.pop(key, None)

    def pop(self, now: float) -> Demand | None:
        """The next pod to decide about, or None; it is no longer queued."""
        while self._waiting and self._waiting[0][0] <= now:
            key = heapq.heappop(self._waiting)[2]
            if key in self._demands:
                self._activate(self._demands[key])
        while self._active:
            key = heapq.heappop(self._active)[2]
            if key in self._parked:
                continue
            demand = self._demands.pop(key, None)
            if demand is not None:
                return demand
        return None

    def park(self, demand: Demand, now: float) -> None:
        """No node would have it."""
        self._attempts[demand.key] = self._attempts.get(demand.key, 0) + 1
        self._demands[demand.key] = demand
        self._parked[demand.key] = now

    def retry_later(self, demand: Demand, now: float) -> None:
        """Something failed that was not the pod's fault."""
        self._attempts[demand.key] = self._attempts.get(demand.key, 0) + 1
        self._demands[demand.key] = demand
        heapq.heappush(self._waiting, (now + self._backoff(demand.key), next(self._order), demand.key))

    def stir(self, now: float, *, everything: bool = True) -> None:
        """Something happened that may help parked pods (``everything`` False: only those parked for very long)."""
        for key, since in list(self._parked.items()):
            if everything or now - since > PARKED_SECONDS_MAX:
                del self._parked[key]
                heapq.heappush(self._waiting, (since + self._backoff(key), next(self._order), key))

    def next_time(self) -> float | None:
        """When a waiting pod becomes due; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def _backoff(self, key: objects.Key) -> float:
        return min(BACKOFF_SECONDS_FIRST * 2.0 ** (self._attempts.get(key, 1) - 1), BACKOFF_SECONDS_MAX)

    def _activate(self, demand: Demand) -> None:
        heapq.heappush(self._active, (-demand.priority, next(self._order), demand.key))
