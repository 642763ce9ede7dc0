"""Custom resources of several clusters: the same name means another thing in each, and none sees another's."""

from __future__ import annotations

from tests import waiting
from tests.unit.control.api import crds, harness

GROUP = f"/apis/{crds.GROUP}/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def _two(api: harness.Api) -> None:
    """`blue` has namespaced crontabs with an image, `green` cluster-wide ones with a size of another default."""
    await crds.serve(api, crds.definition(), "blue")
    size = crds.version("v1", {"size": {"type": "string", "default": "L"}})
    await crds.serve(api, crds.definition("CronTab", size, scope="Cluster"), "green")


async def test_each_cluster_has_its_own_definition_of_a_name(api: harness.Api) -> None:
    await _two(api)
    blue = await api.create(
        f"/clusters/blue{GROUP}/namespaces/default/crontabs", crds.custom("a", spec={"image": "x", "size": "S"})
    )
    green = await api.create(f"/clusters/green{GROUP}/crontabs", crds.custom("a", spec={"image": "x"}))
    assert (blue["spec"], green["spec"]) == ({"image": "x"}, {"size": "L"})
    assert "namespace" not in green["metadata"]
    for path in (f"/clusters/green{GROUP}/namespaces/default/crontabs", f"{GROUP}/crontabs"):
        assert (await api.get(path)).code == 404
    rows = {}
    for cluster in ("blue", "green"):
        rows[cluster] = (await api.get(f"/clusters/{cluster}{GROUP}")).body["resources"][0]["namespaced"]
        (schema,) = [
            schema
            for name, schema in (await api.get(f"/clusters/{cluster}/openapi/v3{GROUP}"))
            .body["components"]["schemas"]
            .items()
            if name.endswith(".CronTab")
        ]
        assert list(schema["properties"]["spec"]["properties"]) == (
            ["image", "replicas"] if cluster == "blue" else ["size"]
        )
        items = (await api.get(f"/clusters/{cluster}{GROUP}/crontabs")).body["items"]
        assert [item["metadata"]["annotations"]["bascule.dev/cluster"] for item in items] == [cluster]
    assert rows == {"blue": True, "green": False}
    assert (await api.get(GROUP)).code == 404
    assert (await api.get(f"/openapi/v3{GROUP}")).code == 404
    assert crds.GROUP not in str((await api.get("/openapi/v3")).body)
    assert "com.example.stable" not in str((await api.get("/openapi/v2")).body["definitions"].keys())


async def test_the_end_of_a_definition_is_the_end_of_its_own_clusters_objects_alone(api: harness.Api) -> None:
    await _two(api)
    await api.create(f"/clusters/blue{GROUP}/namespaces/default/crontabs", crds.custom("a"))
    await api.create(f"/clusters/green{GROUP}/crontabs", crds.custom("a"))
    await api.call("DELETE", f"/clusters/blue{crds.CRDS}/crontabs.{crds.GROUP}")
    await crds.gone(api, f"/clusters/blue{crds.CRDS}/crontabs.{crds.GROUP}")
    assert (await api.get(f"/clusters/blue{GROUP}/crontabs")).code == 404
    assert len((await api.get(f"/clusters/green{GROUP}/crontabs")).body["items"]) == 1


async def test_rights_in_one_cluster_are_none_in_another_and_tell_nothing_of_it(api: harness.Api) -> None:
    await _two(api)
    rule = {"apiGroups": [crds.GROUP], "resources": ["crontabs"], "verbs": ["*"]}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [rule],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    }
    await api.create(f"/clusters/blue{RBAC}/clusterroles", role)
    await api.create(f"/clusters/blue{RBAC}/clusterrolebindings", binding)
    assert (await api.get(f"/clusters/blue{GROUP}/crontabs", who="jane")).code == 200
    there = await api.get(f"/clusters/green{GROUP}/crontabs", who="jane")
    nothing = await api.get(f"/clusters/green{GROUP}/nothings", who="jane")
    assert (there.code, nothing.code) == (403, 403)
    assert there.body["message"].replace("crontabs", "nothings") == nothing.body["message"]
    assert (await api.get(f"/clusters/*{GROUP}/crontabs", who="jane")).code == 403


