"""Get, list, watch, and the shapes in which they answer."""

import asyncio
import gzip

import orjson
import yaml

from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def _three(api: harness.Api) -> list[harness.Object]:
    made = []
    for name in ("a", "b", "c"):
        wanted = harness.config_map(name, k=name)
        wanted["metadata"]["labels"] = {"name": name}
        made.append(await api.create(MAPS, wanted))
    return made


async def test_list_is_what_get_says(api: harness.Api) -> None:
    made = await _three(api)
    answer = (await api.get(MAPS)).body
    assert answer["kind"] == "ConfigMapList"
    assert answer["apiVersion"] == "v1"
    assert answer["items"] == made
    assert int(answer["metadata"]["resourceVersion"]) >= int(made[-1]["metadata"]["resourceVersion"])
    empty = (await api.get("/api/v1/namespaces/kube-public/secrets")).body
    assert empty["items"] == []


async def test_selectors(api: harness.Api) -> None:
    made = await _three(api)
    assert (await api.get(f"{MAPS}?labelSelector=name%20in%20(a,b)")).body["items"] == made[:2]
    assert (await api.get(f"{MAPS}?fieldSelector=metadata.name!=b")).body["items"] == [made[0], made[2]]
    unknown = await api.get(f"{MAPS}?fieldSelector=spec.x=1")
    assert unknown.code == 400
    assert '"spec.x" is not a known field selector' in unknown.body["message"]
    assert (await api.get(f"{MAPS}?labelSelector=a%20in")).code == 400


