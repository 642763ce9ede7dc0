"""What a watch holds, and whether it waits, while nothing happens."""

from __future__ import annotations

import asyncio

from bascule.control.cache import change, event, hub, record, scope, selection, watch
from bascule.vocabulary import objects


def made() -> watch.Watch:
    return watch.Watch(5, initial=None, newest=lambda: 5, detach=lambda _: None)


def happened(revision: int) -> event.Event:
    shown = record.Record(objects.Key("root", "n", "a"), revision, record.draft({"metadata": {}}, {}))
    return event.Event(event.ADDED, revision, shown)


async def test_waits_until_a_time() -> None:
    watching = made()
    loop = asyncio.get_running_loop()
    assert await watching.batch(until=loop.time() + 0.01) == []
    assert not watching.ended
    waiting = asyncio.ensure_future(watching.batch(until=loop.time() + 60))
    await asyncio.sleep(0)
    watching.offer(happened(6))
    assert [seen.revision for seen in await waiting] == [6]
    waiting = asyncio.ensure_future(watching.batch(until=loop.time() + 60))
    await asyncio.sleep(0)
    watching.close()
    assert (await waiting, watching.ended) == ([], True)


def test_holds_no_queue_while_nothing_waits() -> None:
    watching = made()
    assert watching.take() == []
    for revision in (6, 7):
        watching.offer(happened(revision))
    assert watching.revision == 5
    assert [seen.revision for seen in watching.take(1)] == [6]
    assert watching.revision == 6
    assert [seen.revision for seen in watching.take()] == [7]
    assert watching._queue is None
    assert watching.take() == []


async def test_many_are_woken_a_few_at_a_time_and_none_is_forgotten() -> None:
    published = hub.Hub(())
    watching = [
        watch.Watch(5, initial=None, newest=lambda: 5, detach=published.detach) for _ in range(3 * hub.WOKEN_AT_ONCE)
    ]
    everything = selection.Selection(scope.EVERYWHERE)
    seen: dict[int, list[int]] = {number: [] for number in range(len(watching) + 1)}

    async def read(number: int, watcher: watch.Watch) -> None:
        while events := await watcher.batch():
            seen[number] += [happened.revision for happened in events]

    for watcher in watching:
        published.attach(watcher, everything)
    reading = [asyncio.create_task(read(number, watcher)) for number, watcher in enumerate(watching)]
    await asyncio.sleep(0)

    def publish(revision: int) -> None:
        shown = happened(revision).record
        assert shown is not None
        published.publish(change.Change(revision, shown.key, shown, None))

    publish(6)
    for _ in range(2):
        await asyncio.sleep(0)
    told = sum(1 for revisions in seen.values() if revisions)
    assert 0 < told < len(watching)
    publish(7)  # Those that have read sleep again, and one comes late.
    watching.append(watch.Watch(7, initial=None, newest=lambda: 7, detach=published.detach))
    published.attach(watching[-1], everything)
    reading.append(asyncio.create_task(read(len(watching) - 1, watching[-1])))
    await asyncio.sleep(0)
    publish(8)
    for _ in range(20):
        await asyncio.sleep(0)
    assert [seen.pop(len(watching) - 1), *seen.values()] == [[8], *([6, 7, 8] for _ in watching[1:])]
    published.close()
    await asyncio.gather(*reading)
