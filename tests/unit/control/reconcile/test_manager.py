import asyncio
import random

import aiohttp
import pytest

from bascule.client import api, kubeconfig
from bascule.control.reconcile import manager, outcome, port
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock


@pytest.fixture
async def subject():
    async with api.Client(kubeconfig.Connection("http://127.0.0.1:9")) as client:
        yield manager.Manager(client, "test", clock=clock.ManualClock(), source=random.Random(1))


async def test_a_loop_that_breaks_is_started_again_alone(subject):
    starts = {"bad": 0, "good": 0}

    async def bad() -> None:
        starts["bad"] += 1
        raise RuntimeError("broken")

    async def good() -> None:
        starts["good"] += 1
        await asyncio.Event().wait()

    subject.loop("bad", bad)
    subject.loop("good", good)
    task = asyncio.create_task(subject.run())
    await subject.clock.advance(10)
    assert starts["bad"] >= 3
    assert starts["good"] == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_port_shows_numbers_and_who_is_set_aside(subject):
    async def refuse(request: Request) -> outcome.Outcome:
        return outcome.GiveUp("no")

    made = subject.controller("refuser", refuse)
    await made.reconcile_once(Request("root", "n", "a"))
    async with port.serving(subject) as address, aiohttp.ClientSession() as session:
        async with session.get(f"http://{address}/quarantine") as answer:
            items = (await answer.json())["items"]
        async with session.get(f"http://{address}/metrics") as answer:
            text = await answer.text()
        async with session.get(f"http://{address}/healthz") as answer:
            assert answer.status == 200
    assert [(item["controller"], item["name"], item["reason"]) for item in items] == [("refuser", "a", "no")]
    assert 'bascule_reconcile_quarantined{controller="refuser"} 1.0' in text
    await made.queue.close()
