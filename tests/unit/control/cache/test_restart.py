"""A control tower that starts anew goes on where it was: watches resume from what the store remembers."""

from __future__ import annotations

import asyncio

import pytest

from bascule.control.cache import errors
from bascule.vocabulary import labels


def seen(events):
    return [(happened.type, happened.record.key.name, happened.revision) for happened in events]


async def written(pods):
    for name in "abc":
        await pods.create(name, {"x": "1"})
    other = await pods.caches.resource("", "secrets")
    await other.create(pods.key("s"), pods.draft("s"))
    await pods.update("a", {"x": "2"})
    await pods.delete("b")
    await pods.create("d", {"x": "1"})


@pytest.mark.parametrize("after", range(8))
async def test_a_watch_from_before_the_restart_gets_exactly_what_it_missed(pods, after):
    await written(pods)
    again = await pods.another()
    resumed = (await again.resource("", "pods")).watch(after_revision=after)
    selective = (await again.resource("", "pods")).watch(after_revision=after, labels=labels.parse("x=1"))
    await pods.create("e", {"x": "1"})
    await pods.delete("c")
    await (await again.resource("", "pods")).create(pods.key("f"), pods.draft("f"))
    unbroken = pods.records.watch(after_revision=after)
    assert [happened.frame() for happened in resumed.take()] == [happened.frame() for happened in unbroken.take()]
    unbroken = pods.records.watch(after_revision=after, labels=labels.parse("x=1"))
    assert [happened.frame() for happened in selective.take()] == [happened.frame() for happened in unbroken.take()]
    assert again.revision == pods.caches.revision == 10
    await again.close()


async def test_what_did_not_change_lately_can_be_watched_from_before_as_well(pods):
    secrets = await pods.caches.resource("", "secrets")
    await secrets.create(pods.key("s"), pods.draft("s"))
    for name in "abcd":
        await pods.create(name)
    again = await pods.another(replayed_changes=3)
    watch = (await again.resource("", "secrets")).watch(after_revision=2)
    await secrets.create(pods.key("t"), pods.draft("t"))
    assert seen(await watch.batch()) == [("ADDED", "t", 6)]
    with pytest.raises(errors.Expired):
        (await again.resource("", "secrets")).watch(after_revision=1)
    await again.close()


async def test_older_pages_go_on_after_a_restart(pods):
    await written(pods)
    again = await pods.another()
    old = (await again.resource("", "pods")).list(at_revision=4)
    assert [(shown.key.name, dict(shown.labels)) for shown in old.records] == [
        ("a", {"x": "1"}),
        ("b", {"x": "1"}),
        ("c", {"x": "1"}),
    ]
    await again.close()


async def test_a_compacted_history_is_not_replayed(pods):
    await written(pods)
    await pods.store.compact(6)
    again = await pods.another()
    records = await again.resource("", "pods")
    with pytest.raises(errors.Expired):
        records.watch(after_revision=5)
    assert seen(records.watch(after_revision=6).take()) == [("ADDED", "d", 7)]
    await again.close()


async def test_history_forgotten_between_start_and_first_use(pods):
    await written(pods)
    again = await pods.another()
    await pods.store.compact(7)
    records = await again.resource("", "pods")
    assert [shown.key.name for shown in records.list().records] == ["a", "c", "d"]
    assert records.statistics()["oldest_revision"] == 7
    await again.close()


async def test_a_resource_asked_for_late_is_read_as_it_is_then(pods):
    await written(pods)
    again = await pods.another()
    await pods.update("a", {"x": "3"})
    await asyncio.sleep(0)
    records = await again.resource("", "pods")
    await pods.update("a", {"x": "4"})
    assert dict(records.get(pods.key("a")).labels) == {"x": "4"}
    with pytest.raises(errors.Expired):
        records.watch(after_revision=7)
    assert seen(records.watch(after_revision=8).take()) == [("MODIFIED", "a", 9)]
    await again.close()
