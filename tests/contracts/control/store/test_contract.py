"""What every engine does, case by case."""

from __future__ import annotations

import asyncio

import pytest

from bascule.control.store import contract
from bascule.control.store.contract import Delete, Put


async def keys(store, prefix="/", **options):
    page = await store.range(prefix, **options)
    return [entry.key for entry in page.entries]


async def test_a_new_store_is_empty_at_revision_zero_in_epoch_one(opened):
    assert (opened.revision, opened.epoch, opened.compacted) == (0, 1, 0)
    assert len(opened.installation) == 36
    assert await opened.get("/a") is None
    assert await opened.range("/") == contract.Page([], 0, None)


async def test_each_commit_takes_the_next_revision(opened, put):
    assert [await put("/a", b"1"), await put("/b", b"2"), await put("/a", b"3")] == [1, 2, 3]
    assert opened.revision == 3
    assert await opened.get("/a") == contract.Entry("/a", b"3", 3)
    assert await opened.get("/b") == contract.Entry("/b", b"2", 2)


async def test_a_commit_of_several_has_one_revision(opened):
    revision = await opened.commit([Put("/a", b"1"), Put("/b", b"2"), Delete("/c")])
    page = await opened.range("/")
    assert [entry.revision for entry in page.entries] == [revision, revision]


async def test_expected_absent_refuses_what_exists(opened, put):
    await put("/a", b"1")
    with pytest.raises(contract.Mismatch) as caught:
        await opened.commit([Put("/a", b"2", expected=contract.ABSENT)])
    assert caught.value.current == contract.Entry("/a", b"1", 1)
    assert opened.revision == 1


async def test_expected_revision_refuses_another(opened, put):
    await put("/a", b"1")
    await opened.commit([Put("/a", b"2", expected=1)])
    for operation in (Put("/a", b"3", expected=1), Delete("/a", expected=1)):
        with pytest.raises(contract.Mismatch) as caught:
            await opened.commit([operation])
        assert caught.value.current == contract.Entry("/a", b"2", 2)
    with pytest.raises(contract.Mismatch) as caught:
        await opened.commit([Put("/b", b"3", expected=1)])
    assert caught.value.current is None


async def test_a_refused_operation_undoes_its_whole_commit(opened, put):
    await put("/b", b"1")
    with pytest.raises(contract.Mismatch):
        await opened.commit([Put("/a", b"2"), Put("/b", b"2", expected=contract.ABSENT)])
    assert await keys(opened) == ["/b"]
    assert opened.revision == 1


async def test_a_deleted_key_is_absent_and_can_be_made_again(opened, put):
    await put("/a", b"1")
    assert await opened.commit([Delete("/a", expected=1)]) == 2
    assert await opened.get("/a") is None
    assert await opened.commit([Put("/a", b"2", expected=contract.ABSENT)]) == 3


async def test_a_commit_that_changes_nothing_takes_no_revision(opened, put):
    await put("/a", b"1")
    assert await opened.commit([Delete("/b")]) == 1
    assert await put("/a", b"2") == 2


@pytest.mark.parametrize("operations", [[], [Put("/a", b""), Put("/a", b"")], [Delete(f"/{n}") for n in range(4097)]])
async def test_what_no_engine_accepts(opened, operations):
    with pytest.raises(ValueError):
        await opened.commit(operations)


async def test_values_are_opaque(opened, put):
    for value in (b"", b"\0" * 10, bytes(range(256)), b"x" * 200_000):
        await put("/a", value)
        assert (await opened.get("/a")).value == value


async def test_concurrent_commits_are_judged_each_by_itself(opened, put):
    await put("/a", b"0")
    commits = [opened.commit([Put("/a", b"%d" % n, expected=1)]) for n in range(20)]
    commits += [opened.commit([Put(f"/{n}", b"", expected=contract.ABSENT)]) for n in range(20)]
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert sum(isinstance(outcome, int) for outcome in outcomes[:20]) == 1
    assert all(isinstance(outcome, contract.Mismatch) for outcome in outcomes[1:20])
    assert sorted(outcomes[20:]) == list(range(3, 23))
    refused = outcomes[1].current
    assert refused == await opened.get("/a")


async def test_concurrent_commits_see_those_before_them(opened):
    made, replaced, gone, again = await asyncio.gather(
        opened.commit([Put("/a", b"1", expected=contract.ABSENT)]),
        opened.commit([Put("/a", b"2", expected=1)]),
        opened.commit([Delete("/a", expected=2)]),
        opened.commit([Put("/a", b"3", expected=contract.ABSENT)]),
    )
    assert (made, replaced, gone, again) == (1, 2, 3, 4)
    assert await opened.get("/a") == contract.Entry("/a", b"3", 4)
    assert (await opened.range("/", revision=2)).entries == [contract.Entry("/a", b"2", 2)]
    assert (await opened.range("/", revision=3)).entries == []