async def test_one_name_is_not_split_in_another_place(api: harness.Api) -> None:
    await crds.serve(api, crds.definition())
    group = crds.GROUP.removeprefix("stable.")
    assert (await api.get(f"{GROUP}/crontabs")).code == 200
    assert (await api.get(f"/apis/{group}/v1/crontabs.stable")).code == 404
    assert (await api.get(f"/clusters/*/apis/{group}/v1/crontabs.stable")).code == 404


async def test_all_clusters_together_show_each_object_as_its_own_cluster_does(api: harness.Api) -> None:
    await _two(api)
    at = api.platform.cache.revision
    await api.create(f"/clusters/blue{GROUP}/namespaces/default/crontabs", crds.custom("a", spec={"image": "x"}))
    await api.create(f"/clusters/green{GROUP}/crontabs", crds.custom("b"))
    items = (await api.get(f"/clusters/*{GROUP}/crontabs")).body["items"]
    assert [item.get("spec") for item in items] == [{"image": "x"}, None]
    events = await api.watch(f"/clusters/*{GROUP}/crontabs?watch=1&resourceVersion={at}", 2)
    assert [event["object"]["metadata"]["name"] for event in events] == ["a", "b"]
    assert crds.GROUP in [group["name"] for group in (await api.get("/clusters/*/apis")).body["groups"]]
    assert (await api.call("DELETE", f"/clusters/*{GROUP}/crontabs/b")).code in (400, 404)


async def test_documents_follow_what_is_served(api: harness.Api) -> None:
    async def tag() -> str:
        return (await api.get("/openapi/v2")).headers["ETag"]

    before = await tag()
    await crds.serve(api, crds.definition())
    with_it = await tag()
    assert with_it != before
    held = await api.get("/openapi/v2", headers={"If-None-Match": with_it})
    assert held.code == 304
    definitions = (await api.get("/openapi/v2")).body["definitions"]
    assert definitions["com.example.stable.v1.CronTab"]["properties"]["spec"]["type"] == "object"
    protobuf = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    assert b"com.example.stable.v1.CronTab" in (await api.get("/openapi/v2", headers=protobuf)).body
    paths = (await api.get(f"/openapi/v3{GROUP}")).body["paths"]
    patch = paths[f"{GROUP}/namespaces/{{namespace}}/crontabs/{{name}}"]["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]
    await api.call("DELETE", f"{crds.CRDS}/crontabs.{crds.GROUP}")
    await crds.gone(api, f"{crds.CRDS}/crontabs.{crds.GROUP}")
    await waiting.until(lambda: tag(), what="the documents")
    assert await tag() == before


async def test_attack_a_user_of_the_installation_reads_which_kinds_another_cluster_has(api: harness.Api) -> None:
    await _two(api)
    seen = ["/api", "/apis", f"/apis/{crds.GROUP}", GROUP, "/openapi/v2", "/openapi/v3", f"/openapi/v3{GROUP}"]
    for path in seen:
        refused = await api.get(f"/clusters/blue{path}", who="jane")
        assert refused.code == 403, path
        assert (await api.get(f"/clusters/*{path}", who="jane")).code == 403
    for path in ("/api", "/apis", "/openapi/v2", "/openapi/v3"):
        at_home = await api.get(path, who="jane")
        assert at_home.code == 200
        assert crds.GROUP not in str(at_home.body)
    for who in ("admin", "bascule:controllers"):
        assert (await api.get("/clusters/blue/apis", who=who)).code == 200
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    }
    await api.create(f"/clusters/blue{RBAC}/namespaces/default/rolebindings", binding)
    assert crds.GROUP in str((await api.get("/clusters/blue/apis", who="jane")).body)
    assert (await api.get("/clusters/green/apis", who="jane")).code == 403
