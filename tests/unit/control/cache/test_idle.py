"""What a watch holds, and whether it waits, while nothing happens."""

from __future__ import annotations

import asyncio

from bascule.control.cache import event, record, watch
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