async def test_range_pages_in_key_order(opened):
    wanted = sorted(["/p/b", "/p/a", "/p/a-b/x", "/p/a/x", "/p/é", "/p/z"])
    await opened.commit([Put(key, b"") for key in [*wanted, "/o/x", "/q/x", "/p"]])
    assert await keys(opened, "/p/") == wanted
    found, start = [], ""
    while start is not None:
        page = await opened.range("/p/", start=start, limit=2)
        assert len(page.entries) <= 2
        found += [entry.key for entry in page.entries]
        start = page.next
    assert found == wanted
    assert await keys(opened, "/p/", start="/q") == []
    assert await keys(opened, "/p/", start="/a") == wanted


async def test_pages_of_one_revision_agree_while_writes_go_on(opened, put):
    for name in "abcde":
        await put(f"/{name}", b"1")
    first = await opened.range("/", limit=2)
    await opened.commit([Delete("/c"), Put("/d", b"2"), Put("/bb", b"2")])
    await opened.commit([Put("/c", b"3"), Delete("/e")])
    rest = await opened.range("/", start=first.next, revision=first.revision)
    assert [(entry.key, entry.value) for entry in first.entries + rest.entries] == [
        (f"/{name}", b"1") for name in "abcde"
    ]
    assert rest.revision == first.revision == 5
    middle = await opened.range("/", revision=6)
    assert [entry.key for entry in middle.entries] == ["/a", "/b", "/bb", "/d", "/e"]


async def test_a_revision_to_come_is_refused(opened, put):
    await put("/a", b"1")
    with pytest.raises(contract.Future):
        await opened.range("/", revision=2)
    with pytest.raises(contract.Future):
        await opened.watch("/", after=2)
    with pytest.raises(contract.Future):
        await opened.compact(2)


async def test_compaction_forgets_history_and_nothing_else(opened, put):
    for value in (b"1", b"2", b"3"):
        await put("/a", value)
    await put("/b", b"4")
    await opened.commit([Delete("/b")])
    await put("/c", b"6")
    before = {n: (await opened.range("/", revision=n)).entries for n in range(1, 7)}
    await opened.compact(3)
    await opened.compact(2)
    assert opened.compacted == 3
    for revision in (1, 2):
        with pytest.raises(contract.Compacted) as caught:
            await opened.range("/", revision=revision)
        assert caught.value.oldest == 3
        with pytest.raises(contract.Compacted):
            await opened.watch("/", after=revision)
    for revision in range(3, 7):
        assert (await opened.range("/", revision=revision)).entries == before[revision]
    await opened.compact(6)
    assert (await opened.range("/")).entries == before[6]
    assert await put("/a", b"7") == 7


async def test_a_snapshot_restores_into_the_next_epoch(engine, opened, put, tmp_path):
    for name in "abc":
        await put(f"/{name}", name.encode())
    await opened.commit([Delete("/b")])
    await opened.snapshot(tmp_path / "snapshot")
    await put("/late", b"lost")
    restored = await engine.restored(tmp_path / "snapshot")
    try:
        assert restored.installation == opened.installation
        assert restored.epoch == 2
        assert restored.revision > opened.revision
        assert [(entry.key, entry.revision) for entry in (await restored.range("/")).entries] == [
            ("/a", 1),
            ("/c", 3),
        ]
        with pytest.raises(contract.Compacted):
            await restored.watch("/", after=opened.revision)
        revision = await restored.commit([Put("/a", b"2", expected=1)])
        assert revision == restored.revision > opened.revision
    finally:
        await restored.close()


async def test_a_closed_store_takes_no_commits(opened):
    await opened.close()
    with pytest.raises(contract.StoreClosed):
        await opened.commit([Put("/a", b"")])


async def test_recent_goes_back_by_changes_and_never_into_a_commit(opened, put):
    assert await opened.recent(10) == 0
    await put("/a", b"1")
    await opened.commit([Put("/b", b"1"), Put("/c", b"1"), Put("/d", b"1")])
    await opened.commit([Delete("/a")])
    assert [await opened.recent(changes) for changes in range(7)] == [3, 2, 2, 2, 1, 0, 0]
    await opened.compact(2)
    assert await opened.recent(10) == 2
