"""The queue: priority, order, parking and backoff, on a clock that the test holds."""

from __future__ import annotations

from bascule.control.scheduler.demand import Demand
from bascule.control.scheduler.queue import Queue
from bascule.vocabulary import objects


def wanted(name: str, priority: int = 0) -> Demand:
    return Demand(objects.Key("root", "default", name), name, {}, {}, priority)


def drain(queue: Queue, now: float) -> list[str]:
    names = []
    while (demand := queue.pop(now)) is not None:
        names.append(demand.key.name)
    return names


def test_priority_first_then_who_came_first() -> None:
    queue = Queue()
    for demand in (wanted("a"), wanted("b", 5), wanted("c"), wanted("d", 5)):
        queue.put(demand)
    assert drain(queue, 0) == ["b", "d", "a", "c"]


def test_a_parked_pod_waits_for_something_to_happen_and_then_for_its_backoff() -> None:
    queue = Queue()
    queue.put(wanted("a"))
    parked = queue.pop(0)
    assert parked is not None
    queue.park(parked, 0)
    assert drain(queue, 100) == []
    queue.stir(0.2)
    assert queue.next_time() == 1.0
    assert drain(queue, 0.9) == []
    again = queue.pop(1.0)
    assert again is not None
    queue.park(again, 1.0)
    queue.stir(1.1)
    assert queue.next_time() == 3.0, "the second time it waits twice as long"


def test_a_changed_pod_is_tried_at_once() -> None:
    queue = Queue()
    queue.put(wanted("a"))
    parked = queue.pop(0)
    assert parked is not None
    queue.park(parked, 0)
    queue.put(wanted("a"))
    assert drain(queue, 0) == [], "nothing about it changed"
    queue.put(wanted("a", priority=1))
    assert drain(queue, 0) == ["a"]


def test_a_discarded_pod_never_comes() -> None:
    queue = Queue()
    queue.put(wanted("a"))
    queue.retry_later(wanted("b"), 0)
    queue.discard(wanted("a").key)
    queue.discard(wanted("b").key)
    assert drain(queue, 1000) == []


def test_even_without_events_a_parked_pod_is_tried_again() -> None:
    queue = Queue()
    queue.park(wanted("a"), 0)
    queue.stir(200, everything=False)
    assert drain(queue, 200) == []
    queue.stir(301, everything=False)
    assert drain(queue, 301) == ["a"]
