"""Lag is measured where a change was seen until where it is in force, for each node."""

from __future__ import annotations

import prometheus_client

from bascule.control.bridgehead import lag
from bascule.control.bridgehead.relevance import Item
from bascule.vocabulary import clock as clocks


async def test_each_node_has_its_own_lag() -> None:
    clock = clocks.ManualClock()
    measured = lag.Lag(prometheus_client.CollectorRegistry(), clock)
    item, since = Item("pods", "root/ns/p"), clock.monotonic()
    assert measured.of("near") is None
    for _ in range(50):
        measured.started(item)
        await clock.advance(0.01)
        measured.in_force("near", item, since=since)
        await clock.advance(0.19)
        measured.in_force("far", item, since=since)
    near, far = measured.of("near"), measured.of("far")
    assert near is not None
    assert far is not None
    assert [round(value, 3) for value in (*near, *far)] == [0.01, 0.01, 0.2, 0.2]


async def test_what_a_node_is_told_because_it_came_is_no_lag() -> None:
    clock = clocks.ManualClock()
    measured = lag.Lag(prometheus_client.CollectorRegistry(), clock)
    item = Item("pods", "root/ns/p")
    measured.started(item)
    await clock.advance(30)
    measured.in_force("n1", item, since=clock.monotonic())
    assert measured.of("n1") is None
