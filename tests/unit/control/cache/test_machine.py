"""Random writes, selectors, watches and pages: whoever replays a watch over its list has the list of now.

Also a history checker: events are ordered, unique, fit what was known before them, and resume from anywhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bascule.control.cache import cache, catalog, errors, record, ring, scope, selection, watch, write
from bascule.control.store import memory
from bascule.vocabulary import clock, fields, labels, objects

KEYS = st.builds(
    objects.Key, st.sampled_from(["root", "blue"]), st.sampled_from(["a", "a-b"]), st.sampled_from(["x", "y"])
)
LABELS = st.sampled_from([{}, {"app": "1"}, {"app": "2"}, {"app": "1", "tier": "1"}])
NODES = st.sampled_from(["", "n1", "n2"])
WRITES = st.lists(
    st.tuples(KEYS, st.none() | st.tuples(LABELS, NODES)), min_size=1, max_size=3, unique_by=lambda w: w[0]
)
SELECTIONS = st.builds(
    selection.Selection,
    st.builds(scope.Scope, st.sampled_from([None, "root"]), st.sampled_from([None, "a", "a-b"])),
    st.sampled_from(["", "app=1", "app!=1", "app in (1,2),!tier", "tier"]).map(labels.parse),
    st.sampled_from(["", "spec.nodeName=n1", "spec.nodeName=", "metadata.name=x", "metadata.name!=x"]).map(
        fields.parse
    ),
)
Known = dict[objects.Key, bytes]


class Follower:
    """A client: what it lists and hears, by key."""

    def __init__(self, selected: selection.Selection, known: Known, since: int, watching: watch.Watch) -> None:
        self.selected = selected
        self.known = known
        self.since = since
        self.watching = watching
        self.heard: set[tuple[int, objects.Key]] = set()

    def hear(self) -> None:
        for happened in self.watching.take(3) + self.watching.take():
            shown = happened.record
            if shown is None:
                continue
            assert (happened.revision, shown.key) not in self.heard, "told twice"
            self.heard.add((happened.revision, shown.key))
            frame = orjson.loads(happened.frame())
            assert frame == {"type": happened.type, "object": shown.decode()}
            assert frame["object"]["metadata"]["resourceVersion"] == str(happened.revision)
            assert (happened.type == "ADDED") == (shown.key not in self.known), "does not fit what was known"
            if happened.type == "DELETED":
                before = orjson.loads(self.known.pop(shown.key))
                before["metadata"]["resourceVersion"] = str(happened.revision)
                assert frame["object"] == before, "not the previous content"
            else:
                self.known[shown.key] = shown.body()


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patched = pytest.MonkeyPatch()
        self.patched.setattr(ring, "CHANGES_MAX", 8)
        self.patched.setattr(catalog, "LABEL_INDEX_FROM", 2)
        self.runner = asyncio.Runner()
        self.store = memory.MemoryStore()
        self.caches: cache.Cache
        self.runner.run(self._open())
        self.states: dict[int, list[record.Record]] = {0: []}
        self.followers: list[Follower] = []

    async def _open(self) -> None:
        self.caches = cache.Cache(self.store, clock.ManualClock())
        await self.caches.start()
        self.records = await self.caches.resource("", "pods")
        self.patched.setattr(self.records, "_ring", ring.Ring(self.store.revision, changes_max=8))

    def teardown(self) -> None:
        self.runner.run(self.caches.close())
        self.runner.close()
        self.patched.undo()

    @rule(writes=WRITES)
    def commit(self, writes: Any) -> None:
        wanted = []
        for key, content in writes:
            shown = None
            if content is not None:
                given, node = content
                metadata = {"name": key.name, "namespace": key.namespace, "labels": given}
                shown = record.draft({"kind": "Pod", "metadata": metadata}, {"spec.nodeName": node})
            wanted.append(write.Write(self.records.name, key, shown, None))
        before = self.store.revision
        written = self.runner.run(self.caches.commit(wanted))
        if self.store.revision > before:
            self.states[self.store.revision] = self.records.list().records
        for one, answered in zip(wanted, written, strict=True):
            now = self.records.get(one.key)
            assert now is answered if one.draft is not None else now is None

    @rule(selected=SELECTIONS)
    def follow_from_now(self, selected: selection.Selection) -> None:
        page = self.records.list(*selected[:1], labels=selected.labels, fields=selected.fields)
        self._follow(selected, page.records, page.revision)

    @rule(selected=SELECTIONS)
    def follow_with_initial_events(self, selected: selection.Selection) -> None:
        watching = self.records.watch(selected.within, labels=selected.labels, fields=selected.fields)
        self.followers.append(Follower(selected, {}, self.records.revision, watching))

    @rule(selected=SELECTIONS, back=st.integers(0, 12))
    def follow_from_before(self, selected: selection.Selection, back: int) -> None:
        revision = max(0, self.records.revision - back)
        if revision < self.records.statistics()["oldest_revision"]:
            with pytest.raises(errors.Expired):
                self.records.watch(after_revision=revision)
            return
        self._follow(selected, list(filter(selected.matches, self.states[revision])), revision)

    def _follow(self, selected: selection.Selection, listed: list[record.Record], revision: int) -> None:
        watching = self.records.watch(
            selected.within, labels=selected.labels, fields=selected.fields, after_revision=revision
        )
        known = {shown.key: shown.body() for shown in listed}
        self.followers.append(Follower(selected, known, revision, watching))

    @rule()
    def hear(self) -> None:
        for follower in self.followers:
            follower.hear()
            selected = follower.selected
            now = self.records.list(selected.within, labels=selected.labels, fields=selected.fields)
            assert follower.known == {shown.key: shown.body() for shown in now.records}
            assert follower.watching.revision == self.records.revision

    @rule(selected=SELECTIONS, limit=st.integers(1, 3), back=st.integers(0, 12))
    def page(self, selected: selection.Selection, limit: int, back: int) -> None:
        revision = max(0, self.records.revision - back)
        wanted = list(filter(selected.matches, self.states[revision]))
        found: list[record.Record] = []
        after = None
        while True:
            page = self.runner.run(
                self.records.page(
                    selected.within,
                    labels=selected.labels,
                    fields=selected.fields,
                    limit=limit,
                    after=after,
                    at_revision=revision,
                )
            )
            found += page.records
            assert page.revision == revision
            if page.remaining is not None:
                assert page.remaining == len(wanted) - len(found)
            after = page.next
            if after is None:
                break
            assert len(page.records) == limit
        assert [shown.body() for shown in found] == [shown.body() for shown in wanted]

    @rule()
    def restart(self) -> None:
        self.runner.run(self.caches.close())
        for follower in self.followers:
            assert follower.watching.take() is not None
        self.followers.clear()
        self.runner.run(self._open())

    @invariant()
    def now_is_the_newest_state(self) -> None:
        newest = self.states[max(self.states)]
        assert [shown.body() for shown in self.records.list().records] == [shown.body() for shown in newest]


Machine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    derandomize=True,
)
TestMachine = pytest.mark.slow(Machine.TestCase)
