from __future__ import annotations

import asyncio

import pytest

from bascule.control.cache import catalog, errors, resource, ring, scope
from bascule.vocabulary import fields, labels


def seen(events):
    return [
        (happened.type, happened.record.key.name if happened.record else None, happened.revision) for happened in events
    ]


async def test_without_a_version_the_current_state_comes_first(pods):
    await pods.create("b")
    await pods.create("a")
    watch = pods.records.watch()
    assert watch.revision == 0
    await pods.create("c")
    assert seen(await watch.batch(2)) == [("ADDED", "a", 2), ("ADDED", "b", 1)]
    assert watch.revision == 0
    assert seen(await watch.batch()) == [("BOOKMARK", None, 2), ("ADDED", "c", 3)]
    assert watch.revision == 3


async def test_exactly_after_a_version(pods):
    await pods.create("a")
    await pods.update("a", {"x": "1"})
    watch = pods.records.watch(after_revision=1)
    await pods.delete("a")
    first, second = await watch.batch()
    assert seen([first, second]) == [("MODIFIED", "a", 2), ("DELETED", "a", 3)]
    assert second.record.decode()["metadata"]["resourceVersion"] == "3"
    assert second.record.labels == {"x": "1"}


async def test_a_deletion_shows_its_final_content(pods):
    watch = pods.records.watch(after_revision=0)
    await pods.create("a")
    await pods.delete("a", pods.draft("a", {"final": "yes"}))
    assert [happened.record.labels for happened in await watch.batch()] == [{}, {"final": "yes"}]


async def test_selectors_turn_changes_into_arrivals_and_departures(pods):
    selected = labels.parse("x=1")
    live = pods.records.watch(labels=selected, after_revision=0)
    await pods.create("a")
    await pods.update("a", {"x": "1"})
    await pods.update("a", {"x": "1"}, changed=True)
    await pods.update("a", {"x": "2"})
    await pods.update("a", {"x": "3"})
    await pods.update("a", {"x": "1"})
    await pods.delete("a")
    wanted = [
        ("ADDED", "a", 2),
        ("MODIFIED", "a", 3),
        ("DELETED", "a", 4),
        ("ADDED", "a", 6),
        ("DELETED", "a", 7),
    ]
    resumed = pods.records.watch(labels=selected, after_revision=0)
    for watch in (live, resumed):
        events = await watch.batch()
        assert seen(events) == wanted
        departed = events[2].record.decode()
        assert departed["metadata"]["labels"] == {"x": "1"}
        assert departed["metadata"]["resourceVersion"] == "4"


async def test_field_selectors_and_scopes(pods):
    on_node = pods.records.watch(fields=fields.parse("spec.nodeName=n1"), after_revision=0)
    named = pods.records.watch(scope.Scope("root", "default"), fields=fields.parse("metadata.name=a"), after_revision=0)
    elsewhere = pods.records.watch(scope.Scope("root", "other"), after_revision=0)
    wildcard = pods.records.watch(scope.Scope(None, "default"), after_revision=0)
    other = pods.records.watch(scope.Scope("blue", None), after_revision=0)
    await pods.create("a")
    await pods.update("a", node="n1")
    await pods.update("a", node="n2")
    await pods.create("blue/default/b", node="n1")
    assert seen(on_node.take()) == [("ADDED", "a", 2), ("DELETED", "a", 3), ("ADDED", "b", 4)]
    assert seen(named.take()) == [("ADDED", "a", 1), ("MODIFIED", "a", 2), ("MODIFIED", "a", 3)]
    assert elsewhere.take() == []
    assert [happened.revision for happened in wildcard.take()] == [1, 2, 3, 4]
    assert [happened.revision for happened in other.take()] == [4]


async def test_watchers_of_an_event_share_its_frame(pods):
    one, other = (pods.records.watch(after_revision=0) for _ in range(2))
    narrow = pods.records.watch(scope.Scope("root", "default"), labels=labels.parse("x"), after_revision=0)
    await pods.create("a", {"x": "1"})
    (first,), (second,), (third,) = one.take(), other.take(), narrow.take()
    assert first is second is third
    assert first.frame() is third.frame()


async def test_a_bookmark_may_say_what_was_handed_out(pods):
    await pods.create("a")
    watch = pods.records.watch(labels=labels.parse("x"), after_revision=1)
    await pods.create("b")
    assert watch.revision == 2
    await pods.create("c", {"x": "1"})
    await pods.create("d")
    assert watch.revision == 2
    watch.take()
    assert watch.revision == 4


