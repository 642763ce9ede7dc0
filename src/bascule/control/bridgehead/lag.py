"""How long a change takes to be in force on a node: a histogram for each kind, and the newest for each node.

From the arrival of its watch event here to the node's acknowledgement. What it took from the commit to that event is
not in it: no watch event says when its object was committed. `starts` is bounded: what nobody acknowledged within
its horizon is dropped, not kept.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import prometheus_client

from bascule.control.bridgehead import relevance
from bascule.vocabulary import clock as clocks

HORIZON_SECONDS = 120.0
REMEMBERED = 100
"""Measurements kept for each node."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Measured(NamedTuple):
    newest_seconds: float
    p99_seconds: float


class Lag:
    def __init__(self, registry: prometheus_client.CollectorRegistry, clock: clocks.Clock) -> None:
        self._clock = clock
        self._starts: dict[relevance.Item, float] = {}
        self._nodes: dict[str, deque[float]] = {}
        self._histogram = prometheus_client.Histogram(
            "bascule_sync_lag_seconds",
            "From a change being seen by the bridgehead to its being in force on one node",
            ["kind"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def started(self, item: relevance.Item) -> None:
        """A change was seen; an earlier one that is still under way keeps its start."""
        now = self._clock.monotonic()
        self._starts.pop(item, None)
        self._starts[item] = now
        while self._starts:
            oldest = next(iter(self._starts))
            if now - self._starts[oldest] <= HORIZON_SECONDS:
                break
            del self._starts[oldest]

    def in_force(self, node: str, item: relevance.Item, *, since: float) -> None:
        """The node acknowledged it. What was sent because the node had just come (`since`) says nothing."""
        start = self._starts.get(item)
        if start is not None and start >= since:
            lag_seconds = self._clock.monotonic() - start
            self._histogram.labels(item.kind).observe(lag_seconds)
            self._nodes.setdefault(node, deque(maxlen=REMEMBERED)).append(lag_seconds)

    def of(self, node: str) -> Measured | None:
        """What was measured on the node lately; None before its first change."""
        measured = self._nodes.get(node)
        if not measured:
            return None
        return Measured(measured[-1], sorted(measured)[min(len(measured) - 1, int(len(measured) * 0.99))])
