"""The text of a patch itself: what is no patch, and what strict validation finds in one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.control.api import crds, harness

MAP = "/api/v1/namespaces/default/configmaps/a"
TAB = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs/one"
OPERATIONS = b'[{"op":"test","op":"add","path":"/data/b","value":"c"},{"op":"remove","path":"/data/b","foo":1}]'
TWICE = b'{"data":{"b":"c"},"data":{"b":"d"}}'


@pytest.fixture
async def api() -> AsyncIterator[harness.Api]:
    async with harness.running() as running:
        await running.create(
            MAP.removesuffix("/a"),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "a"}},
        )
        await crds.serve(running, crds.definition("CronTab", crds.version(properties={"size": {"type": "integer"}})))
        await running.create(TAB.removesuffix("/one"), crds.custom("one", spec={"size": 1}))
        yield running


@pytest.mark.parametrize(
    ("kind", "sent", "lines"),
    [
        ("merge", TWICE, ['duplicate field "data"']),
        ("strategic", TWICE, ['duplicate field "data"']),
        ("json", OPERATIONS, ['json patch duplicate field "[0].op"', 'json patch unknown field "[1].foo"']),
        ("merge", b'{"more":1,"data":{"b":"c","b":"d"}}', ['duplicate field "data.b"', 'unknown field "more"']),
    ],
)
async def test_what_a_patch_says_twice_or_too_much(api: harness.Api, kind: str, sent: bytes, lines: list[str]) -> None:
    refused = await api.patch(f"{MAP}?fieldValidation=Strict", sent, kind)
    assert (refused.code, refused.body["reason"]) == (422, "Invalid")
    assert refused.body["message"].endswith("strict decoding error: " + ", ".join(lines))
    assert (await api.get(MAP)).body["data"] == {"a": "a"}
    ignored = await api.patch(f"{MAP}?fieldValidation=Ignore&dryRun=All", sent, kind)
    assert (ignored.code, ignored.warnings) == (200, [])
    warned = await api.patch(MAP, sent, kind)
    assert (warned.code, warned.warnings) == (200, lines)


async def test_the_same_of_custom_resources(api: harness.Api) -> None:
    sent = b'{"spec":{"size":2,"size":3,"more":4}}'
    lines = ['duplicate field "spec.size"', 'unknown field "spec.more"']
    warned = await api.patch(f"{TAB}?dryRun=All", sent)
    assert (warned.code, warned.warnings) == (200, lines)
    refused = await api.patch(f"{TAB}?fieldValidation=Strict", sent)
    assert refused.code == 422
    said = refused.body["message"]
    assert said.endswith("strict decoding error: " + ", ".join(lines))
    assert said.startswith(' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":')


@pytest.mark.parametrize(
    ("kind", "sent", "message"),
    [
        (
            "json",
            b"{}",
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ),
        (
            "json",
            b"[3]",
            "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp",
        ),
        (
            "json",
            b'[{"op":3}]',
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
        ),
        ("merge", b"null", "Invalid JSON Patch"),
        (
            "merge",
            b"[]",
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        ("merge", b"{", "error decoding patch: unexpected end of JSON input"),
        ("strategic", b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("strategic", b"{", "unexpected end of JSON input"),
    ],
)
async def test_what_is_no_patch(api: harness.Api, kind: str, sent: bytes, message: str) -> None:
    answer = await api.patch(MAP, sent, kind)
    assert (answer.code, answer.body["message"]) == (400, message)


@pytest.mark.parametrize("kind", ["json", "strategic"])
async def test_null_patches_nothing(api: harness.Api, kind: str) -> None:
    before = (await api.get(MAP)).body
    answer = await api.patch(MAP, b"null", kind)
    assert (answer.code, answer.body) == (200, before)


async def test_a_patched_scale_is_checked_as_any_object(api: harness.Api) -> None:
    sets = "/apis/apps/v1/namespaces/default/replicasets"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    await api.create(sets, {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "s"}, "spec": spec})
    scale = f"{sets}/s/scale"
    assert (await api.patch(scale, {"spec": "x"})).code == 422
    refused = await api.patch(scale, {"spec": {"replicas": "x"}})
    assert refused.code == 422
    assert "cannot unmarshal string into Go struct field" in refused.body["message"]
    assert (await api.patch(scale, b'{"spec":{"replicas":2,"replicas":3}}')).warnings == [
        'duplicate field "spec.replicas"'
    ]
    assert (await api.get(scale)).body["spec"] == {"replicas": 3}


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (
            b"a: b\nc: [\n",
            "error decoding YAML: error converting YAML to JSON: yaml: line 2: did not find expected node content",
        ),
        (
            b"text",
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go "
            "value of type map[string]interface {}",
        ),
        (b"", "invalid object type: /, Kind="),
        (b"{}", "invalid object type: /, Kind="),
    ],
)
async def test_what_is_no_configuration(api: harness.Api, sent: bytes, message: str) -> None:
    answer = await api.patch(f"{MAP}?fieldManager=a", sent, "apply")
    assert (answer.code, answer.body["message"]) == (400, message)


PODS = "/api/v1/namespaces/default/pods"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


@pytest.mark.parametrize("part", ["", "/status", "/ephemeralcontainers", "/resize"])
async def test_no_other_language_is_understood(api: harness.Api, part: str) -> None:
    await api.create(PODS, POD)
    answer = await api.call("PATCH", f"{PODS}/p{part}", b"{}", headers={"Content-Type": "application/json"})
    assert answer.code == 415


async def test_containers_are_added_by_apply(api: harness.Api) -> None:
    await api.create(PODS, POD)
    spec = {"ephemeralContainers": [{"name": "e", "image": "j"}]}
    sent = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"not": "taken"}}, "spec": spec}
    answer = await api.patch(f"{PODS}/p/ephemeralcontainers?fieldManager=debugger", sent, "apply")
    assert answer.code == 200, answer
    assert [each["name"] for each in answer.body["spec"]["ephemeralContainers"]] == ["e"]
    assert "labels" not in answer.body["metadata"]
    (entry,) = [each for each in answer.body["metadata"]["managedFields"] if each["manager"] == "debugger"]
    assert (entry["operation"], entry["subresource"]) == ("Apply", "ephemeralcontainers")
    assert "f:ephemeralContainers" in entry["fieldsV1"]["f:spec"]


async def test_a_patched_pods_containers_are_checked(api: harness.Api) -> None:
    await api.create(PODS, POD)
    refused = await api.patch(f"{PODS}/p/ephemeralcontainers", {"spec": {"ephemeralContainers": "x"}})
    assert refused.code == 422
    sent = b'{"spec":{"ephemeralContainers":[{"name":"e","image":"j","image":"k","more":1}]}}'
    refused = await api.patch(f"{PODS}/p/ephemeralcontainers?fieldValidation=Strict", sent)
    lines = ['duplicate field "spec.ephemeralContainers[0].image"', 'unknown field "spec.ephemeralContainers[0].more"']
    assert refused.body["message"].endswith("strict decoding error: " + ", ".join(lines))
    assert (await api.patch(f"{PODS}/p/ephemeralcontainers", sent)).warnings == lines
