"""What upstream's own server of custom resources answers, asked the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests.unit.control.api import crds, harness

PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
OF_V1 = f"{crds.GROUP}/v1"
PROPERTIES = {
    "size": {"type": "integer"},
    "replicas": {"type": "integer"},
    "part": {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
    "range": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.a < self.b"}],
    },
}
SCALED = {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}


@pytest.fixture
async def api() -> AsyncIterator[harness.Api]:
    async with harness.running() as running:
        version = crds.version(properties=PROPERTIES, subresources=SCALED)
        await crds.serve(running, crds.definition("CronTab", version))
        await running.create(PATH, crds.custom("one", spec={"size": 1}))
        yield running


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            b'{"kind":"CronTab"}',
            400,
            f"the API version in the data () does not match the expected API version ({OF_V1})",
        ),
        (
            b'{"apiVersion":"v1","kind":"Pod"}',
            400,
            f"the API version in the data (v1) does not match the expected API version ({OF_V1})",
        ),
        (b'{"apiVersion":"a/b/c","kind":"CronTab"}', 400, "unexpected GroupVersion string: a/b/c"),
        (
            b"{}",
            400,
            "the object provided is unrecognized (must be of type CronTab): Object 'Kind' is missing in '{}' ({})",
        ),
        (
            b'{"apiVersion":3,"kind":"CronTab"}',
            400,
            "the object provided is unrecognized (must be of type CronTab): couldn't get version/kind; json parse "
            "error: json: cannot unmarshal number into Go struct field .apiVersion of type string "
            '({"apiVersion":3,"kind":"CronTa ...)',
        ),
        (
            f'{{"apiVersion":"{OF_V1}","kind":"Tab","metadata":{{"name":"x"}}}}'.encode(),
            422,
            f'Tab.{crds.GROUP} "x" is invalid: kind: Invalid value: "Tab": must be CronTab',
        ),
        (
            f'{{"apiVersion":"{OF_V1}","kind":"CronTab","metadata":[]}}'.encode(),
            400,
            'CronTab in version "v1" cannot be handled as a CronTab: json: cannot unmarshal array into Go value of '
            "type v1.ObjectMeta",
        ),
    ],
)
async def test_what_is_of_another_type_is_refused(api: harness.Api, body: bytes, code: int, message: str) -> None:
    answer = await api.call("POST", PATH, body, headers={"Content-Type": "application/json"})
    assert (answer.code, answer.body["message"]) == (code, message)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"part": {"apiVersion": "v1", "kind": "X", "metadata": "s"}},
            'CronTab in version "v1" cannot be handled as a CronTab: spec.part.metadata: Invalid value: "s": json: '
            "cannot unmarshal string into Go value of type v1.ObjectMeta",
        ),
        (
            {"range": {"b": 1}},
            f'CronTab.{crds.GROUP} "two" is invalid: spec.range: Invalid value: "object": no such key: a evaluating '
            "rule: self.a < self.b",
        ),
        (
            {"size": "x"},
            f'CronTab.{crds.GROUP} "two" is invalid: [spec.size: Invalid value: "string": spec.size in body must be of '
            'type integer: "string", <nil>: Invalid value: null: some validation rules were not checked because the '
            "object was invalid; correct the existing errors to complete validation]",
        ),
    ],
)
async def test_what_does_not_fit_is_told_in_upstreams_words(
    api: harness.Api, spec: dict[str, Any], message: str
) -> None:
    assert (await api.call("POST", PATH, crds.custom("two", spec=spec))).body["message"] == message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"a":', "unexpected end of JSON input"),
        (b"{} {}", "invalid character '{' after top-level value"),
        (b"{x}", "invalid character 'x' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a":"\n"}', "invalid character '\\n' in string literal"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"'x'", "invalid character '\\'' looking for beginning of value"),
    ],
)
async def test_what_is_no_json_is_told_in_upstreams_words(api: harness.Api, text: bytes, problem: str) -> None:
    answer = await api.call("POST", PATH, text, headers={"Content-Type": "application/json"})
    assert answer.code == 400
    assert f"json parse error: {problem} (" in answer.body["message"]


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        (
            "POST",
            "fieldValidation=Bad",
            'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Bad": supported values: "", '
            '"Ignore", "Strict", "Warn"',
        ),
        (
            "PUT",
            "dryRun=All&dryRun=x",
            'UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["All","x"]: supported values: "All"',
        ),
        (
            "PATCH",
            "fieldManager=" + "m" * 129,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
        ),
    ],
)
async def test_options_are_refused_by_their_own_name(api: harness.Api, method: str, query: str, message: str) -> None:
    path = PATH if method == "POST" else f"{PATH}/one"
    answer = await api.call(method, f"{path}?{query}", crds.custom("one"))
    assert (answer.code, answer.body["message"]) == (422, message)


async def test_an_update_without_a_version_is_refused_about_the_resource(api: harness.Api) -> None:
    answer = await api.call("PUT", f"{PATH}/one", crds.custom("one", spec={"size": 2}))
    assert answer.code == 422
    assert answer.body["details"]["kind"] == "crontabs"
    assert answer.body["message"].startswith(f'crontabs.{crds.GROUP} "one" is invalid: metadata.resourceVersion: ')


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        ([1], 400, "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (
            {"metadata": None},
            400,
            "the name of the object (one based on URL) was undeterminable: name must be provided",
        ),
        (
            {"kind": "Tab"},
            422,
            f'Tab.{crds.GROUP} "one" is invalid: kind: Invalid value: "Tab": must be CronTab',
        ),
    ],
)
async def test_patches_that_are_refused(api: harness.Api, patch: Any, code: int, message: str) -> None:
    answer = await api.patch(f"{PATH}/one", patch)
    assert (answer.code, answer.body["message"]) == (code, message)


async def test_no_owners_said_are_no_reset_of_them(api: harness.Api) -> None:
    before = (await api.get(f"{PATH}/one")).body
    after = (await api.patch(f"{PATH}/one", {"metadata": {"managedFields": []}})).body
    assert after["metadata"]["managedFields"] == before["metadata"]["managedFields"] != []


async def test_what_an_apply_emptied_goes(api: harness.Api) -> None:
    part = {"apiVersion": "v1", "kind": "C", "metadata": {"name": "c"}}
    path = f"{PATH}/applied?fieldManager=m"
    await api.patch(path, crds.custom("applied", spec={"size": 1, "part": part}), "apply")
    answer = await api.patch(path, crds.custom("applied", spec={"size": 1}), "apply")
    assert (answer.code, answer.body["spec"]) == (200, {"size": 1})


async def test_an_apply_to_another_uid_is_invalid(api: harness.Api) -> None:
    applied = crds.custom("one", spec={"size": 1})
    applied["metadata"]["uid"] = "another"
    answer = await api.patch(f"{PATH}/one?fieldManager=m", applied, "apply")
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")


async def test_the_scale_of_a_custom_resource(api: harness.Api) -> None:
    path = f"{PATH}/one/scale"
    assert (await api.patch(path, {}, "strategic")).code == 415
    answer = await api.patch(path, {"spec": {"replicas": -1}})
    assert answer.code == 422
    assert answer.body["message"] == (
        f'CronTab.{crds.GROUP} "one" is invalid: .spec.replicas: Invalid value: -1: should be a non-negative integer'
    )


async def test_finalizers_that_nobody_can_tell_apart(api: harness.Api) -> None:
    obj = objects.deep_copy(crds.custom("two", spec={"size": 1}))
    obj["metadata"]["finalizers"] = ["mine", "my.domain"]
    answer = await api.call("POST", PATH, obj)
    prefix, suffix = (
        "prefer a domain-qualified finalizer name",
        " to avoid accidental conflicts with other finalizer writers",
    )
    assert [warning.split(": ", 1)[1][:-1] for warning in answer.headers.getall("Warning")] == [
        f'\\"mine\\": {prefix}{suffix}',
        f'\\"my.domain\\": {prefix} including a path (/){suffix}',
    ]


@pytest.mark.parametrize("kind", ["POST", "merge", "json", "apply"])
async def test_numbers_without_a_fraction_are_integers(api: harness.Api, kind: str) -> None:
    path = f"{PATH}/n"
    if kind == "POST":
        sent = b'{"apiVersion":"%b","kind":"CronTab","metadata":{"name":"n"},"spec":%%b}' % OF_V1.encode()
        spec = b'{"size":1.0,"part":{"apiVersion":"a/b","kind":"C","x":[1e2,1.5]}}'
        answer = await api.call("POST", PATH, sent % spec, headers={"Content-Type": "application/json"})
    elif kind == "apply":
        sent = b'{"apiVersion":"%b","kind":"CronTab","metadata":{"name":"n"},"spec":{"size":1.0}}' % OF_V1.encode()
        answer = await api.patch(f"{path}?fieldManager=a", sent, kind)
    else:
        await api.create(PATH, crds.custom("n", spec={"size": 3}))
        sent = b'{"spec":{"size":1.0}}' if kind == "merge" else b'[{"op":"replace","path":"/spec/size","value":1.0}]'
        answer = await api.patch(path, sent, kind)
    assert answer.code in (200, 201), answer
    for found in (answer.body, (await api.get(path)).body):
        assert (found["spec"]["size"], type(found["spec"]["size"])) == (1, int)
        assert [str(number) for number in found["spec"].get("part", {"x": [100, 1.5]})["x"]] == ["100", "1.5"]


async def test_a_number_beyond_all_is_refused(api: harness.Api) -> None:
    sent = b'{"apiVersion":"%b","kind":"CronTab","metadata":{"name":"n"},"spec":{"size":1e400}}' % OF_V1.encode()
    answer = await api.call("POST", PATH, sent, headers={"Content-Type": "application/json"})
    assert answer.code == 400
    assert "json: cannot unmarshal number 1e400 into Go value of type float64" in answer.body["message"]


async def test_verbs_are_told_in_upstreams_order(api: harness.Api) -> None:
    rows = {row["name"]: row for row in (await api.get(f"/apis/{OF_V1}")).body["resources"]}
    writing = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    assert rows["crontabs"]["verbs"] == writing
    assert rows["crontabs/scale"]["verbs"] == ["get", "patch", "update"]


async def test_what_is_in_no_namespace_is_not_selected_by_one(api: harness.Api) -> None:
    await crds.serve(api, crds.definition("Moon", crds.version(), scope="Cluster"))
    answer = await api.get(f"/apis/{OF_V1}/moons?fieldSelector=metadata.namespace%3Da")
    assert (answer.code, answer.body["message"]) == (400, "field label not supported: metadata.namespace")
    assert (await api.get(f"{PATH}?fieldSelector=metadata.namespace%3Da")).body["items"] == []
