"""A node's connection stands in the API as it changes, and no beat costs a write."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import prometheus_client

from bascule.control.bridgehead import lag, liveness, streams, world
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import conditions, errors
from tests.unit.control.bridgehead import fakes


def told(client: fakes.Client) -> list[str]:
    """How Connected went."""
    return [status for status, _ in itertools.groupby(written(client))]


def written(client: fakes.Client) -> list[str]:
    """Connected, each time that it was written."""
    found = []
    for verb, _, _, body, options in client.calls:
        if verb == "patch" and options.get("subresource") == "status":
            condition = conditions.find(body["status"]["conditions"], liveness.CONNECTED)
            assert condition is not None
            found.append(condition["status"])
    return found


@asynccontextmanager
async def alive(client: fakes.Client, clock: clocks.ManualClock) -> AsyncIterator[liveness.Liveness]:
    known = world.World(client, clock)  # type: ignore[arg-type]
    known.store = world.StoreIdentity("here", 1)
    node: dict[str, Any] = {"metadata": {"name": "n1", "annotations": {liveness.TUNNEL_ANNOTATION: "here:1"}}}
    known.informers["nodes"]._collection.put(node)
    fed = streams.Streams(known, client, lag.Lag(prometheus_client.CollectorRegistry(), clock), clock)  # type: ignore[arg-type]
    watching = liveness.Liveness(client, known, fed, clock, tunnel_address="here:1", why_away=lambda: "")  # type: ignore[arg-type]
    task = asyncio.create_task(watching.run())
    try:
        yield watching
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def beat(watching: liveness.Liveness, clock: clocks.ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        watching.beat("n1")
        await clock.advance(1)


async def test_silence_is_told_within_three_seconds_and_return_at_once() -> None:
    client, clock = fakes.Client(), clocks.ManualClock()
    async with alive(client, clock) as watching:
        watching.linked("n1")
        await beat(watching, clock, 2)
        assert told(client) == ["True"]
        await clock.advance(3)
        assert told(client) == ["True", "False"]
        watching.beat("n1")
        await clock.advance(0.5)
        assert told(client)[-1] == "True"
        watching.unlinked("n1")
        await clock.advance(0.5)
        assert told(client)[-1] == "False"


async def test_beats_cost_one_lease_in_ten_seconds() -> None:
    client, clock = fakes.Client(), clocks.ManualClock()
    async with alive(client, clock) as watching:
        watching.linked("n1")
        await beat(watching, clock, 8)
        before = len(client.calls)
        await beat(watching, clock, 60)
        leases = [call for call in client.calls[before:] if call[1] == "leases"]
        assert len(client.calls) - before == len(leases)
        assert 5 <= len(leases) <= 8


async def test_what_could_not_be_written_is_written_later() -> None:
    client, clock = fakes.Client(), clocks.ManualClock()
    client.answers["patch"] = [errors.StatusError(503, "", "away")]
    async with alive(client, clock) as watching:
        watching.linked("n1")
        await beat(watching, clock, 2)
        assert written(client) == ["True", "True"]
