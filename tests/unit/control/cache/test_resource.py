from __future__ import annotations

import asyncio

import pytest

from bascule.control.cache import catalog, errors, record, resource, scope, write
from bascule.control.store import contract
from bascule.vocabulary import fields, labels


def names(page):
    return [shown.key.name for shown in page.records]


async def test_a_write_is_read_by_whoever_was_answered(pods):
    made = await pods.create("a", {"x": "1"})
    assert pods.records.get(pods.key("a")) is made
    assert made.revision == pods.records.revision == pods.caches.revision == 1
    changed = await pods.update("a", {"x": "2"})
    assert changed.decode()["metadata"]["resourceVersion"] == "2"
    assert pods.records.list().records == [changed]
    gone = await pods.delete("a")
    assert (gone.revision, gone.labels) == (3, {"x": "2"})
    assert pods.records.get(pods.key("a")) is None


async def test_a_deletion_shows_its_final_content(pods):
    await pods.create("a")
    gone = await pods.delete("a", pods.draft("a", {"final": "yes"}))
    assert (gone.revision, gone.labels) == (2, {"final": "yes"})


async def test_refusals_carry_what_is_there(pods):
    key = pods.key("a")
    with pytest.raises(errors.Missing):
        await pods.records.update(key, pods.draft("a"), 1)
    with pytest.raises(errors.Missing):
        await pods.records.delete(key, 1)
    await pods.create("a")
    with pytest.raises(errors.AlreadyExists) as exists:
        await pods.create("a")
    await pods.update("a", {"x": "2"})
    with pytest.raises(errors.Conflict) as conflict:
        await pods.records.update(key, pods.draft("a"), 1)
    with pytest.raises(errors.Conflict):
        await pods.records.delete(key, 1)
    assert (exists.value.current.revision, conflict.value.current.labels) == (1, {"x": "2"})


async def test_who_is_refused_reads_why(pods):
    """A refusal that came before its cause could be read would be met again at once, without an end."""
    creating = asyncio.create_task(pods.create("a"))

    async def twice() -> None:
        await pods.create("a")
        await pods.create("a")

    with pytest.raises(errors.AlreadyExists):
        await twice()
    assert pods.names() == ["a"]
    await asyncio.gather(creating, return_exceptions=True)
    key, text = pods.key("a"), "/core/pods/root/default/a"
    await pods.store.commit([contract.Put(text, pods.draft("a", {"x": "2"}).value, 1)])
    with pytest.raises(errors.Conflict) as conflict:
        await pods.records.update(key, pods.draft("a"), 1)
    assert pods.records.get(key).revision == conflict.value.current.revision == 2
    await pods.store.commit([contract.Delete(text, 2)])
    with pytest.raises(errors.Missing):
        await pods.records.delete(key, 2)
    assert pods.records.get(key) is None


async def test_concurrent_updates_of_one_version_let_one_through(pods):
    made = await pods.create("a")
    updates = (pods.records.update(made.key, pods.draft("a", {"n": str(n)}), 1) for n in range(9))
    outcomes = await asyncio.gather(*updates, return_exceptions=True)
    assert sum(isinstance(outcome, record.Record) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, errors.Conflict) for outcome in outcomes) == 8


async def test_several_objects_in_one_commit(pods):
    quotas = await pods.caches.resource("", "resourcequotas")
    quota = await quotas.create(pods.key("q"), pods.draft("q"))
    both = await pods.caches.commit(
        [
            write.Write(pods.records.name, pods.key("a"), pods.draft("a"), 0),
            write.Write(quotas.name, quota.key, pods.draft("q", {"used": "1"}), quota.revision),
        ]
    )
    assert [shown.revision for shown in both] == [2, 2]
    with pytest.raises(errors.Conflict):
        await pods.caches.commit(
            [
                write.Write(pods.records.name, pods.key("b"), pods.draft("b"), 0),
                write.Write(quotas.name, quota.key, pods.draft("q"), quota.revision),
            ]
        )
    assert pods.names() == ["a"]


