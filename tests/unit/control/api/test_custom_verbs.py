"""What one can do to a custom resource: every verb, patch and subresource, and what is refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.unit.control.api import crds, harness

PATH = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
SUBRESOURCES = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
}


def _version() -> dict[str, Any]:
    version = crds.version("v1", subresources=SUBRESOURCES)
    root = version["schema"]["openAPIV3Schema"]
    root["properties"]["status"] = {
        "type": "object",
        "properties": {"replicas": {"type": "integer"}, "selector": {"type": "string"}},
    }
    version["additionalPrinterColumns"] = [{"name": "Image", "type": "string", "jsonPath": ".spec.image"}]
    return version


@pytest.fixture
async def served(api: harness.Api) -> harness.Api:
    await crds.serve(api, crds.definition("CronTab", _version()))
    return api


async def test_status_and_the_rest_are_written_apart(served: harness.Api) -> None:
    obj = crds.custom("one", spec={"image": "a"}, status={"replicas": 4})
    made = await served.create(PATH, obj)
    assert "status" not in made
    put = await served.call("PUT", f"{PATH}/one/status", {**made, "status": {"replicas": 2}, "spec": {"image": "z"}})
    assert (put.code, put.body["status"], put.body["spec"]) == (200, {"replicas": 2}, {"image": "a"})
    assert put.body["metadata"]["generation"] == 1
    main = await served.patch(f"{PATH}/one", {"spec": {"image": "b"}, "status": {"replicas": 9}})
    assert (main.body["status"], main.body["metadata"]["generation"]) == ({"replicas": 2}, 2)
    assert (await served.get(f"{PATH}/one/status")).body["spec"] == {"image": "b"}
    bad = await served.patch(f"{PATH}/one/status", {"status": {"replicas": "x"}})
    assert bad.code == 422, bad


@pytest.mark.parametrize("value", [True, {"b": [False]}])
async def test_a_number_becomes_a_boolean_of_its_value(api: harness.Api, value: Any) -> None:
    version = crds.version("v1")
    version["schema"]["openAPIV3Schema"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    await crds.serve(api, crds.definition("CronTab", version))
    before = 1 if value is True else {"b": [0]}
    await api.create(PATH, crds.custom("one", spec={"a": before}))
    put = await api.patch(f"{PATH}/one", {"spec": {"a": value}})
    stored = (await api.get(f"{PATH}/one")).body
    assert orjson.dumps(put.body["spec"]) == orjson.dumps(stored["spec"]) == orjson.dumps({"a": value})
    again = await api.patch(f"{PATH}/one", {"spec": {"a": value}})
    assert again.body["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


async def test_scale_reads_and_writes_where_the_definition_says(served: harness.Api) -> None:
    await served.create(PATH, crds.custom("one", spec={"image": "a", "replicas": 3}))
    await served.patch(f"{PATH}/one/status", {"status": {"replicas": 2, "selector": "app=x"}})
    scale = (await served.get(f"{PATH}/one/scale")).body
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 3},
        {"replicas": 2, "selector": "app=x"},
    )
    scale["spec"]["replicas"] = 5
    assert (await served.call("PUT", f"{PATH}/one/scale", scale)).body["spec"] == {"replicas": 5}
    obj = (await served.get(f"{PATH}/one")).body
    assert (obj["spec"]["replicas"], obj["metadata"]["generation"]) == (5, 2)
    assert (await served.patch(f"{PATH}/one/scale", {"spec": {"replicas": 1}})).body["spec"] == {"replicas": 1}


async def test_tables_have_the_definitions_columns(served: harness.Api) -> None:
    await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    table = (await served.get(PATH, headers={"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"})).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Image"]
    assert table["rows"][0]["cells"] == ["one", "a"]
    one = (await served.get(f"{PATH}/one", headers={"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"})).body
    assert (one["kind"], one["rows"][0]["cells"]) == ("Table", ["one", "a"])
    headers = {"Authorization": "Bearer admin", "Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    async with served.session.get(f"{served.url}{PATH}?watch=1&timeoutSeconds=9", headers=headers) as stream:
        event = orjson.loads(await stream.content.readline())
    assert (event["object"]["kind"], event["object"]["rows"][0]["cells"]) == ("Table", ["one", "a"])


async def test_patches_of_built_ins_alone_are_refused(served: harness.Api) -> None:
    await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    refused = await served.patch(f"{PATH}/one", {"spec": {"image": "b"}}, kind="strategic")
    assert (refused.code, refused.body["reason"]) == (415, "UnsupportedMediaType")
    protobuf = {"Content-Type": "application/vnd.kubernetes.protobuf"}
    assert (await served.call("POST", PATH, b"k8s\x00", headers=protobuf)).code == 415
    operations = [{"op": "replace", "path": "/spec/image", "value": "c"}]
    assert (await served.patch(f"{PATH}/one", operations, kind="json")).body["spec"] == {"image": "c"}


@pytest.mark.parametrize("patch", [{"kind": "Pod"}, {"apiVersion": "v1"}, {"kind": None}])
async def test_a_patch_cannot_make_something_else_of_it(served: harness.Api, patch: Any) -> None:
    made = await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    answer = await served.patch(f"{PATH}/one", patch)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert (await served.get(f"{PATH}/one")).body == made


async def test_apply_creates_owns_and_conflicts(served: harness.Api) -> None:
    obj = crds.custom("one", spec={"image": "a"})
    made = await served.patch(f"{PATH}/one?fieldManager=me", obj, kind="apply")
    assert made.code == 201, made
    assert made.body["metadata"]["managedFields"][0]["fieldsV1"] == {"f:spec": {"f:image": {}}}
    other = await served.patch(f"{PATH}/one?fieldManager=you", {**obj, "spec": {"image": "b"}}, kind="apply")
    assert (other.code, other.body["details"]["causes"][0]["field"]) == (409, ".spec.image")
    forced = await served.patch(
        f"{PATH}/one?fieldManager=you&force=true", {**obj, "spec": {"image": "b"}}, kind="apply"
    )
    assert (forced.code, forced.body["spec"]) == (200, {"image": "b"})
    version = forced.body["metadata"]["resourceVersion"]
    again = await served.patch(f"{PATH}/one?fieldManager=you", {**obj, "spec": {"image": "b"}}, kind="apply")
    assert again.body["metadata"]["resourceVersion"] == version


async def test_an_applied_null_is_a_value_where_the_schema_allows_it(api: harness.Api) -> None:
    """Also instead of a default, as another null is not."""
    properties = {
        "image": {"type": "string", "nullable": True, "default": "x"},
        "tag": {"type": "string", "default": "y"},
        "env": {"type": "object", "nullable": True, "properties": {"a": {"type": "string"}}},
    }
    await crds.serve(api, crds.definition("CronTab", crds.version("v1", properties)))
    obj = crds.custom("one", spec={"image": None, "tag": None, "env": None})
    made = await api.patch(f"{PATH}/one?fieldManager=me", obj, kind="apply")
    assert made.body["spec"] == {"image": None, "tag": "y", "env": None}
    stated = {**obj, "spec": {"image": "a", "env": {"a": "b"}}}
    assert (await api.patch(f"{PATH}/one?fieldManager=me", stated, kind="apply")).body["spec"]["image"] == "a"
    back = await api.patch(f"{PATH}/one?fieldManager=me", {**obj, "spec": {"image": None}}, kind="apply")
    assert back.body["spec"]["image"] is None
    again = await api.patch(f"{PATH}/one?fieldManager=me", {**obj, "spec": {"image": None}}, kind="apply")
    assert again.body["metadata"]["resourceVersion"] == back.body["metadata"]["resourceVersion"]


@pytest.mark.parametrize("mode", ["Strict", "Warn", "Ignore"])
async def test_unknown_and_duplicate_fields_are_told_as_the_client_asked(served: harness.Api, mode: str) -> None:
    body = (
        b'{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"x","unknownMeta":1},'
        b'"spec":{"image":"a","image":"b","more":1}}'
    )
    sent = {"Content-Type": "application/json"}
    answer = await served.call("POST", f"{PATH}?fieldValidation={mode}", body, headers=sent)
    texts = ['duplicate field "spec.image"', 'unknown field "metadata.unknownMeta"', 'unknown field "spec.more"']
    if mode == "Strict":
        assert answer.code == 400
        assert "strict decoding error: " in answer.body["message"]
        assert all(text in answer.body["message"] for text in texts), answer.body["message"]
        return
    assert (answer.code, answer.body["spec"]) == (201, {"image": "b"})
    warned = " ".join(answer.headers.getall("Warning", [])).replace("\\", "")
    assert all((text in warned) == (mode == "Warn") for text in texts), warned


async def test_what_does_not_fit_the_schema_is_invalid(served: harness.Api) -> None:
    refused = await served.call("POST", PATH, crds.custom("one", spec={"image": 5}))
    assert (refused.code, refused.body["reason"]) == (422, "Invalid")
    (cause,) = refused.body["details"]["causes"]
    assert cause["field"] == "spec.image"
    assert 'must be of type string: "integer"' in cause["message"]
    missing = await served.call("PUT", f"{PATH}/one", crds.custom("one"))
    assert missing.code == 404
    await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    blind = await served.call("PUT", f"{PATH}/one", crds.custom("one", spec={"image": "b"}))
    assert blind.code == 422, "an update must say which version it replaces"


async def test_dry_runs_and_collections(served: harness.Api) -> None:
    dry = await served.call("POST", f"{PATH}?dryRun=All", crds.custom("one", spec={"image": "a"}))
    assert (dry.code, (await served.get(PATH)).body["items"]) == (201, [])
    for name in ("a", "b"):
        await served.create(PATH, {**crds.custom(name), "metadata": {"name": name, "labels": {"x": name}}})
    chosen = (await served.get(f"{PATH}?labelSelector=x%3Da")).body["items"]
    assert [item["metadata"]["name"] for item in chosen] == ["a"]
    assert (await served.call("DELETE", PATH)).code == 200
    assert (await served.get(PATH)).body["items"] == []


async def test_an_applied_configuration_that_says_a_field_twice_is_told_where(served: harness.Api) -> None:
    body = b"\napiVersion: stable.example.com/v1\nkind: CronTab\nmetadata:\n  name: x\nspec:\n  image: a\n  image: b\n"
    sent = {"Content-Type": "application/apply-patch+yaml"}
    path = f"{PATH}/x?fieldManager=me&fieldValidation="
    strict = await served.call("PATCH", f"{path}Strict", body, headers=sent)
    assert (strict.code, 'line 8: key "image" already set in map' in strict.body["message"]) == (400, True)
    warned = await served.call("PATCH", f"{path}Warn", body, headers=sent)
    assert (warned.code, "line 8" in warned.headers["Warning"]) == (201, True)
    assert "Warning" not in (await served.call("PATCH", f"{path}Ignore", body, headers=sent)).headers


async def test_who_applies_a_status_owns_nothing_else(served: harness.Api) -> None:
    await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    obj = {
        **crds.custom("one", spec={"image": "z"}, status={"replicas": 1}),
        "metadata": {"name": "one", "labels": {"a": "b"}},
    }
    applied = await served.patch(f"{PATH}/one/status?fieldManager=me", obj, kind="apply")
    assert (applied.code, applied.body["spec"], applied.body["status"]) == (200, {"image": "a"}, {"replicas": 1})
    (entry,) = [entry for entry in applied.body["metadata"]["managedFields"] if entry["manager"] == "me"]
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


async def test_without_a_number_there_is_no_scale_to_read_but_one_can_be_written(served: harness.Api) -> None:
    await served.create(PATH, crds.custom("one", spec={"image": "a"}))
    missing = await served.get(f"{PATH}/one/scale")
    text = 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist'
    assert (missing.code, missing.body["message"]) == (500, text)
    assert (await served.patch(f"{PATH}/one/scale", {"spec": {"replicas": 2}})).body["spec"] == {"replicas": 2}
    assert (await served.get(f"{PATH}/one/scale")).code == 200


async def test_what_rules_forgive_is_said_and_so_are_new_finalizers_alone(api: harness.Api) -> None:
    spec = {"image": {"type": "string"}, "size": {"type": "string"}}
    await crds.serve(api, crds.definition("CronTab", crds.version("v1", spec)))
    await api.create(PATH, crds.custom("one", spec={"image": "old", "size": "s"}, metadata=_finalized("plain")))
    rule = {"rule": "self.startsWith('new')", "message": "must be new"}
    schema = {"type": "string", "x-kubernetes-validations": [rule]}
    spoken = crds.version("v1", {**spec, "image": schema})
    assert (await api.patch(f"{crds.CRDS}/crontabs.{crds.GROUP}", {"spec": {"versions": [spoken]}})).code == 200
    changed = await api.patch(f"{PATH}/one", {"spec": {"size": "m"}, "metadata": _finalized("plain", "other")})
    warned = changed.headers.getall("Warning")
    assert changed.code == 200, changed.body["message"]
    assert ['spec.image: Invalid value: \\"old\\": must be new' in one for one in warned].count(True) == 1, warned
    assert ["other" in one for one in warned].count(True) == 1
    assert not any('\\"plain\\"' in one for one in warned)
    refused = await api.patch(f"{PATH}/one", {"spec": {"image": "older"}})
    assert refused.code == 422


def _finalized(*names: str) -> dict[str, Any]:
    return {"name": "one", "finalizers": list(names)}
