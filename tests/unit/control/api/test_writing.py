"""Create, update, patch and delete, seen from outside."""

import asyncio
from typing import Any

import pytest

from bascule.control.store import contract
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"


async def test_create_completes_metadata_and_get_returns_it(api: harness.Api) -> None:
    made = await api.create(MAPS, harness.config_map("a", k="v"))
    meta = made["metadata"]
    assert made["kind"] == "ConfigMap"
    assert meta["namespace"] == "default"
    assert meta["uid"]
    assert meta["creationTimestamp"]
    assert int(meta["resourceVersion"]) > 0
    assert "generation" not in meta
    assert meta["managedFields"][0]["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}}
    assert (await api.get(f"{MAPS}/a")).body == made


async def test_create_twice_is_already_exists(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    answer = await api.call("POST", MAPS, harness.config_map("a"))
    assert (answer.code, answer.body["reason"]) == (409, "AlreadyExists")
    assert answer.body["message"] == 'configmaps "a" already exists'


async def test_a_dry_run_shows_what_another_stored_version_would_add(api: harness.Api) -> None:
    scalers = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    wanted = {"metadata": {"name": "h"}, "spec": {"scaleTargetRef": target, "maxReplicas": 3}}
    tried = await api.call("POST", f"{scalers}?dryRun=All", wanted)
    made = await api.create(scalers, wanted)
    assert tried.body["spec"] == made["spec"]
    made["spec"]["maxReplicas"] = 4
    tried = await api.call("PUT", f"{scalers}/h?dryRun=All", made)
    assert tried.body["spec"] == made["spec"]


async def test_generated_names_differ(api: harness.Api) -> None:
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "n-"}}
    names = {(await api.create(MAPS, wanted))["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(name.startswith("n-") and len(name) == 7 for name in names)


async def test_dry_run_stores_nothing(api: harness.Api) -> None:
    answer = await api.call("POST", f"{MAPS}?dryRun=All", harness.config_map("a"))
    assert answer.code == 201
    assert answer.body["metadata"]["uid"]
    assert (await api.get(f"{MAPS}/a")).code == 404


async def test_another_namespace_in_the_body_is_refused(api: harness.Api) -> None:
    wanted = harness.config_map("a")
    wanted["metadata"]["namespace"] = "kube-system"
    answer = await api.call("POST", MAPS, wanted)
    assert answer.code == 400
    assert answer.body["message"].startswith("the namespace of the provided object does not match")


async def test_create_without_a_name_is_invalid(api: harness.Api) -> None:
    answer = await api.call("POST", MAPS, harness.config_map())
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["details"]["causes"][0]["field"] == "metadata.name"


async def test_create_in_a_missing_namespace_is_not_found(api: harness.Api) -> None:
    answer = await api.call("POST", "/api/v1/namespaces/nowhere/configmaps", harness.config_map("a"))
    assert answer.code == 404
    assert answer.body["message"] == 'namespaces "nowhere" not found'


async def test_strict_validation_names_unknown_and_duplicate_fields(api: harness.Api) -> None:
    body = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1"},"data":{"a":"2"},"x":1}'
    headers = {"Content-Type": "application/json"}
    answer = await api.call("POST", f"{MAPS}?fieldValidation=Strict", body, headers=headers)
    assert answer.code == 400
    assert 'unknown field "x"' in answer.body["message"]
    assert 'duplicate field "data"' in answer.body["message"]
    answer = await api.call("POST", f"{MAPS}?fieldValidation=Warn", body, headers=headers)
    assert answer.code == 201
    assert "x" not in answer.body
    assert '299 - "unknown field \\"x\\""' in answer.headers.getall("Warning")


async def test_update_needs_the_current_version_when_it_names_one(api: harness.Api) -> None:
    made = await api.create(MAPS, harness.config_map("a", k="1"))
    first = await api.call("PUT", f"{MAPS}/a", made | {"data": {"k": "2"}})
    assert first.code == 200
    assert int(first.body["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert first.body["metadata"]["uid"] == made["metadata"]["uid"]
    second = await api.call("PUT", f"{MAPS}/a", made | {"data": {"k": "3"}})
    assert (second.code, second.body["reason"]) == (409, "Conflict")
    third = await api.call("PUT", f"{MAPS}/a", harness.config_map("a", k="4"))
    assert third.body["data"] == {"k": "4"}


async def test_update_of_another_uid_is_a_conflict(api: harness.Api) -> None:
    made = await api.create(MAPS, harness.config_map("a"))
    made["metadata"] |= {"uid": "11111111-2222-3333-4444-555555555555", "resourceVersion": ""}
    answer = await api.call("PUT", f"{MAPS}/a", made)
    assert answer.code == 409
    assert "Precondition failed: UID in precondition" in answer.body["message"]


async def test_a_write_that_changes_nothing_keeps_the_version(api: harness.Api) -> None:
    made = await api.create(MAPS, harness.config_map("a", k="v"))
    revision = api.platform.store.revision
    for answer in (
        await api.call("PUT", f"{MAPS}/a", made),
        await api.patch(f"{MAPS}/a", {"data": {"k": "v"}}),
        await api.patch(f"{MAPS}/a", [], kind="json"),
        await api.patch(f"{MAPS}/a", {"data": {"k": "v"}}, kind="strategic"),
    ):
        assert answer.code == 200
        assert answer.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert api.platform.store.revision == revision


async def test_each_patch_type(api: harness.Api) -> None:
    await api.create(PODS, harness.pod("p"))
    answer = await api.patch(f"{PODS}/p", {"metadata": {"labels": {"x": "1"}}})
    assert answer.body["metadata"]["labels"] == {"app": "p", "x": "1"}
    operations = [{"op": "remove", "path": "/metadata/labels/x"}]
    answer = await api.patch(f"{PODS}/p", operations, kind="json")
    assert answer.body["metadata"]["labels"] == {"app": "p"}
    image = {"spec": {"containers": [{"name": "main", "image": "busybox:2"}]}}
    answer = await api.patch(f"{PODS}/p", image, kind="strategic")
    assert answer.body["spec"]["containers"][0]["image"] == "busybox:2"
    assert answer.body["spec"]["containers"][0]["terminationMessagePath"]
    answer = await api.call("PATCH", f"{PODS}/p", b"{}", headers={"Content-Type": "application/json"})
    assert answer.code == 415


async def test_apply_creates_then_conflicts_until_forced(api: harness.Api) -> None:
    path = f"{MAPS}/a?fieldManager="
    first = await api.patch(f"{path}one", harness.config_map("a", k="1"), kind="apply")
    assert first.code == 201
    again = await api.patch(f"{path}one", harness.config_map("a", k="1"), kind="apply")
    assert again.code == 200
    assert again.body["metadata"]["resourceVersion"] == first.body["metadata"]["resourceVersion"]
    other = await api.patch(f"{path}two", harness.config_map("a", k="2"), kind="apply")
    assert (other.code, other.body["reason"]) == (409, "Conflict")
    assert other.body["details"]["causes"][0]["field"] == ".data.k"
    forced = await api.patch(f"{path}two&force=true", harness.config_map("a", k="2"), kind="apply")
    assert forced.body["data"] == {"k": "2"}
    missing = await api.patch(f"{MAPS}/a", harness.config_map("a"), kind="apply")
    assert missing.code == 422


async def test_concurrent_patches_without_a_version_all_land(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    patches = [api.patch(f"{MAPS}/a", {"data": {f"k{n}": "v"}}) for n in range(8)]
    answers = await asyncio.gather(*patches)
    assert {answer.code for answer in answers} == {200}
    assert len((await api.get(f"{MAPS}/a")).body["data"]) == 8


async def test_status_and_spec_are_written_apart(api: harness.Api) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    wanted = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template},
        "status": {"replicas": 9},
    }
    made = await api.create(path, wanted)
    assert made["metadata"]["generation"] == 1
    assert not made["status"].get("replicas")
    status: dict[str, Any] = {"status": {"replicas": 3}, "spec": {"replicas": 7}}
    answer = await api.patch(f"{path}/d/status", status)
    assert answer.body["status"]["replicas"] == 3
    assert answer.body["spec"]["replicas"] == 1
    assert answer.body["metadata"]["generation"] == 1
    answer = await api.patch(f"{path}/d", {"status": {"replicas": 5}, "spec": {"replicas": 2}})
    assert answer.body["status"]["replicas"] == 3
    assert answer.body["metadata"]["generation"] == 2
    scale = await api.get(f"{path}/d/scale")
    assert scale.body["spec"] == {"replicas": 2}
    assert scale.body["status"] == {"replicas": 3, "selector": "a=b"}
    table = await api.get(f"{path}/d/scale", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert [column["name"] for column in table.body["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table.body["rows"][0]["cells"][:3] == ["d", 2, 3]
    answer = await api.call("PUT", f"{path}/d/scale", scale.body | {"spec": {"replicas": 4}})
    assert answer.body["spec"] == {"replicas": 4}
    assert (await api.get(f"{path}/d")).body["metadata"]["generation"] == 3


async def test_a_full_disk_is_said_and_nothing_is_lost(api: harness.Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await api.create(MAPS, harness.config_map("a", k="1"))

    async def full(_: Any) -> int:
        raise contract.StoreFull("the disk is full; free some space")

    with monkeypatch.context() as patched:
        patched.setattr(api.platform.store, "commit", full)
        answer = await api.patch(f"{MAPS}/a", {"data": {"k": "2"}})
        assert (answer.code, answer.body["reason"]) == (503, "ServiceUnavailable")
        assert "the disk is full" in answer.body["message"]
        assert "Retry-After" not in answer.headers  # else kubectl would try again for minutes, and say nothing
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
        service |= {"spec": {"clusterIP": "10.96.5.5", "ports": [{"port": 80}]}}
        assert (await api.call("POST", SERVICES, service)).code == 503
    assert (await api.get(f"{MAPS}/a")).body == made
    assert (await api.create(SERVICES, service))["spec"]["clusterIP"] == "10.96.5.5"


@pytest.mark.parametrize("patch", [{"kind": "Secret"}, {"apiVersion": "v9"}, {"kind": None}])
async def test_a_strategic_patch_cannot_make_something_else_of_an_object(api: harness.Api, patch: Any) -> None:
    """It would be stored as what no watcher of its kind can read."""
    await api.create(MAPS, harness.config_map("a", k="v"))
    answer = await api.patch(f"{MAPS}/a", {**patch, "data": {"k": "w"}}, kind="strategic")
    assert (answer.code, answer.body["apiVersion"], answer.body["kind"]) == (200, "v1", "ConfigMap")
    assert (await api.get(f"{MAPS}/a")).body == answer.body


@pytest.mark.parametrize("patch", [{"kind": "Secret"}, {"apiVersion": "v9"}, {"apiVersion": "apps/v1"}])
async def test_a_patch_of_a_document_into_another_kind_is_refused(api: harness.Api, patch: Any) -> None:
    made = await api.create(MAPS, harness.config_map("a", k="v"))
    operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in patch.items()]
    for answer in (
        await api.patch(f"{MAPS}/a", patch, kind="merge"),
        await api.patch(f"{MAPS}/a", operations, kind="json"),
    ):
        assert (answer.code, answer.body["reason"]) == (422, "Invalid")
        assert "cannot be handled as a ConfigMap: this path takes v1 ConfigMap" in answer.body["message"]
    assert (await api.get(f"{MAPS}/a")).body == made


async def test_a_patched_document_without_kind_keeps_the_one_it_had(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a", k="v"))
    operations = [{"op": "remove", "path": "/kind"}, {"op": "add", "path": "/data/l", "value": "w"}]
    for answer in (
        await api.patch(f"{MAPS}/a", operations, kind="json"),
        await api.patch(f"{MAPS}/a", {"kind": None, "apiVersion": None}, kind="merge"),
    ):
        assert (answer.code, answer.body["apiVersion"], answer.body["kind"]) == (200, "v1", "ConfigMap")
        assert answer.body["data"] == {"k": "v", "l": "w"}


@pytest.mark.parametrize("kind", ["merge", "strategic"])
async def test_a_patch_of_the_uid_is_refused(api: harness.Api, kind: str) -> None:
    made = await api.create(MAPS, harness.config_map("a"))
    answer = await api.patch(f"{MAPS}/a", {"metadata": {"uid": "x"}}, kind=kind)
    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "x": field is immutable'
    assert (await api.patch(f"{MAPS}/a", {"metadata": {"uid": made["metadata"]["uid"]}}, kind=kind)).code == 200