async def test_too_old_and_too_new_versions(pods, monkeypatch):
    monkeypatch.setattr(pods.records, "_ring", ring.Ring(0, changes_max=4))
    for n in range(10):
        await pods.create(f"p{n}")
    oldest = pods.records.statistics()["oldest_revision"]
    assert 4 <= oldest <= 6
    with pytest.raises(errors.Expired) as expired:
        pods.records.watch(after_revision=oldest - 1)
    assert str(expired.value) == f"too old resource version: {oldest - 1} ({oldest})"
    assert len(pods.records.watch(after_revision=oldest).take()) == 10 - oldest
    with pytest.raises(errors.Future):
        pods.records.watch(after_revision=11)


async def test_a_ring_is_bounded_in_bytes_too(pods, monkeypatch):
    monkeypatch.setattr(pods.records, "_ring", ring.Ring(0, superseded_bytes_max=400))
    await pods.create("a", text="x" * 1000)
    for n in range(20):
        await pods.update("a", text="x" * 1000, n=n)
    assert 1 <= pods.records.statistics()["recent_changes"] <= 6
    assert pods.records.list(at_revision=pods.records.statistics()["oldest_revision"]).records[0].key.name == "a"


async def test_a_slow_watcher_is_cut_and_the_others_go_on(pods):
    slow = pods.records.watch(after_revision=0, queue_max=3)
    quick = pods.records.watch(after_revision=0)
    for n in range(5):
        await pods.create(f"p{n}")
    assert slow.cut
    assert await slow.batch() == []
    assert len(quick.take()) == 5
    assert not quick.cut
    assert pods.records.statistics()["watches"] == 1


async def test_closing_wakes_the_reader(pods):
    watch = pods.records.watch(after_revision=0)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.close()
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert pods.records.statistics()["watches"] == 0
    other = pods.records.watch(after_revision=0)
    await pods.create("a")
    await pods.caches.close()
    assert seen([happened async for happened in other]) == [("ADDED", "a", 1)]


async def test_a_cancelled_reader_loses_nothing(pods):
    watch = pods.records.watch(after_revision=0)
    waiting = asyncio.ensure_future(watch.batch())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await pods.create("a")
    assert seen(await watch.batch()) == [("ADDED", "a", 1)]


async def test_another_cache_over_the_same_store_tells_the_same(pods):
    """What this process wrote comes back from its drafts, what others wrote is decoded: the events must not differ."""
    other = await pods.another()
    far = (await other.resource("", "pods")).watch(labels=labels.parse("x"), after_revision=0)
    near = pods.records.watch(labels=labels.parse("x"), after_revision=0)
    await pods.create("a", {"x": "1"})
    await pods.update("a", {"x": "2"}, text="é")
    await pods.delete("a")
    assert [happened.frame() for happened in await far.batch()] == [happened.frame() for happened in near.take()]
    await other.close()


async def test_much_initial_state_is_read_as_it_is_taken(pods, monkeypatch):
    monkeypatch.setattr(catalog, "LABEL_INDEX_FROM", 3)
    monkeypatch.setattr(resource, "_SCAN_SLICE", 2)
    for name in "abcdef":
        await pods.create(name)
    watch = pods.records.watch()
    assert seen(watch.take(3)) == [("ADDED", "a", 1), ("ADDED", "b", 2), ("ADDED", "c", 3)]
    await pods.delete("e")
    await pods.update("f", {"x": "1"})
    await pods.create("ff")
    later = [("ADDED", "d", 4), ("ADDED", "e", 5), ("ADDED", "f", 6), ("BOOKMARK", None, 6)]
    assert seen(watch.take()) == [*later, ("DELETED", "e", 7), ("MODIFIED", "f", 8), ("ADDED", "ff", 9)]


async def test_who_takes_the_initial_state_too_late_is_cut(pods, monkeypatch):
    monkeypatch.setattr(catalog, "LABEL_INDEX_FROM", 3)
    monkeypatch.setattr(resource, "_SCAN_SLICE", 2)
    for name in "abcdef":
        await pods.create(name)
    monkeypatch.setattr(pods.records, "_ring", ring.Ring(6, changes_max=2))
    watch = pods.records.watch()
    assert len(watch.take(2)) == 2
    for n in range(9):
        await pods.update("a", {"n": str(n)})
    assert (await watch.batch(), watch.cut) == ([], True)


async def test_what_happened_long_ago_is_told_as_it_was(pods, monkeypatch):
    monkeypatch.setattr(resource, "_UNSETTLED_MAX", 1)
    live = pods.records.watch(after_revision=0)
    await pods.create("a", {"x": "1"})
    await pods.update("a", {"x": "2"})
    await pods.delete("a", pods.draft("a", {"final": "yes"}))
    await pods.create("b")
    resumed = pods.records.watch(after_revision=0)
    events, again = live.take(), resumed.take()
    assert [happened.frame() for happened in events] == [happened.frame() for happened in again]
    assert not any(one is other for one, other in zip(events[:3], again[:3], strict=True))