async def test_pages_share_one_version(api: harness.Api) -> None:
    made = await _three(api)
    first = (await api.get(f"{MAPS}?limit=2")).body
    assert first["items"] == made[:2]
    assert first["metadata"]["remainingItemCount"] == 1
    await api.create(MAPS, harness.config_map("d"))
    second = (await api.get(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")).body
    assert second["items"] == made[2:]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]
    assert (await api.get(f"{MAPS}?continue=bm9uc2Vuc2U")).code == 400


async def test_versions_of_lists(api: harness.Api) -> None:
    made = await _three(api)
    at = made[1]["metadata"]["resourceVersion"]
    exact = (await api.get(f"{MAPS}?resourceVersion={at}&resourceVersionMatch=Exact")).body
    assert exact["items"] == made[:2]
    assert len((await api.get(f"{MAPS}?resourceVersion={at}&resourceVersionMatch=NotOlderThan")).body["items"]) == 3
    assert (await api.get(f"{MAPS}?resourceVersionMatch=Exact")).code == 422
    assert (await api.get(f"{MAPS}?resourceVersion=0&resourceVersionMatch=Exact")).code == 422
    token = (await api.get(f"{MAPS}?limit=1")).body["metadata"]["continue"]
    both = await api.get(f"{MAPS}?continue={token}&resourceVersionMatch=Exact")
    assert [cause["message"] for cause in both.body["details"]["causes"]] == [
        "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        "Forbidden: resourceVersionMatch is forbidden when continue is provided",
    ]
    future = await api.get(f"{MAPS}?resourceVersion=99999999")
    assert future.code == 504
    assert future.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert (await api.get(f"{MAPS}?resourceVersion=banana")).code == 400


async def test_table_and_metadata(api: harness.Api) -> None:
    await _three(api)
    table = (await api.get(MAPS, headers={"Accept": TABLE})).body
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [row["cells"][0] for row in table["rows"]] == ["a", "b", "c"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert table["columnDefinitions"][0]["name"] == "Name"
    bare = (await api.get(f"{MAPS}/a?includeObject=None", headers={"Accept": TABLE})).body
    assert len(bare["rows"]) == 1
    assert bare["rows"][0] == {"cells": ["a", 1, "0s"], "object": None}
    bare = (await api.get(f"{MAPS}?includeObject=None", headers={"Accept": TABLE})).body
    assert [row["object"] for row in bare["rows"]] == [None] * 3
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    partial = (await api.get(MAPS, headers=accept)).body
    assert partial["kind"] == "PartialObjectMetadataList"
    shape = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    whole = (await api.get(MAPS)).body["items"]
    assert partial["items"] == [{**shape, "metadata": item["metadata"]} for item in whole]


async def test_metadata_of_one_is_not_that_of_a_list(api: harness.Api) -> None:
    await _three(api)
    one, many = (
        {"Accept": f"application/json;as={kind};v=v1;g=meta.k8s.io"}
        for kind in ("PartialObjectMetadata", "PartialObjectMetadataList")
    )
    assert (await api.get(f"{MAPS}/a", headers=one)).body["kind"] == "PartialObjectMetadata"
    refused = await api.get(MAPS, headers=one)
    assert (refused.code, refused.body["reason"]) == (406, "NotAcceptable")
    wanted = "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)"
    assert refused.body["message"] == wanted
    refused = await api.get(f"{MAPS}/a", headers=many)
    wanted = "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)"
    assert (refused.code, refused.body["message"]) == (406, wanted)
    assert (await api.call("DELETE", f"{MAPS}/a", headers=many)).code == 200


async def test_yaml_gzip_and_what_is_not_acceptable(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("big", k="x" * 200_000))
    answer = await api.get(f"{MAPS}/big", headers={"Accept": "application/yaml"})
    assert yaml.safe_load(answer.body)["metadata"]["name"] == "big"
    async with api.session.get(
        api.url + MAPS, headers={"Authorization": "Bearer admin", "Accept-Encoding": "gzip"}, auto_decompress=False
    ) as compressed:
        assert compressed.headers["Content-Encoding"] == "gzip"
        assert b'"big"' in gzip.decompress(await compressed.read())
    assert (await api.get(MAPS, headers={"Accept": "image/png"})).code == 406
    refused = await api.get(f"{MAPS}/none", headers={"Accept": "application/yaml"})
    assert refused.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(refused.body)["message"] == 'configmaps "none" not found'
    odd = "application/yaml;as=Table;g=meta.k8s.io;v=v1,application/json"
    assert (await api.get(f"{MAPS}/none", headers={"Accept": odd})).headers["Content-Type"] == "application/json"
    protobuf = await api.get(MAPS, headers={"Accept": "application/vnd.kubernetes.protobuf,application/json"})
    assert protobuf.headers["Content-Type"] == "application/json"


async def test_watch_from_a_version_is_complete_and_ordered(api: harness.Api) -> None:
    made = await _three(api)
    await api.patch(f"{MAPS}/a", {"data": {"k": "2"}})
    await api.call("DELETE", f"{MAPS}/b")
    at = made[1]["metadata"]["resourceVersion"]
    events = await api.watch(f"{MAPS}?watch=true&resourceVersion={at}", 3)
    seen = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
    assert seen == [("ADDED", "c"), ("MODIFIED", "a"), ("DELETED", "b")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


async def test_watch_without_a_version_starts_with_what_is(api: harness.Api) -> None:
    made = await _three(api)
    events = await api.watch(f"{MAPS}?watch=1", 3)
    assert [event["type"] for event in events] == ["ADDED"] * 3
    assert [event["object"] for event in events] == made


async def test_send_initial_events_ends_in_a_bookmark(api: harness.Api) -> None:
    await _three(api)
    query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    events = await api.watch(f"{MAPS}?{query}", 4)
    assert [event["type"] for event in events] == ["ADDED"] * 3 + ["BOOKMARK"]
    assert events[-1]["object"]["metadata"].keys() == {"resourceVersion", "annotations"}
    closing = events[-1]["object"]
    assert (closing["kind"], closing["apiVersion"]) == ("ConfigMap", "v1")
    assert closing["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert (await api.get(f"{MAPS}?watch=true&sendInitialEvents=true")).code == 422
    assert (await api.get(f"{MAPS}?watch=true&resourceVersionMatch=NotOlderThan")).code == 422


async def test_a_selector_turns_changes_into_arrivals_and_departures(api: harness.Api) -> None:
    await _three(api)
    at = api.platform.cache.revision
    await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"name": "z"}}})
    moved = (await api.patch(f"{MAPS}/b", {"metadata": {"labels": {"name": "a"}}})).body
    events = await api.watch(f"{MAPS}?watch=true&labelSelector=name=a&resourceVersion={at}", 2)
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]
    assert events[0]["object"]["metadata"]["labels"] == {"name": "a"}
    assert events[1]["object"] == moved


