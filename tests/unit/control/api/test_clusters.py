"""Logical clusters: the same API under a prefix, nothing of one visible in another."""

from tests.unit.control.api import harness

NAMESPACES = "/api/v1/namespaces"


async def test_clusters_do_not_see_each_other(api: harness.Api) -> None:
    maps = f"{NAMESPACES}/default/configmaps"
    made = await api.create(f"/clusters/blue{maps}", harness.config_map("a", of="blue"))
    await api.create(maps, harness.config_map("a", of="root"))
    assert made["metadata"]["annotations"] == {"bascule.dev/cluster": "blue"}
    assert (await api.get(f"{maps}/a")).body["data"] == {"of": "root"}
    assert "annotations" not in (await api.get(f"{maps}/a")).body["metadata"]
    assert (await api.get(f"/clusters/blue{maps}/a")).body["data"] == {"of": "blue"}
    assert (await api.get(f"/clusters/green{maps}")).body["items"] == []


async def test_a_new_cluster_has_what_every_cluster_starts_with(api: harness.Api) -> None:
    await api.create(f"/clusters/blue{NAMESPACES}/default/configmaps", harness.config_map("a"))
    names = [item["metadata"]["name"] for item in (await api.get(f"/clusters/blue{NAMESPACES}")).body["items"]]
    assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
    assert (await api.get(f"/clusters/blue{NAMESPACES}/default/services/kubernetes")).code == 200
    assert (await api.get("/clusters/blue/apis")).body["kind"] == "APIGroupList"


async def test_all_clusters_can_be_listed_and_watched_together_but_not_written(api: harness.Api) -> None:
    maps = f"{NAMESPACES}/default/configmaps"
    at = api.platform.cache.revision
    await api.create(f"/clusters/blue{maps}", harness.config_map("b"))
    await api.create(maps, harness.config_map("a"))
    listed = (await api.get("/clusters/*/api/v1/configmaps")).body["items"]
    assert {item["metadata"]["name"] for item in listed} == {"a", "b", "extension-apiserver-authentication"}
    events = await api.watch(f"/clusters/*/api/v1/configmaps?watch=1&resourceVersion={at}", 2)
    clusters = [event["object"]["metadata"].get("annotations") for event in events]
    assert clusters == [{"bascule.dev/cluster": "blue"}, None]
    assert (await api.call("POST", f"/clusters/*{maps}", harness.config_map("c"))).code == 400
    assert (await api.get("/clusters/*/api/v1/configmaps", who="somebody")).code == 403


async def test_a_body_cannot_move_an_object_to_another_cluster(api: harness.Api) -> None:
    wanted = harness.config_map("a")
    wanted["metadata"]["annotations"] = {"bascule.dev/cluster": "blue"}
    made = await api.create(f"{NAMESPACES}/default/configmaps", wanted)
    assert "bascule.dev/cluster" not in made["metadata"].get("annotations", {})


async def test_names_of_clusters_are_checked(api: harness.Api) -> None:
    assert (await api.get("/clusters/A_B/api/v1/pods")).code == 404
    assert (await api.get("/clusters/..%2froot/api/v1/pods")).code == 404
    assert (await api.get("/clusters/")).code == 404
