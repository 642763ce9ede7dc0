"""Concurrent writers, watchers of every kind that are cut off again and again, and a history that is soon forgotten."""

from __future__ import annotations

import asyncio
import os
import random

import orjson
import pytest

from bascule.control.api.verbs import watching
from bascule.control.cache import ring, watch
from bascule.control.store import memory
from tests.history import checker, follower, history_of, record, wire, writer
from tests.history import kind as kinds
from tests.unit.control.api import crds, harness

SEED = int(os.environ.get("BASCULE_HISTORY_SEED", "1"))
WRITERS = 4
ROUNDS = 3
WRITES = 30
REMEMBERED = 16


async def _forget(api: harness.Api) -> None:
    """Compacts the store, again and again."""
    while True:
        await api.platform.store.compact(max(1, api.platform.store.revision - REMEMBERED))
        await asyncio.sleep(0.02)


def _witnessed(witness: watch.Watch, reader: follower.Follower, history: record.History) -> record.Stream:
    """What the cache told one that was never cut off: a deletion that every client missed is known from nobody else."""
    everything = record.Stream(reader.view, history.base.version, history.base.version)
    while told := witness.take():
        everything.events += [reader.event(orjson.loads(happened.frame())) for happened in told]
    witness.close()
    return everything


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kinds.MAPS, kinds.TABS], ids=lambda kind: kind.plural)
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
async def test_histories_are_right(monkeypatch: pytest.MonkeyPatch, kind: kinds.Kind, seed: int) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.1)
    source = random.Random(seed)
    async with harness.running(memory.MemoryStore()) as api:
        if kind is kinds.TABS:
            await crds.serve(api, kinds.definition())
            await crds.serve(api, kinds.definition(), "east")
        group = "" if kind is kinds.MAPS else crds.GROUP
        records = await api.platform.cache.resource(group, kind.plural)
        records._ring = ring.Ring(records.revision, changes_max=REMEMBERED)
        through = wire.Wire(api.session, api.url, Authorization="Bearer admin")
        history = await history_of.base(through, kind)
        witness = records.watch(after_revision=history.base.version, queue_max=1 << 20)
        followers = [
            follower.Follower(through, view, history, random.Random(source.random())) for view in kinds.views(kind)
        ]
        writers = [
            writer.Writer(f"w{n}", through, kind, history, random.Random(source.random())) for n in range(WRITERS)
        ]
        async with asyncio.timeout(30), asyncio.TaskGroup() as forgetting:
            compaction = forgetting.create_task(_forget(api))
            async with asyncio.TaskGroup() as following:
                for each in followers:
                    following.create_task(each.follow())
                for _ in range(ROUNDS):
                    await asyncio.gather(*(each.write(WRITES) for each in writers))
                for each in followers:
                    each.until = api.platform.cache.revision
            compaction.cancel()
        history.streams.append(_witnessed(witness, followers[0], history))
    assert checker.problems(history) == []
    assert sum(len(stream.events) for stream in history.streams) > 500
    assert sum(each.expired for each in followers) > 0