async def test_lists_by_scope(pods):
    for path in ("b", "a", "kube-system/c", "other/default/d"):
        await pods.create(path)
    assert pods.names() == ["d", "a", "b", "c"]
    assert pods.names(scope.Scope()) == ["a", "b", "c"]
    assert pods.names(scope.Scope("root", "default")) == ["a", "b"]
    assert pods.names(scope.Scope(None, "default")) == ["d", "a", "b"]
    assert pods.names(scope.Scope("none", None)) == []


async def test_lists_by_selectors(pods):
    await pods.create("a", {"app": "x"}, node="n1")
    await pods.create("b", {"app": "y"}, node="n1")
    await pods.create("c", {"app": "x"})
    assert pods.names(labels=labels.parse("app=x")) == ["a", "c"]
    assert pods.names(labels=labels.parse("app in (y,z)")) == ["b"]
    assert pods.names(fields=fields.parse("spec.nodeName=n1")) == ["a", "b"]
    assert pods.names(fields=fields.parse("spec.nodeName=")) == ["c"]
    assert pods.names(fields=fields.parse("spec.nodeName!=n1")) == ["c"]
    assert pods.names(fields=fields.parse("metadata.name=b")) == ["b"]
    assert pods.names(fields=fields.parse("metadata.name=b,spec.nodeName=n2")) == []
    await pods.update("b", {"app": "x"}, node="n2")
    assert pods.names(labels=labels.parse("app=x"), fields=fields.parse("spec.nodeName=n2")) == ["b"]
    assert pods.names(fields=fields.parse("spec.nodeName=n1")) == ["a"]


async def paged(pods, **options):
    return names(await pods.records.page(**options))


async def test_lists_by_label_stay_right_once_indexed(pods, monkeypatch):
    monkeypatch.setattr(catalog, "LABEL_INDEX_FROM", 3)
    for n in range(6):
        await pods.create(f"p{n}", {"app": f"a{n % 2}", f"only-{n}": "y"})
    assert await paged(pods, labels=labels.parse("app=a1")) == ["p1", "p3", "p5"]
    assert pods.records.statistics()["label_indices"] == 1
    await pods.update("p1", {"app": "a0"})
    await pods.delete("p3")
    await pods.create("p9", {"app": "a1"})
    assert await paged(pods, labels=labels.parse("app=a1")) == ["p5", "p9"]
    assert pods.names(labels=labels.parse("app in (a0,a1)"), limit=2) == ["p0", "p1"]
    for n in range(20):
        await paged(pods, labels=labels.parse(f"only-{n}=y"))
    assert pods.records.statistics()["label_indices"] == 8


@pytest.mark.parametrize("text", ["app=a1", "app!=a0"])
async def test_reading_in_slices_shows_one_revision_whatever_happens_meanwhile(pods, monkeypatch, text):
    """With an index made meanwhile as without one."""
    monkeypatch.setattr(catalog, "LABEL_INDEX_FROM", 3)
    monkeypatch.setattr(catalog, "_SLICE", 2)
    monkeypatch.setattr(resource, "_SCAN_SLICE", 2)
    for n in range(20):
        await pods.create(f"p{n:02}", {"app": f"a{n % 2}"})
    wanted, before = labels.parse(text), pods.records.revision
    reading = asyncio.ensure_future(pods.records.page(labels=wanted))
    for n in (1, 18, 19):
        await pods.update(f"p{n:02}", {"app": f"a{(n + 1) % 2}"})
        await pods.delete(f"p{n - 1:02}")
        await pods.create(f"q{n}", {"app": "a1"})
    page = await reading
    at_once = pods.records.list(labels=wanted, at_revision=page.revision)
    assert names(page) == names(at_once)
    assert page.revision >= before
    now = names(pods.records.list(labels=wanted))
    assert now == await paged(pods, labels=wanted) != names(pods.records.list(labels=wanted, at_revision=before))
    first = await pods.records.page(labels=wanted, limit=3)
    assert names(first) + await paged(pods, labels=wanted, after=first.next) == now


async def test_lists_by_field_are_the_same_before_and_after_indexing(pods):
    for n in range(9):
        await pods.create(f"p{n}", node=f"n{n % 2}")
    again = await pods.another()
    reloaded = await again.resource("", "pods")
    wanted = fields.parse("spec.nodeName=n1")
    before = names(reloaded.list(fields=wanted))
    await reloaded.index()
    await pods.update("p1", node="n0")
    assert before == ["p1", "p3", "p5", "p7"]
    assert names(reloaded.list(fields=wanted)) == ["p3", "p5", "p7"]
    await again.close()


