import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from bascule.client import faults
from bascule.control.reconcile import controller, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock, errors

A, POISON = Request("root", "n", "a"), Request("root", "n", "poison")


class Subject:
    """A controller whose reconciler does what `answers` says for each name, on a manual clock."""

    def __init__(self, **options) -> None:
        self.clock = clock.ManualClock()
        self.tries: list[str] = []
        self.answers: dict[str, object] = {}
        self.told: list[tuple] = []
        self.controller = controller.Controller(
            "subject",
            self._reconcile,
            clock=self.clock,
            source=random.Random(1),
            on_quarantine=lambda *args: self.told.append(args),
            **options,
        )

    async def _reconcile(self, request: Request) -> outcome.Outcome:
        self.tries.append(request.name)
        answer = self.answers.get(request.name, outcome.DONE)
        if isinstance(answer, BaseException):
            raise answer
        if answer is asyncio:
            await asyncio.Event().wait()
        return answer

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.controller.run())
        try:
            yield self
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await self.controller.queue.close()


async def test_an_object_that_keeps_failing_is_set_aside_and_the_others_go_on():
    subject = Subject()
    subject.answers["poison"] = ValueError("spec is null")
    async with subject.running():
        subject.controller.enqueue(POISON)
        await subject.clock.advance(1)
        assert subject.tries == ["poison"] * 3
        assert subject.told == [("subject", POISON, "ValueError: spec is null")]
        assert subject.controller.quarantine.entries[POISON].tries == 3
        subject.controller.enqueue(A)
        await subject.clock.advance(1)
        assert subject.tries[3:] == ["a"]


async def test_a_quarantined_object_that_changes_is_tried_soon_and_freed_by_success():
    subject = Subject()
    subject.answers["poison"] = ValueError("spec is null")
    async with subject.running():
        subject.controller.enqueue(POISON)
        await subject.clock.advance(1)
        del subject.answers["poison"]
        subject.controller.enqueue(POISON)
        await subject.clock.advance(6)
        assert len(subject.tries) == 4
        assert subject.controller.quarantine.entries == {}


async def test_quarantine_is_retried_ever_more_rarely():
    subject = Subject()
    subject.answers["poison"] = ValueError("spec is null")
    async with subject.running():
        subject.controller.enqueue(POISON)
        await subject.clock.advance(3600)
        assert 10 <= len(subject.tries) <= 20


@pytest.mark.parametrize(
    "error", [faults.Unreachable("gone"), errors.conflict("pods", "a", "stale"), errors.too_many_requests("x", 1)]
)
async def test_faults_of_the_road_are_not_held_against_the_object(error):
    subject = Subject()
    subject.answers["poison"] = error
    async with subject.running():
        subject.controller.enqueue(POISON)
        await subject.clock.advance(60)
        assert len(subject.tries) > 3
        assert subject.controller.quarantine.entries == {}
        assert subject.told == []


async def test_give_up_sets_aside_at_once():
    subject = Subject()
    subject.answers["poison"] = outcome.GiveUp("selector matches nothing of its own template")
    async with subject.running():
        subject.controller.enqueue(POISON)
        await subject.clock.advance(1)
        assert subject.tries == ["poison"]
        assert POISON in subject.controller.quarantine.entries


async def test_retry_after_comes_again_then():
    subject = Subject()
    subject.answers["a"] = outcome.RetryAfter(10)
    async with subject.running():
        subject.controller.enqueue(A)
        await subject.clock.advance(9)
        assert subject.tries == ["a"]
        await subject.clock.advance(2)
        assert subject.tries == ["a", "a"]


async def test_a_reconcile_that_hangs_is_ended():
    subject = Subject(timeout_seconds=0.01, workers=1)
    subject.answers["poison"] = asyncio
    await subject.controller.reconcile_once(POISON)
    assert subject.controller.backoff.failures(POISON) == 1
    await subject.controller.queue.close()


async def test_nothing_waits_long_for_a_server_that_is_back():
    subject = Subject()
    subject.answers["a"] = faults.Unreachable("gone")
    async with subject.running():
        subject.controller.enqueue(A)
        await subject.clock.advance(600)
        del subject.answers["a"]
        tried = len(subject.tries)
        await subject.clock.advance(2)
        assert len(subject.tries) == tried + 1
