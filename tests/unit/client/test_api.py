import random

import orjson
import pytest

from bascule.client import faults, retry
from bascule.vocabulary import builtins, errors
from tests.unit.client.fake_server import Script, broken, json, serving, stream

QUICK = {"policy": retry.Policy(attempts=3, first_seconds=0.001, longest_seconds=0.01), "source": random.Random(1)}
POD = {"metadata": {"name": "a", "namespace": "n"}}


async def test_a_call_names_cluster_namespace_and_subresource_in_its_path():
    script = Script(json(POD))
    async with serving(script, token="t0") as client:
        await client.patch(
            builtins.PODS,
            "a",
            {"status": {}},
            namespace="n",
            cluster="blue",
            subresource="status",
            kind="strategic",
            field_manager="m",
            as_user="system:node:x",
            as_groups=["system:nodes", "g"],
        )
    request = script.requests[0]
    assert (request.method, request.path) == ("PATCH", "/clusters/blue/api/v1/namespaces/n/pods/a/status")
    assert request.query["fieldManager"] == "m"
    assert request.headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert request.headers["Authorization"] == "Bearer t0"
    assert request.headers["Impersonate-User"] == "system:node:x"
    assert request.headers.getall("Impersonate-Group") == ["system:nodes", "g"]


async def test_an_object_says_itself_where_it_is_created():
    script = Script(json(POD, 201))
    body = {"metadata": {"name": "a", "namespace": "n", "annotations": {"bascule.dev/cluster": "blue"}}}
    async with serving(script) as client:
        await client.create(builtins.PODS, body)
    assert script.requests[0].path == "/clusters/blue/api/v1/namespaces/n/pods"


async def test_a_refusal_keeps_its_reason():
    status = errors.not_found("pods", "a").status()
    async with serving(Script(json(status, 404))) as client:
        with pytest.raises(errors.StatusError) as caught:
            await client.get(builtins.PODS, "a", namespace="n")
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")


async def test_an_answer_that_is_no_status_is_still_a_status_error():
    async with serving(Script(json("go away", 502))) as client:
        with pytest.raises(errors.StatusError) as caught:
            await client.get(builtins.PODS, "a", namespace="n")
    assert caught.value.code == 502


async def test_a_read_whose_connection_breaks_is_repeated_but_a_write_is_not():
    script = Script(broken, json(POD))
    async with serving(script, **QUICK) as client:
        assert (await client.get(builtins.PODS, "a", namespace="n"))["metadata"]["name"] == "a"
        script.handlers = [broken]
        before = len(script.requests)
        with pytest.raises(faults.Unreachable):
            await client.create(builtins.PODS, POD)
    assert len(script.requests) == before + 1


async def test_what_the_server_turned_away_is_repeated_as_it_asked():
    busy = json(errors.too_many_requests("later", 0).status(), 429, Retry_After="0")
    script = Script(busy, json(POD, 201))
    async with serving(script, **QUICK) as client:
        await client.create(builtins.PODS, POD)
    assert len(script.requests) == 2


async def test_attempts_are_bounded():
    busy = json(errors.too_many_requests("later", 0).status(), 429, Retry_After="0")
    script = Script(busy)
    async with serving(script, **QUICK) as client:
        with pytest.raises(errors.StatusError):
            await client.create(builtins.PODS, POD)
    assert len(script.requests) == 3


async def test_nobody_listening_is_unreachable():
    script = Script(json(POD))
    async with serving(script, **QUICK) as client:
        pass
    async with client:
        with pytest.raises(faults.Unreachable):
            await client.get(builtins.PODS, "a", namespace="n")


async def test_delete_states_its_preconditions():
    script = Script(json({"kind": "Status"}))
    async with serving(script) as client:
        await client.delete(builtins.PODS, "a", namespace="n", uid="u", propagation="Foreground", grace_seconds=0)
    assert orjson.loads(script.bodies[0]) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u"},
        "propagationPolicy": "Foreground",
        "gracePeriodSeconds": 0,
    }


async def test_listed_items_know_their_kind():
    async with serving(Script(json({"metadata": {}, "items": [dict(POD)]}))) as client:
        page = await client.list(builtins.PODS)
    assert (page["items"][0]["apiVersion"], page["items"][0]["kind"]) == ("v1", "Pod")


async def test_a_watch_yields_events_and_raises_its_error():
    gone = {"type": "ERROR", "object": errors.expired("too old").status()}
    seen = []

    async def follow(client) -> None:
        async with client.watch(builtins.PODS, cluster="*", resource_version="5") as events:
            async for event in events:
                seen.append(event.type)

    async with serving(Script(stream({"type": "ADDED", "object": POD}, gone))) as client:
        with pytest.raises(errors.StatusError) as caught:
            await follow(client)
    assert (seen, caught.value.code) == (["ADDED"], 410)
