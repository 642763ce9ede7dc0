"""What no server should stumble over: each is a 4xx with a Status, in bounded time, and the server goes on."""

import asyncio

import pytest

from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
BOMB = b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (n + 1, n + 1, n, n, n, n, n, n, n, n) for n in range(97, 108)
)
BODIES = {
    "empty": (b"", "application/json"),
    "no object": (b"[]", "application/json"),
    "cut short": (b'{"apiVersion":', "application/json"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "application/json"),
    "not a number": (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":NaN}}', "application/json"),
    "infinite": (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generation":1e999}}', "application/json"),
    "long integer": (b'{"metadata":{"generation":' + b"9" * 10_000 + b"}}", "application/json"),
    "alias bomb": (BOMB, "application/yaml"),
    "not yaml": (b"a: [", "application/yaml"),
    "not protobuf": (b"k8s\x00\xff\xff\xff", "application/vnd.kubernetes.protobuf"),
    "no utf-8": (b'{"kind":"\xff"}', "application/json"),
    "another kind": (b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}', "application/json"),
    "metadata is a list": (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":[]}', "application/json"),
    "metadata is null": (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":null}', "application/json"),
    "name is a number": (b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":1}}', "application/json"),
    "labels are a list": (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":[]}}',
        "application/json",
    ),
    "null items": (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"A","ownerReferences":[null],"finalizers":[null]}}',
        "application/json",
    ),
    "unknown type": (b"{}", "text/html"),
}


@pytest.mark.parametrize("case", BODIES)
async def test_bodies(api: harness.Api, case: str) -> None:
    body, media = BODIES[case]
    for method, path in (("POST", MAPS), ("PUT", f"{MAPS}/a")):
        answer = await api.call(method, path, body, headers={"Content-Type": media})
        assert 400 <= answer.code < 500, answer
        assert answer.body["kind"] == "Status"
        assert "Traceback" not in answer.body["message"]
    assert (await api.get("/healthz")).code == 200
    assert (await api.get(MAPS)).body["items"] == []


@pytest.mark.parametrize("kind", ["merge", "json", "strategic", "apply"])
async def test_patches(api: harness.Api, kind: str) -> None:
    await api.create(MAPS, harness.config_map("a"))
    for body in (
        None,
        1,
        "x",
        [1],
        {"metadata": None},
        {"metadata": []},
        {"data": 1},
        [{"op": "x"}],
        {"metadata": {"name": "b"}},
    ):
        answer = await api.patch(f"{MAPS}/a?fieldManager=m", body, kind=kind)
        assert answer.code < 500, (body, answer)
    assert (await api.get(f"{MAPS}/a")).body["metadata"]["name"] == "a"


async def test_queries(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    for query in (
        "limit=-1",
        "limit=x",
        "limit=99999999999999999999",
        "continue=%00",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoiYVx1MDAwMCJ9",
        "resourceVersion=99999999999999999999999",
        "resourceVersion=-1",
        "resourceVersionMatch=Sometimes",
        "labelSelector=" + ",".join(f"a{n}" for n in range(10_000)),
        "fieldSelector=a",
        "watch=1&timeoutSeconds=x",
        "includeObject=Everything&limit=1",
        "&".join(f"a{n}=1" for n in range(2_000)),
    ):
        answer = await api.get(f"{MAPS}?{query}")
        assert answer.code in (200, 400, 422, 431, 504), (query[:60], answer)
    for query in ("dryRun=Some", "fieldValidation=Perhaps", f"fieldManager={'x' * 200}", "force=true"):
        answer = await api.patch(f"{MAPS}/a?{query}", {"data": {"a": "b"}})
        assert answer.code in (400, 422), (query, answer)


async def test_paths(api: harness.Api) -> None:
    for path in (
        f"{MAPS}/..%2f..%2fsecrets",
        f"{MAPS}/a%00b",
        "/api/v1/namespaces/..%2fx/configmaps",
        "/api/v1/namespaces//configmaps",
        "/api/v1//pods",
        "/apis/apps/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/nodes/a",
        "/clusters/root%2f/api/v1/pods",
    ):
        answer = await api.get(path)
        assert answer.code in (400, 404), (path, answer)
        assert answer.body["kind"] == "Status"


async def test_bodies_that_are_too_large(api: harness.Api) -> None:
    large = harness.config_map("a", k="x" * (3 * 1024 * 1024 + 1))
    answer = await api.call("POST", MAPS, large)
    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    over = harness.config_map("a", k="x" * (2 * 1024 * 1024))
    answer = await api.call("POST", MAPS, over)
    assert answer.code == 422


async def test_impersonation_headers_of_the_unprivileged(api: harness.Api) -> None:
    answer = await api.get("/api/v1/secrets", who="somebody", headers={"Impersonate-User": "admin"})
    assert answer.code == 403
    groups = {"Impersonate-User": "x", "Impersonate-Group": "system:masters"}
    assert (await api.get("/api/v1/secrets", who="somebody", headers=groups)).code == 403
    assert (await api.get("/api/v1/secrets", who="admin", headers=groups)).code == 200


def _twice() -> bytes:
    members = b",".join(b'"k%d":"a","k%d":"b"' % (n, n) for n in range(60_000))
    return b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{%b}}' % members


async def test_what_says_everything_twice_is_told_of_some(api: harness.Api) -> None:
    """The bound is on time that grows with the square of what is sent: it would be half a minute for each."""
    body = _twice()
    async with asyncio.timeout(20):
        answer = await api.call("POST", MAPS, body, headers={"Content-Type": "application/json"})
        assert (answer.code, len(answer.body["data"])) == (201, 60_000)
        assert 50 < len(answer.warnings) <= 100
        answer = await api.patch(f"{MAPS}/a?fieldValidation=Strict", body)
        assert answer.code == 422
        assert answer.body["message"].count("duplicate field") == 100


async def test_of_many_warnings_some_are_sent(api: harness.Api) -> None:
    environment = [{"name": "again", "value": str(n)} for n in range(5_000)]
    spec = {"containers": [{"name": "c", "image": "i", "env": environment}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    async with asyncio.timeout(20):
        answer = await api.call("POST", "/api/v1/namespaces/default/pods", pod)
    assert answer.code == 201
    assert 20 < len(answer.warnings) < 256


async def test_operations_with_many_foreign_members(api: harness.Api) -> None:
    await api.create(MAPS, harness.config_map("a"))
    operation = {"op": "add", "path": "/metadata/annotations", "value": {}, **{f"m{n}": 0 for n in range(20)}}
    answer = await api.patch(f"{MAPS}/a?fieldValidation=Strict", [operation] * 5_000, "json")
    assert answer.code == 422
    assert answer.body["message"].count("json patch unknown field") == 100
    assert (await api.patch(f"{MAPS}/a", [{}] * 10_001, "json")).code == 413
