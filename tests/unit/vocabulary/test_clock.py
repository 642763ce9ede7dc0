"""The clock that a test holds: sleepers wake in the order of their deadlines, at their own moment, and only then."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary.clock import ManualClock, SystemClock

START = datetime(2030, 1, 1, tzinfo=UTC)


async def test_time_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    await clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=1.5), 1.5)


@given(st.lists(st.integers(1, 20), max_size=8), st.lists(st.integers(0, 9), max_size=6))
def test_each_sleeper_wakes_at_its_deadline(naps: list[int], steps: list[int]) -> None:
    async def play() -> None:
        clock = ManualClock(START)
        woken: list[tuple[int, float]] = []

        async def sleeper(number: int, nap: int) -> None:
            await clock.sleep(nap)
            woken.append((number, clock.monotonic()))

        tasks = [asyncio.create_task(sleeper(number, nap)) for number, nap in enumerate(naps)]
        for step in steps:
            await clock.advance(step)
        due = sorted((nap, number) for number, nap in enumerate(naps) if nap <= sum(steps))
        assert woken == [(number, float(nap)) for nap, number in due]
        if steps:
            assert clock.sleepers == len(naps) - len(due)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())


async def test_a_woken_task_that_sleeps_again_is_woken_within_the_same_advance() -> None:
    clock = ManualClock()
    ticks: list[float] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(2)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(ticker())
    await clock.advance(7)
    assert ticks == [2.0, 4.0, 6.0]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(1)
    assert clock.sleepers == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleepers == 0
    await clock.advance(10)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_sleep_is_only_a_turn_of_the_loop(seconds: float) -> None:
    clock = ManualClock()
    await clock.sleep(seconds)
    assert clock.monotonic() == 0.0


async def test_the_systems_clock() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().tzinfo is UTC
