"""Watches: ordered, unique, atomic, reliable, resumable, on every engine."""

from __future__ import annotations

import asyncio

import pytest

from bascule.control.store import contract
from bascule.control.store.contract import Delete, Put


async def take(watch: contract.Watch, count: int) -> list[contract.Batch]:
    return [await asyncio.wait_for(anext(watch), 5) for _ in range(count)]


async def test_a_watch_tells_what_happens_after_it(opened, put):
    await put("/a", b"0")
    watch = await opened.watch("/", after=1)
    await put("/a", b"1")
    await opened.commit([Delete("/a")])
    assert await take(watch, 2) == [
        contract.Batch(2, (contract.Change("/a", b"1", 2),)),
        contract.Batch(3, (contract.Change("/a", None, 3),)),
    ]


async def test_a_watch_resumes_from_history(opened, put):
    for n in range(5):
        await put(f"/{n}", b"")
    watch = await opened.watch("/", after=2)
    await put("/new", b"")
    assert [batch.revision for batch in await take(watch, 4)] == [3, 4, 5, 6]


async def test_a_commit_arrives_whole_and_only_under_the_prefix(opened):
    watch = await opened.watch("/p/", after=0)
    await opened.commit([Put("/o/x", b"")])
    await opened.commit([Put("/p/a", b""), Put("/q/a", b""), Put("/p/b", b"")])
    (batch,) = await take(watch, 1)
    assert [change.key for change in batch.changes] == ["/p/a", "/p/b"]
    resumed = await opened.watch("/p/", after=0)
    assert await take(resumed, 1) == [batch]


async def test_an_event_is_never_ahead_of_what_reads_see(opened):
    watch = await opened.watch("/", after=0)
    writes = [asyncio.ensure_future(opened.commit([Put(f"/{n}", b"")])) for n in range(20)]
    for batch in await take(watch, 20):
        assert opened.revision >= batch.revision
        assert (await opened.get(batch.changes[0].key)).revision == batch.revision
    await asyncio.gather(*writes)


async def test_whoever_is_answered_finds_the_watch_told(opened):
    watch = await opened.watch("/", after=0)
    revision = await opened.commit([Put("/a", b"")])
    (batch,) = await asyncio.wait_for(watch.next_batches(), 5)
    assert batch.revision == revision


async def test_watches_begun_amid_writes_miss_and_repeat_nothing(opened):
    watches = []

    async def write(writer: int) -> None:
        for n in range(10):
            await opened.commit([Put(f"/{writer}/{n}", b"")])

    async def begin() -> None:
        for _ in range(10):
            after = opened.revision
            watches.append((after, await opened.watch("/", after=after)))
            await asyncio.sleep(0)

    await asyncio.gather(*(write(n) for n in range(5)), begin())
    for after, watch in watches:
        revisions = [batch.revision for batch in await take(watch, 50 - after)]
        assert revisions == list(range(after + 1, 51))


async def test_closing_ends_a_waiting_watch(opened):
    watch = await opened.watch("/", after=0)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    other = await opened.watch("/", after=0)
    await opened.commit([Put("/a", b"")])
    await opened.close()
    assert [batch.revision async for batch in other] == [1]


async def test_a_cancelled_reader_loses_nothing(opened, put):
    watch = await opened.watch("/", after=0)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await put("/a", b"")
    assert [batch.revision for batch in await take(watch, 1)] == [1]
