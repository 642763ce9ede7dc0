"""The parts that are functions of values: routes, negotiation, parameters, deletion, expiry and compaction."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.api import deletion, options, route
from bascule.control.api.upkeep import compaction, expiry
from bascule.control.api.wire import negotiate
from bascule.control.cache import cache, record
from bascule.control.store import contract, memory
from bascule.vocabulary import builtins, clock, errors, objects

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/api/v1/pods", ("root", "", "v1", "pods", "", "", "")),
        ("/api/v1/namespaces", ("root", "", "v1", "namespaces", "", "", "")),
        ("/api/v1/namespaces/a", ("root", "", "v1", "namespaces", "", "a", "")),
        ("/api/v1/namespaces/a/status", ("root", "", "v1", "namespaces", "", "a", "status")),
        ("/api/v1/namespaces/a/finalize", ("root", "", "v1", "namespaces", "", "a", "finalize")),
        ("/api/v1/namespaces/a/pods/b/log", ("root", "", "v1", "pods", "a", "b", "log")),
        ("/apis/apps/v1/namespaces/a/deployments/b/", ("root", "apps", "v1", "deployments", "a", "b", "")),
        ("/clusters/x/apis/apps/v1/deployments", ("x", "apps", "v1", "deployments", "", "", "")),
        ("/clusters/*/api/v1/pods", ("*", "", "v1", "pods", "", "", "")),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            ("root", "rbac.authorization.k8s.io", "v1", "clusterroles", "", "system:node", ""),
        ),
    ],
)
def test_routes(path: str, wanted: tuple[str, ...]) -> None:
    found = route.parse(path)
    parts = (found.cluster, found.group, found.version, found.plural, found.namespace, found.name, found.subresource)
    assert parts == wanted


def test_routes_of_documents_and_of_old_watches() -> None:
    assert route.parse("/apis/apps/v1").path == "/apis/apps/v1"
    assert route.parse("/clusters/x/apis/").path == "/apis"
    assert route.parse("/").path == "/"
    old = route.parse("/api/v1/watch/namespaces/a/pods/b")
    assert (old.watch, old.namespace, old.plural, old.name) == (True, "a", "pods", "b")
    for path in ("/clusters//api", "/api/v1/pods/a%2fb", "/api/v1/pods/%00", "/clusters/..%2f/api/v1/pods"):
        with pytest.raises(route.UnknownPath):
            route.parse(path)


def test_negotiation() -> None:
    table = "application/json;as=Table;v={};g=meta.k8s.io"
    kubectl = f"{table.format('v1')},{table.format('v1beta1')},application/json"
    assert negotiate.accept(kubectl)[:3] == ("json", "table", "v1")
    assert negotiate.accept("application/vnd.kubernetes.protobuf, */*") == negotiate.OBJECT_JSON
    assert negotiate.accept("application/json;q=0.5, application/yaml").encoding == "yaml"
    assert negotiate.accept("application/json;as=Table;v=v9;g=meta.k8s.io,application/json").shape == "object"
    with pytest.raises(errors.StatusError) as refused:
        negotiate.accept("text/html")
    assert refused.value.code == 406
    assert negotiate.media_type("Application/JSON; charset=utf-8") == "application/json"


@pytest.mark.parametrize("query", ["", "a=1&a=2&b", "force=true&fieldManager=x%20y", "a=" + "x" * 1000])
def test_a_query_that_was_read_before_says_what_it_said(query: str) -> None:
    read, first, again = options.Parameters(query), options.parameters(query), options.parameters(query)
    assert read == first == again
    assert read.pairs == first.pairs == again.pairs


def test_parameters() -> None:
    given = options.Parameters("a=1&a=2&flag&off=false&n=12")
    assert (given["a"], given.all("a")) == ("1", ["1", "2"])
    assert (given.flag("flag"), given.flag("off"), given.flag("absent")) == (True, False, False)
    assert (given.number("n"), given.number("absent")) == (12, None)
    for query in ("n=x", "n=1e9", "n=99999999999999999999", "n=٣"):
        with pytest.raises(errors.StatusError):
            options.Parameters(query).number("n")


def _pod(**metadata: Any) -> objects.Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "generation": 1, **metadata},
        "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 20},
    }


@pytest.mark.parametrize(("grace_seconds", "wanted"), [(None, 20), (5, 5), (0, None), (100, 100)])
def test_grace_of_pods(grace_seconds: int | None, wanted: int | None) -> None:
    strategy = kinds.strategy_for("", "pods")
    marked = deletion.decide(_pod(), deletion.Wish(grace_seconds), strategy, NOW).marked
    assert (marked and marked["metadata"]["deletionGracePeriodSeconds"]) == wanted
    if marked:
        assert marked["metadata"]["generation"] == 2


def test_a_negative_grace_is_one_second_and_nonsense_is_refused() -> None:
    assert deletion.wish(options.Parameters("gracePeriodSeconds=-7"), None).grace_seconds == 1
    assert deletion.wish(options.Parameters(""), {"gracePeriodSeconds": -1}).grace_seconds == 1
    for body in ({"propagationPolicy": "Sometimes"}, {"dryRun": ["Some"]}, {"gracePeriodSeconds": "x"}):
        with pytest.raises(errors.StatusError):
            deletion.wish(options.Parameters(""), body)


def test_a_namespace_waits_for_its_own_finalizers() -> None:
    strategy = kinds.strategy_for("", "namespaces")
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "n"},
        "spec": {"finalizers": ["kubernetes"]},
    }
    marked = deletion.decide(objects.deep_copy(namespace), deletion.Wish(), strategy, NOW).marked
    assert marked is not None
    assert marked["status"]["phase"] == "Terminating"
    del namespace["spec"]["finalizers"]
    assert deletion.decide(namespace, deletion.Wish(), strategy, NOW).marked is None


@pytest.mark.parametrize("grace_seconds", [None, 0, 3])
@pytest.mark.parametrize(
    ("group", "plural"),
    [("", "pods"), ("", "namespaces"), ("batch", "jobs"), ("apiextensions.k8s.io", "customresourcedefinitions")],
)
def test_what_is_stored_stays_as_it_is_when_it_is_marked(group: str, plural: str, grace_seconds: int | None) -> None:
    row = next(row for row in builtins.REGISTRY if (row.group, row.plural) == (group, plural))
    condition = {"type": "Terminating", "status": "False"}
    obj = _pod(finalizers=["example.com/a"]) | {"apiVersion": row.api_version, "kind": row.kind}
    obj["status"] = {"phase": "Running", "conditions": [condition]}
    for propagation in ("", "Orphan", "Foreground"):
        before = objects.deep_copy(obj)
        wish = deletion.Wish(grace_seconds, propagation)
        marked = deletion.decide(obj, wish, kinds.strategy_for(group, plural), NOW).marked
        assert marked is not None
        assert marked["metadata"]["deletionTimestamp"]
        assert obj == before


async def test_events_go_an_hour_after_their_last_write() -> None:
    store, time = memory.MemoryStore(), clock.ManualClock()
    caches = cache.Cache(store, time)
    await caches.start()
    events = await caches.resource("", "events")
    await events.create(objects.Key("root", "d", "old"), record.draft({"metadata": {"name": "old"}}, {}))
    running = asyncio.create_task(expiry.run(events, time))
    await time.advance(1800)
    await events.create(objects.Key("root", "d", "new"), record.draft({"metadata": {"name": "new"}}, {}))
    await time.advance(1900)
    assert [stored.key.name for stored in events.list().records] == ["new"]
    await time.advance(3600)
    assert events.list().records == []
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await caches.close()


async def test_history_is_forgotten_one_tick_later() -> None:
    store, time = memory.MemoryStore(), clock.ManualClock()
    first = await store.commit([contract.Put("/a", b"1")])
    running = asyncio.create_task(compaction.run(store, time, interval_seconds=10))
    await time.advance(1)
    await store.commit([contract.Put("/a", b"2")])
    await time.advance(10)
    assert store.compacted == first
    await time.advance(10)
    assert store.compacted == store.revision
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
