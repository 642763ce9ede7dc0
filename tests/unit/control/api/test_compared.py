"""Answers whose codes, words and order were compared with those of a real API server."""

from __future__ import annotations

import pytest

from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("DELETE", f"{MAPS}/a", {"propagationPolicy": "Odd"}, '"Foreground", "Background", "Orphan", "nil"'),
        ("GET", f"{MAPS}?resourceVersion=1&resourceVersionMatch=Odd", None, '"Exact", "NotOlderThan", ""'),
        ("POST", f"{PODS}/p/binding", {"target": {"kind": "Odd", "name": "n"}}, '"Node", "<empty>"'),
    ],
)
async def test_what_is_supported_is_listed_in_upstreams_order(
    api: harness.Api, method: str, path: str, body: harness.Object | None, words: str
) -> None:
    await api.create(MAPS, harness.config_map("a"))
    await api.create(PODS, harness.pod("p"))
    if body is not None and "target" in body:
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, **body}
    answer = await api.call(method, path, body)
    assert answer.code == 422
    assert answer.body["message"].endswith(f"supported values: {words}")


async def test_a_body_about_another_object_is_refused_before_it_is_looked_for(api: harness.Api) -> None:
    answer = await api.call("PUT", f"{MAPS}/a", harness.config_map("b"))
    assert (answer.code, answer.body["message"]) == (
        400,
        "the name of the object (b) does not match the name on the URL (a)",
    )


async def test_a_bound_pod_says_no_more_than_that_it_is(api: harness.Api) -> None:
    await api.create(PODS, harness.pod("p"))
    target = {"kind": "Node", "name": "n"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": target}
    assert (await api.call("POST", f"{PODS}/p/binding", binding)).code == 201
    (condition,) = (await api.get(f"{PODS}/p")).body["status"]["conditions"]
    assert condition["type"] == "PodScheduled"
    assert not {"reason", "message"} & condition.keys()


async def test_across_namespaces_one_can_only_read(api: harness.Api) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await api.call(method, "/api/v1/configmaps", harness.config_map("a"))
        assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")
    assert (await api.call("GET", "/api/v1/configmaps/a")).code == 404