async def test_watch_ends_cleanly_at_its_timeout_with_a_bookmark_before(api: harness.Api) -> None:
    at = api.platform.cache.revision
    events = await asyncio.wait_for(
        api.watch(f"{MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={at}", 5), 5
    )
    assert events == []


async def test_a_watch_of_tables_sends_columns_once(api: harness.Api) -> None:
    await _three(api)
    async with api.session.get(
        f"{api.url}{MAPS}?watch=true", headers={"Authorization": "Bearer admin", "Accept": TABLE}
    ) as answer:
        import json

        first, second = [json.loads(await answer.content.readline())["object"] for _ in range(2)]
    assert first["columnDefinitions"]
    assert not second["columnDefinitions"]
    assert second["rows"][0]["cells"][0] == "b"


async def test_a_watch_of_a_future_version_is_told_to_wait(api: harness.Api) -> None:
    path = f"{MAPS}?watch=true&resourceVersion=99999999"
    assert (await api.get(path)).code == 504
    streamed = f"{path}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    told = (await api.get(streamed)).body
    assert told["type"] == "ERROR"
    assert (told["object"]["code"], told["object"]["reason"]) == (504, "Timeout")
    assert told["object"]["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_deprecated_kind_says_so_whenever_it_is_read(api: harness.Api) -> None:
    for path in ("/api/v1/endpoints", "/api/v1/namespaces/default/endpoints/kubernetes"):
        warning = (await api.get(path)).headers["Warning"]
        assert "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice" in warning


async def test_watches_are_json_alone_and_not_written_to(api: harness.Api) -> None:
    yaml_first = {"Accept": "application/yaml,application/json"}
    assert (await api.get(f"{MAPS}?watch=true", headers=yaml_first)).code == 406
    assert (await api.get(f"{MAPS}?watch=true&includeObject=x", headers={"Accept": TABLE})).code == 400
    refused = await api.get(f"{MAPS}?includeObject=x", headers={"Accept": TABLE})
    text = """includeObject: Invalid value: "x": must be 'Metadata', 'Object', 'None', or empty"""
    assert refused.body["message"] == f"Unable to convert to Table as requested: {text}"
    path = "/api/v1/watch/namespaces/default/configmaps"
    assert (await api.call("POST", path, harness.config_map("a"))).code == 405
    await api.create(MAPS, harness.config_map("a"))
    for query in (f"{path}/a", f"{path}?watch=false", f"{MAPS}?watch", f"{MAPS}?watch=yes"):
        assert [event["type"] for event in await api.watch(query, 1)] == ["ADDED"]
    assert (await api.get(f"{MAPS}?watch=False")).body["kind"] == "ConfigMapList"


async def test_the_most_wanted_form_is_chosen(api: harness.Api) -> None:
    async def media(accept: str) -> str:
        return str((await api.get(MAPS, headers={"Accept": accept})).headers["Content-Type"])

    assert await media("*/*,application/yaml") == "application/yaml"
    assert await media("application/yaml;q=0.5,application/json;q=0.8") == "application/json"
    assert await media("application/json;stream=watch") == "application/json"
    assert await media("application/json;stream=other,application/yaml") == "application/yaml"


async def test_a_list_that_is_streamed_as_a_table_ends_in_a_row(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    headers = {"Authorization": "Bearer admin", "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    found = []
    async with api.session.get(f"{api.url}{MAPS}?{query}", headers=headers) as answer:
        while not found or found[-1]["type"] != "BOOKMARK":
            found.append(orjson.loads(await answer.content.readline()))
    assert {one["object"]["kind"] for one in found} == {"Table"}
    assert found[0]["object"]["columnDefinitions"]
    last = found[-1]["object"]
    assert last["columnDefinitions"] is None
    assert last["rows"][0]["cells"][0] == ""
    assert last["rows"][0]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
