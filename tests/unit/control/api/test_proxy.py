"""The proxies: what a backend sees, and what comes back, through a bridgehead that this test plays."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from bascule.bridge.identity import authority
from bascule.control.api.streaming import leaving
from bascule.vocabulary import clock
from tests.unit.control.api import bridgehead, harness

PODS = bridgehead.PODS
SERVICES = "/api/v1/namespaces/default/services"
ADMIN = {"Authorization": "Bearer admin"}


@pytest.fixture
async def node(api: harness.Api) -> AsyncIterator[bridgehead.Played]:
    """With the pod p, whose port 80 answers what it was asked."""
    async with bridgehead.played(api) as made:
        await bridgehead.bound_pod(api, ports=[{"containerPort": 80}])
        runner = web.ServerRunner(web.Server(_backend))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.ports[80] = runner.addresses[0][1]
        yield made
        await runner.cleanup()


async def _backend(http: web.BaseRequest) -> web.StreamResponse:
    if http.path == "/page":
        return web.Response(text='<a href="/there/">x</a><img src=a.png>', content_type="text/html")
    if http.path == "/packed":
        body = gzip.compress(b'<A HREF="/there?a=1&amp;b=2">')
        return web.Response(body=body, content_type="text/html", headers={"Content-Encoding": "gzip"})
    if http.path == "/away":
        return web.Response(status=302, headers={"Location": http.query["to"], "Access-Control-Allow-Origin": "*"})
    if http.path == "/socket":
        socket = web.WebSocketResponse(protocols=("talk",))
        await socket.prepare(http)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket
    if http.path == "/no-socket":
        return web.Response(status=int(http.query["code"]), text="no", headers={"Location": "http://10.0.0.1/"})
    content = await http.read()
    said = {"method": http.method, "path": http.raw_path, "headers": dict(http.headers), "body": content.decode()}
    return web.json_response(said, headers={"X-Own": "yes", "Connection": "X-Own"})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_backend_sees_method_path_query_and_body(
    api: harness.Api, node: bridgehead.Played, method: str
) -> None:
    body = None if method in ("GET", "OPTIONS") else b"some body"
    answer = await api.call(method, f"{PODS}/p/proxy/a%2Fb//c/?dryRun=no&watch=true&x=%20", body)
    assert answer.code == 200, answer
    assert answer.body["method"] == method
    assert answer.body["path"] == "/a%2Fb//c/?dryRun=no&watch=true&x=%20"
    assert answer.body["body"] == ("some body" if body else "")
    assert "X-Own" not in answer.headers
    uid = (await api.get(f"{PODS}/p")).body["metadata"]["uid"]
    assert node.asked[-1] == f"/tunnel/n1/portforward/root/default/p?ports=80&pod-uid={uid}"


async def test_what_the_caller_is_known_by_is_not_passed_on(api: harness.Api, node: bridgehead.Played) -> None:
    sent = {
        "Impersonate-User": "jane",
        "Impersonate-Group": "system:masters",
        "X-Remote-User": "x",
        "X-Remote-Extra-A": "x",
        "Connection": "close, X-Hop",
        "X-Hop": "1",
        "Cookie": "theirs",
        "X-Forwarded-For": "1.2.3.4",
    }
    seen = (await api.call("GET", f"{PODS}/p:80/proxy/x/", headers=sent)).body["headers"]
    lower = {name.lower(): value for name, value in seen.items()}
    gone = ("authorization", "impersonate-user", "impersonate-group", "x-remote-user", "x-remote-extra-a", "x-hop")
    assert not set(gone) & set(lower)
    assert lower["cookie"] == "theirs"
    assert lower["x-forwarded-uri"] == f"{PODS}/p:80/proxy/x/"
    assert lower["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert lower["host"] == api.url.removeprefix("http://")


async def test_without_a_slash_one_is_sent_to_the_slash(api: harness.Api, node: bridgehead.Played) -> None:
    async with api.session.get(api.url + f"{PODS}/p/proxy?a=1", headers=ADMIN, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, f"{PODS}/p/proxy/?a=1")
    assert (await api.call("POST", f"{PODS}/p/proxy", b"")).body["path"] == "/"


async def test_links_and_redirects_lead_through_the_proxy(api: harness.Api, node: bridgehead.Played) -> None:
    page = await api.get(f"{PODS}/p/proxy/page")
    assert page.body == f'<a href="{PODS}/p/proxy/there/">x</a><img src=a.png>'.encode()
    packed = await api.get(f"{PODS}/p/proxy/packed")
    assert packed.body == f'<A HREF="{PODS}/p/proxy/there?a=1&amp;b=2">'.encode()
    for to, there in (
        ("/x/", f"{PODS}/p/proxy/x/"),
        (f"http://{bridgehead.ADDRESS}:80/x", f"{PODS}/p/proxy/x"),
        ("http://169.254.169.254/secret", "http://169.254.169.254/secret"),
        ("x", "x"),
    ):
        url = api.url + f"{PODS}/p/proxy/away"
        async with api.session.get(url, params={"to": to}, headers=ADMIN, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, there)
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_backend_that_is_not_there(api: harness.Api, node: bridgehead.Played) -> None:
    refused = await api.get(f"{PODS}/p:81/proxy/")
    assert refused.code == 503
    assert refused.body["message"].startswith("error trying to reach service: ")
    assert refused.body["message"].endswith(f"dial tcp {bridgehead.ADDRESS}:81: connect: connection refused")
    assert (await api.get(f"{PODS}/absent/proxy/")).code == 404
    for name in ("ftp:p:80", "a:b:c:d", ":80", "p_"):
        assert (await api.get(f"{PODS}/{name}/proxy/")).code == 400, name
    assert (await api.get(f"{PODS}/p:99999/proxy/")).code == 503


async def test_a_service_leads_to_a_ready_pod_of_its_own(api: harness.Api, node: bridgehead.Played) -> None:
    ports = [{"name": "web", "port": 8080, "targetPort": 80}, {"name": "other", "port": 81}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}}
    await api.create(SERVICES, service)
    none = await api.get(f"{SERVICES}/s:web/proxy/")
    assert (none.code, none.body["message"]) == (503, 'no endpoints available for service "s"')
    missing = await api.get(f"{SERVICES}/s:99/proxy/")
    assert (missing.code, missing.body["message"]) == (503, 'no service port 99 found for service "s"')
    pod = (await api.get(f"{PODS}/p")).body
    endpoint = {
        "addresses": [bridgehead.ADDRESS],
        "conditions": {"ready": True},
        "targetRef": {"kind": "Pod", "name": "p", "namespace": "default", "uid": pod["metadata"]["uid"]},
    }
    piece = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "endpoints": [endpoint],
        "ports": [{"name": "web", "port": 80}],
    }
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    await api.create(slices, piece)
    for name in ("s:web", "s:8080", "http:s:web"):
        answer = await api.get(f"{SERVICES}/{name}/proxy/x")
        assert (answer.code, answer.body["path"]) == (200, "/x"), name
    assert (await api.get(f"{SERVICES}/s:other/proxy/x")).code == 503
    for lie in (
        {"addresses": ["10.1.1.1"]},
        {"targetRef": {**endpoint["targetRef"], "uid": "other"}},
        {"targetRef": None},
    ):
        await api.patch(f"{slices}/s-1", {"endpoints": [{**endpoint, **lie}]})
        assert (await api.get(f"{SERVICES}/s:web/proxy/x")).code == 503, lie


async def test_websockets_pass_through(api: harness.Api, node: bridgehead.Played) -> None:
    async with api.session.ws_connect(api.url + f"{PODS}/p/proxy/socket", protocols=("talk",), headers=ADMIN) as socket:
        assert socket.protocol == "talk"
        await socket.send_str("hello")
        assert (await socket.receive()).data == "HELLO"
        await socket.send_str("x" * 300_000)
        message = await socket.receive()
        assert (message.type, len(message.data)) == (WSMsgType.TEXT, 300_000)


@pytest.mark.parametrize(("code", "seen"), [(200, 500), (302, 500), (403, 403)])
async def test_no_upgrade_without_the_backends_101(
    api: harness.Api, node: bridgehead.Played, code: int, seen: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.session.ws_connect(api.url + f"{PODS}/p/proxy/no-socket?code={code}", headers=ADMIN)
    assert refused.value.status == seen
    assert len(node.asked) == 1


async def test_a_node_answers_for_its_agent_alone(api: harness.Api, node: bridgehead.Played) -> None:
    answer = await api.get("/api/v1/nodes/n1/proxy/healthz")
    assert (answer.code, answer.body) == (200, b"line 1\nline 2\n")
    assert node.asked[-1] == "/tunnel/n1/node/root/-/-?path=/healthz&pod-uid=-"
    assert (await api.get("/api/v1/nodes/n1:10250/proxy/containerLogs/default/p/main?tailLines=1")).code == 200
    assert "/logs/root/default/p/main?tailLines=1" in node.asked[-1]
    assert (await api.get("/api/v1/nodes/n1:22/proxy/")).code == 503
    assert (await api.get("/api/v1/nodes/absent/proxy/healthz")).code == 404
    assert (await api.call("POST", "/api/v1/nodes/n1/proxy/run/default/p/main", b"")).code == 405


async def test_who_may_not_create_may_not_post(api: harness.Api, node: bridgehead.Played) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert (await api.call(method, f"{PODS}/p/proxy/", who="somebody")).code == 403
    assert node.asked == []


async def test_a_large_body_streams_both_ways(api: harness.Api, node: bridgehead.Played) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(5_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    node.ports[90] = server.sockets[0].getsockname()[1]
    sent = bytes(range(250)) * 20_000
    answer = await api.call("PUT", f"{PODS}/p:90/proxy/", sent, headers={"Content-Length": str(len(sent))})
    assert answer.body == sent
    server.close()
    await server.wait_closed()


async def test_a_backend_that_speaks_tls(api: harness.Api, node: bridgehead.Played, tmp_path: Path) -> None:
    ca = authority.create("of the backend's own", clock=clock.SystemClock())
    issued = authority.issue(ca, "backend", [], usages=["server"], clock=clock.SystemClock())
    pair = tmp_path / "pair.pem"
    pair.write_bytes(issued.certificate_pem + issued.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    runner = web.ServerRunner(web.Server(_backend))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    node.ports[443] = runner.addresses[0][1]
    answer = await api.get(f"{PODS}/https:p:443/proxy/x")
    assert (answer.code, answer.body["path"]) == (200, "/x")
    async with api.session.ws_connect(api.url + f"{PODS}/https:p:443/proxy/socket", headers=ADMIN) as socket:
        await socket.send_str("hello")
        assert (await socket.receive()).data == "HELLO"
    plain = await api.get(f"{PODS}/https:p:80/proxy/x")
    assert plain.code == 503
    await runner.cleanup()


async def test_who_leaves_leaves_nothing_running(
    api: harness.Api, node: bridgehead.Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.01)
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbegun")
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        left.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    node.ports[90] = server.sockets[0].getsockname()[1]
    async with api.session.get(api.url + f"{PODS}/p:90/proxy/", headers=ADMIN) as answer:
        assert await answer.content.readany() == b"begun"
        answer.close()
    async with asyncio.timeout(10):
        await left.wait()
    server.close()
    await server.wait_closed()
