"""Discovery, health, version, OpenAPI, and who may see them."""

import orjson

from tests.unit.control.api import harness

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


async def test_only_health_and_version_are_open(api: harness.Api) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/readyz?verbose", "/version", "/livez/ping"):
        assert (await api.get(path, who="")).code == 200, path
    for path in ("/", "/api", "/apis", "/api/v1/pods", "/metrics", "/openapi/v3", "/bascule/store", "/nonsense"):
        answer = await api.get(path, who="")
        assert (answer.code, answer.body["reason"]) == (401, "Unauthorized"), path
    assert (await api.get("/api", who="wrong")).code == 401
    assert (await api.get("/metrics", who="somebody")).code == 403


async def test_checks_of_health_are_named_as_monitors_ask_for_them(api: harness.Api) -> None:
    for head in ("healthz", "livez", "readyz"):
        for check in ("ping", "log", "etcd"):
            assert (await api.get(f"/{head}/{check}")).code == 200, (head, check)
    for check in ("etcd-readiness", "informer-sync"):
        assert (await api.get(f"/readyz/{check}")).code == 200, check
        assert (await api.get(f"/livez/{check}")).code == 404, check
    assert (await api.get("/readyz/nonsense")).code == 404


async def test_legacy_discovery(api: harness.Api) -> None:
    assert (await api.get("/api")).body["versions"] == ["v1"]
    groups = (await api.get("/apis")).body["groups"]
    apps = next(group for group in groups if group["name"] == "apps")
    assert apps["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    scaling = next(group for group in groups if group["name"] == "autoscaling")
    assert scaling["preferredVersion"]["version"] == "v2"
    rows = {row["name"]: row for row in (await api.get("/api/v1")).body["resources"]}
    assert rows["pods"]["shortNames"] == ["po"]
    assert rows["pods/eviction"] | {"verbs": 0} == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
        "verbs": 0,
    }
    assert (await api.get("/apis/apps")).body["kind"] == "APIGroup"
    assert [group["name"] for group in groups][:3] == ["apiregistration.k8s.io", "apps", "events.k8s.io"]


async def test_storage_versions_have_the_hashes_upstream_computes(api: harness.Api) -> None:
    core = {row["name"]: row for row in (await api.get("/api/v1")).body["resources"]}
    assert core["pods"]["storageVersionHash"] == "xPOwRZ+Yhw8="
    assert "storageVersionHash" not in core["bindings"]
    assert "storageVersionHash" not in core["pods/status"]
    for path, expected in (("/apis/autoscaling/v1", "qwQve8ut294="), ("/apis/events.k8s.io/v1", "r2yiGXH7wu8=")):
        assert (await api.get(path)).body["resources"][0]["storageVersionHash"] == expected


async def test_unknown_groups_and_versions(api: harness.Api) -> None:
    assert (await api.get("/apis/apps/v9")).code == 404


async def test_aggregated_discovery_says_what_it_is(api: harness.Api) -> None:
    answer = await api.get("/apis", headers={"Accept": AGGREGATED})
    assert answer.headers["Content-Type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert answer.body["kind"] == "APIGroupDiscoveryList"
    apps = next(item for item in answer.body["items"] if item["metadata"]["name"] == "apps")
    deployments = next(row for row in apps["versions"][0]["resources"] if row["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert [(row["subresource"], row["responseKind"]["group"]) for row in deployments["subresources"]] == [
        ("scale", "autoscaling"),
        ("status", ""),
    ]
    core = await api.get("/api", headers={"Accept": AGGREGATED.replace("v2", "v2beta1")})
    assert core.body["apiVersion"] == "apidiscovery.k8s.io/v2beta1"


async def test_openapi_has_urls_that_follow_the_content(api: harness.Api) -> None:
    paths = (await api.get("/openapi/v3")).body["paths"]
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    document = (await api.get(url)).body
    assert "/apis/apps/v1/namespaces/{namespace}/deployments/{name}" in document["paths"]
    assert (await api.get("/openapi/v3/apis/none/v1")).code == 404


async def test_openapi_v2_is_json_or_protobuf_and_sent_once(api: harness.Api) -> None:
    answer = await api.get("/openapi/v2")
    assert answer.body["swagger"] == "2.0"
    assert "/api/v1/namespaces/{namespace}/pods/{name}" in answer.body["paths"]
    assert "io.k8s.api.core.v1.Pod" in answer.body["definitions"]
    accept = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    encoded = await api.get("/openapi/v2", headers=accept)
    assert encoded.headers["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert encoded.body[:5] == b"\x0a\x032.0"
    assert encoded.headers["ETag"] != answer.headers["ETag"]
    for path in ("/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1"):
        tag = (await api.get(path)).headers["ETag"]
        again = await api.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.code, again.body) == (304, b"")
    assert (await api.get("/openapi/v2/x")).code == 404


async def test_the_store_says_who_it_is(api: harness.Api) -> None:
    answer = (await api.get("/bascule/store")).body
    assert answer == {
        "cluster": api.platform.store.installation,
        "epoch": 1,
        "revision": api.platform.store.revision,
    }


async def test_keys_and_metrics(api: harness.Api) -> None:
    assert orjson.loads((await api.get("/openid/v1/jwks")).body)["keys"][0]["kty"] == "EC"
    assert (await api.get("/.well-known/openid-configuration")).body["issuer"]
    await api.get("/api/v1/pods")
    metrics = (await api.get("/metrics")).body.decode()
    assert "bascule_api_requests_total" in metrics


async def test_unknown_paths_and_methods(api: harness.Api) -> None:
    for path in ("/nonsense", "/api/v2/pods", "/api/v1/nonsense", "/api/v1/namespaces/default/nodes"):
        answer = await api.get(path)
        assert answer.code == 404, path
        assert answer.body == b"404 page not found\n" or answer.body["reason"] == "NotFound", path
    assert (await api.call("PUT", "/api/v1/namespaces/default/pods")).code == 405
    assert (await api.call("POST", "/version")).code == 405
    assert (await api.get("/api/v1/namespaces/default/pods/a/nonsense")).code == 404
