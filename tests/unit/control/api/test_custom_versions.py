"""Versions of custom resources: defaults for what is stored already, conversion by name, selectable fields."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.control.api import crds, harness

V1 = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
V2 = f"/apis/{crds.GROUP}/v2/namespaces/default/crontabs"
CRD = f"{crds.CRDS}/crontabs.{crds.GROUP}"


async def _change(api: harness.Api, **spec: Any) -> None:
    answer = await api.patch(CRD, {"spec": spec})
    assert answer.code == 200, answer


async def test_defaults_are_filled_in_on_requests_and_when_what_is_stored_is_read(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(V1, crds.custom("old", spec={"image": "a", "replicas": 3}))
    at = api.platform.cache.revision
    properties = {"image": {"type": "string"}, "size": {"type": "string", "default": "small"}}
    await _change(api, versions=[crds.version("v1", properties)])
    assert (await api.get(f"{V1}/old")).body["spec"] == {"image": "a", "size": "small"}
    made = await api.create(V1, crds.custom("new", spec={"image": "b"}))
    assert made["spec"] == {"image": "b", "size": "small"}
    items = (await api.get(V1)).body["items"]
    assert [item["spec"]["size"] for item in items] == ["small", "small"]
    events = await api.watch(f"{V1}?watch=1", 2)
    assert [event["object"]["spec"]["size"] for event in events] == ["small", "small"]
    assert (await api.watch(f"{V1}?watch=1&resourceVersion={at}", 1))[0]["object"]["metadata"]["name"] == "new"


async def test_versions_without_a_webhook_differ_in_name_alone(api: harness.Api) -> None:
    await crds.serve(api, crds.definition("CronTab", crds.version("v1"), crds.version("v2", storage=False)))
    made = await api.create(V2, crds.custom("one", version="v2", spec={"image": "a"}))
    assert made["apiVersion"] == f"{crds.GROUP}/v2"
    await api.create(V1, crds.custom("two", spec={"image": "b"}))
    for path, version in ((V1, "v1"), (V2, "v2")):
        assert (await api.get(f"{path}/one")).body["apiVersion"] == f"{crds.GROUP}/{version}"
        listed = (await api.get(path)).body
        assert {item["apiVersion"] for item in (listed, *listed["items"])} == {f"{crds.GROUP}/{version}"}
        events = await api.watch(f"{path}?watch=1", 2)
        assert {event["object"]["apiVersion"] for event in events} == {f"{crds.GROUP}/{version}"}
        table = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        rows = (await api.get(path, headers=table)).body["rows"]
        assert [row["cells"][0] for row in rows] == ["one", "two"]
        partial = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        assert len((await api.get(path, headers=partial)).body["items"]) == 2
    patched = await api.patch(f"{V2}/two", {"spec": {"image": "c"}})
    assert (patched.body["apiVersion"], patched.body["metadata"]["generation"]) == (f"{crds.GROUP}/v2", 2)
    again = await api.patch(f"{V1}/two", {"spec": {"image": "c"}})
    assert again.body["metadata"]["resourceVersion"] == patched.body["metadata"]["resourceVersion"]


async def test_what_another_storage_version_keeps_is_remembered_and_still_served(api: harness.Api) -> None:
    v1, v2 = crds.version("v1"), crds.version("v2", storage=False)
    await crds.serve(api, crds.definition("CronTab", v1, v2))
    await api.create(V1, crds.custom("one", spec={"image": "a"}))
    await _change(api, versions=[{**v1, "storage": False}, {**v2, "storage": True}])
    assert (await api.get(CRD)).body["status"]["storedVersions"] == ["v1", "v2"]
    await api.create(V1, crds.custom("two", spec={"image": "b"}))
    for path in (V1, V2):
        assert [item["spec"]["image"] for item in (await api.get(path)).body["items"]] == ["a", "b"]
    await _change(api, versions=[{**v1, "storage": False, "served": False}, {**v2, "storage": True}])
    assert (await api.get(V1)).code == 404
    assert [item["spec"]["image"] for item in (await api.get(V2)).body["items"]] == ["a", "b"]


async def test_selectable_fields_choose_in_lists_and_watches_also_what_was_there_before(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    await api.create(V1, crds.custom("red", spec={"image": "red"}))
    await api.create(V1, crds.custom("blue", spec={"image": "blue"}))
    refused = await api.get(f"{V1}?fieldSelector=spec.image%3Dred")
    assert (refused.code, refused.body["message"]) == (400, "field label not supported: spec.image")
    await _change(api, versions=[crds.version("v1", selectableFields=[{"jsonPath": ".spec.image"}])])
    listed = (await api.get(f"{V1}?fieldSelector=spec.image%3Dred")).body["items"]
    assert [item["metadata"]["name"] for item in listed] == ["red"]
    at = api.platform.cache.revision
    watching = asyncio.create_task(api.watch(f"{V1}?watch=1&fieldSelector=spec.image%3Dred&resourceVersion={at}", 3))
    await api.create(V1, crds.custom("green", spec={"image": "green"}))
    await api.patch(f"{V1}/blue", {"spec": {"image": "red"}})
    await api.patch(f"{V1}/blue", {"spec": {"image": "blue"}})
    await api.call("DELETE", f"{V1}/red")
    events = [(event["type"], event["object"]["metadata"]["name"]) for event in await watching]
    assert events == [("ADDED", "blue"), ("DELETED", "blue"), ("DELETED", "red")]


async def test_a_watch_ends_when_its_definition_changes_so_that_it_begins_anew_under_the_new_one(
    api: harness.Api,
) -> None:
    await crds.serve(api, crds.definition())
    watching = asyncio.create_task(api.watch(f"{V1}?watch=1&timeoutSeconds=60", 5))
    await api.create(V1, crds.custom("one", spec={"image": "a"}))
    await asyncio.sleep(0)
    await _change(api, versions=[crds.version("v1", {"image": {"type": "string"}})])
    assert len(await watching) <= 1


async def test_a_write_that_changes_nothing_migrates_what_is_stored_and_only_that(api: harness.Api) -> None:
    v1, v2 = crds.version("v1"), crds.version("v2", storage=False)
    await crds.serve(api, crds.definition("CronTab", v1, v2))
    made = await api.create(V1, crds.custom("one", spec={"image": "a"}))
    await _change(api, versions=[{**v1, "storage": False}, {**v2, "storage": True}])
    migrated = await api.patch(f"{V1}/one", {})
    assert migrated.body["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert migrated.body["metadata"]["generation"] == 1
    (stored,) = api.platform.cache.loaded(crds.GROUP, "crontabs").list().records  # type: ignore[union-attr]
    assert stored.decode()["apiVersion"] == f"{crds.GROUP}/v2"
    again = await api.patch(f"{V1}/one", {})
    assert again.body["metadata"]["resourceVersion"] == migrated.body["metadata"]["resourceVersion"]