async def test_pages_show_one_revision(pods):
    for name in "abcdef":
        await pods.create(name)
    first = pods.records.list(limit=2)
    assert (names(first), first.revision, first.next.name, first.remaining) == (["a", "b"], 6, "b", 4)
    await pods.delete("d")
    await pods.create("ab")
    await pods.create("cc")
    await pods.update("e", {"x": "new"})
    second = pods.records.list(limit=3, after=first.next, at_revision=first.revision)
    assert (names(second), second.revision, second.remaining) == (["c", "d", "e"], 6, 1)
    assert second.records[2].labels == {}
    last = pods.records.list(limit=3, after=second.next, at_revision=first.revision)
    assert (names(last), last.next, last.remaining) == (["f"], None, 0)
    assert pods.names() == ["a", "ab", "b", "c", "cc", "e", "f"]
    assert pods.names(labels=labels.parse("x=new"), at_revision=6) == []
    assert pods.records.list(labels=labels.parse("x=new"), limit=1).remaining is None


async def test_pages_go_to_the_store_where_memory_does_not_reach(pods):
    for name in "abcd":
        await pods.create(name, {"n": name})
    first = pods.records.list(limit=1)
    again = await pods.another(replayed_changes=0)
    reloaded = await again.resource("", "pods")
    await pods.delete("c")
    with pytest.raises(errors.Expired):
        reloaded.list(at_revision=3)
    second = await reloaded.page(limit=2, after=first.next, at_revision=3)
    assert (names(second), second.revision, second.next) == (["b", "c"], 3, None)
    assert names(await reloaded.page(labels=labels.parse("n in (a,c)"), at_revision=3)) == ["a", "c"]
    assert names(await reloaded.page(scope.Scope("root", "none"), at_revision=3)) == []
    await pods.store.compact(5)
    with pytest.raises(errors.Expired) as expired:
        await reloaded.page(limit=2, after=first.next, at_revision=3)
    assert (expired.value.revision, expired.value.oldest) == (3, 5)
    with pytest.raises(errors.Future):
        reloaded.list(at_revision=6)
    await again.close()


async def test_a_cache_reads_what_is_stored_and_skips_what_it_cannot(pods, caplog):
    await pods.create("a", {"x": "1"}, node="n1")
    await pods.store.commit([contract.Put("/core/pods/root/default/bad", b"nonsense")])
    again = await pods.another()
    reloaded = await again.resource("", "pods")
    (shown,) = reloaded.list().records
    known = pods.records.get(shown.key)
    assert (shown.body(), shown.labels, shown.fields) == (known.body(), {"x": "1"}, known.fields)
    assert again.unreadable == pods.caches.unreadable == ["/core/pods/root/default/bad"]
    assert "left out" in caplog.text
    await again.close()


async def test_loading_amid_writes_misses_nothing(pods, monkeypatch):
    for n in range(10):
        await pods.create(f"p{n}")
    read, go_on = pods.store.range, asyncio.Event()

    async def slow(*args, **options):
        page = await read(*args, **options)
        await go_on.wait()
        return page

    monkeypatch.setattr(pods.store, "range", slow)
    other = await pods.another()
    loading = [asyncio.ensure_future(other.resource("", "pods")) for _ in range(3)]
    await asyncio.sleep(0)
    await pods.create("q")
    await pods.update("p0", {"x": "1"})
    await pods.delete("p1")
    go_on.set()
    loaded = await asyncio.gather(*loading)
    assert loaded[0] is loaded[1] is loaded[2] is other.loaded("", "pods")
    assert [repr(shown) for shown in loaded[0].list().records] == [repr(shown) for shown in pods.records.list().records]
    assert loaded[0].revision == pods.records.revision == 13
    await other.close()


async def test_what_the_store_refuses_comes_through(pods):
    await pods.store.close()
    with pytest.raises(contract.StoreClosed):
        await pods.create("a")
