import asyncio

from bascule.control.reconcile import queue
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock

A, B = Request("root", "n", "a"), Request("root", "n", "b")


async def test_a_key_waits_once():
    q = queue.Queue(clock.ManualClock())
    for key in (A, B, A):
        q.add(key)
    assert [(await q.get())[0], (await q.get())[0]] == [A, B]
    assert q.statistics() == queue.Statistics(ready=0, delayed=0, working=2, oldest_seconds=0)


async def test_a_key_added_while_worked_on_comes_again_afterwards():
    q = queue.Queue(clock.ManualClock())
    q.add(A)
    await q.get()
    q.add(A)
    assert q.statistics().ready == 0
    q.done(A)
    assert (await q.get())[0] == A
    q.done(A)
    assert q.statistics().ready == 0


async def test_delayed_adds_keep_the_earliest_moment():
    time = clock.ManualClock()
    q = queue.Queue(time)
    q.add_after(A, 10)
    q.add_after(A, 3)
    q.add_after(A, 20)
    await time.advance(2.9)
    assert q.statistics().ready == 0
    await time.advance(0.2)
    assert q.statistics().ready == 1
    await time.advance(30)
    assert q.statistics() == queue.Statistics(ready=1, delayed=0, working=0, oldest_seconds=30.1)


async def test_waiting_is_measured_and_getters_wake():
    time = clock.ManualClock()
    q = queue.Queue(time)
    getter = asyncio.create_task(q.get())
    await time.advance(5)
    q.add(A)
    assert await getter == (A, 0)
    q.add(B)
    await time.advance(7)
    assert await q.get() == (B, 7)


async def test_close_cancels_what_is_delayed():
    time = clock.ManualClock()
    q = queue.Queue(time)
    q.add_after(A, 10)
    await q.close()
    await time.advance(20)
    assert q.statistics().ready == 0
