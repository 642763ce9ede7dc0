"""What bounds the server: lanes of requests, connections, heads and bodies that come slowly or not at all."""

import asyncio
import contextlib

import orjson
import pytest

from bascule.control.access import user
from bascule.control.api import call
from bascule.control.api.wire import accepting, lanes
from bascule.vocabulary import errors
from tests import waiting
from tests.unit.control.api import harness

MAPS = "/api/v1/namespaces/default/configmaps"
JANE = user.User("jane", (user.AUTHENTICATED,))
PLATFORM = [
    user.User("admin", (user.MASTERS,)),
    user.User("bascule:controllers"),
    user.User("system:node:n1", (user.NODES,)),
    user.User("system:kube-scheduler"),
]


async def _open(api: harness.Api, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    port = int(api.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


async def _status(reader: asyncio.StreamReader) -> harness.Object:
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    status: harness.Object = orjson.loads(content)
    assert status["kind"] == "Status"
    assert f" {status['code']} ".encode() in head.splitlines()[0]
    return status


def _slow(*, who: str) -> bytes:
    """A request whose body does not come."""
    head = f"POST {MAPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {who}\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: 100\r\n\r\n".encode()


def test_the_platform_has_a_lane_of_its_own() -> None:
    held = lanes.Lanes(requests_max=1, reserved_max=2, streams_max=1)
    with held.of(JANE):
        with pytest.raises(errors.StatusError) as refused, held.of(JANE):
            pass
        assert (refused.value.code, refused.value.details) == (429, {"retryAfterSeconds": 1})
        for who in PLATFORM:
            with held.of(who):
                assert held.reserved.running == 1
    with held.of(JANE), held.of(JANE, streams=True), pytest.raises(errors.StatusError):
        held.of(JANE, streams=True).__enter__()
    with held.of(JANE), held.of(JANE, streams=True):
        pass
    assert (held.ordinary.running, held.reserved.running) == (0, 0)


async def test_slow_bodies_keep_nobody_of_the_platform_waiting(api: harness.Api) -> None:
    role = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "list"]}]}
    meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "maps"}}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "maps"}
    subjects = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"}]
    await api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", {**meta, "kind": "ClusterRole", **role})
    bound = {**meta, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects}
    await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", bound)
    api.dispatcher.lanes = lanes.Lanes(requests_max=3)
    slow = [await _open(api, _slow(who="jane")) for _ in range(3)]
    await waiting.until(lambda: api.dispatcher.lanes.ordinary.running == 3, timeout_seconds=5, what="slow bodies")
    answer = await api.get(MAPS, who="jane")
    assert (answer.code, answer.body["reason"], answer.headers["Retry-After"]) == (429, "TooManyRequests", "1")
    assert (await api.get(MAPS)).code == 200
    assert (await api.get("/readyz", who="")).code == 200
    assert (await api.get("/api/v1/nodes/n1", who="system:node:n1")).code == 404
    for _, writer in slow:
        writer.close()
    await waiting.until(lambda: api.dispatcher.lanes.ordinary.running == 0, timeout_seconds=5, what="their end")
    assert (await api.get(MAPS, who="jane")).code == 200


async def test_a_body_that_does_not_come_is_waited_for_a_while(
    api: harness.Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "_BODY_TIMEOUT_SECONDS", 0.05)
    reader, writer = await _open(api, _slow(who="admin"))
    async with asyncio.timeout(5):
        status = orjson.loads((await reader.readuntil(b"}\n")).partition(b"\r\n\r\n")[2])
    assert (status["code"], status["reason"]) == (504, "Timeout")
    writer.close()


async def test_a_connection_that_says_nothing_is_let_go() -> None:
    async with harness.running(head_seconds=0.05) as api:
        for sent in (b"", b"GET /version HTTP/1.1\r\nHost: x\r\nX-Slow"):
            reader, writer = await _open(api, sent)
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
            writer.close()
        assert (await api.get("/version", who="")).code == 200


async def test_beyond_the_bound_only_the_platform_is_served() -> None:
    async with harness.running(connections_max=4) as api:
        idle = [await _open(api) for _ in range(8)]
        await waiting.until(lambda: api.dispatcher.crowded, timeout_seconds=5, what="a crowd")
        answer = await api.get(MAPS, who="jane")
        assert (answer.code, answer.headers["Retry-After"], answer.headers["Connection"]) == (429, "5", "close")
        assert (await api.get(MAPS)).code == 200
        assert (await api.get("/livez", who="")).code == 200
        for _, writer in idle:
            writer.close()
        await waiting.until(lambda: not api.dispatcher.crowded, timeout_seconds=5, what="room")
        assert (await api.get(MAPS, who="jane")).code == 403


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET /version HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b"secret" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\nabcd", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na", 400),
        (b"GET /version HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\nabcd", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", 400),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
    ids=[
        "many headers",
        "long header",
        "long line",
        "tls to plain",
        "smuggling",
        "negative length",
        "signed length",
        "two lengths",
        "no encoding",
        "endless chunk",
        "bare lines",
        "folded",
        "space before the colon",
        "NUL",
        "two hosts",
        "version 2",
    ],
)
async def test_heads_that_are_none(api: harness.Api, sent: bytes, code: int, caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = await _open(api, sent)
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionResetError):
            assert (await _status(reader))["code"] == code
    writer.close()
    assert "secret" not in caplog.text
    assert (await api.get("/version", who="")).code == 200


@pytest.mark.parametrize(
    ("soft", "hard", "most"),
    [(1024, 1024, 512), (1024, 4096, 3072), (1024, 1 << 20, accepting.CONNECTIONS_MAX), (64, 64, 64)],
)
def test_connections_are_bounded_by_the_files_a_process_may_open(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int
) -> None:
    granted = []
    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr("resource.setrlimit", lambda _, wanted: granted.append(wanted))
    assert accepting.affordable() == most
    assert all(wanted <= hard for wanted, _ in granted)
