"""Logs and exec through a bridgehead that this test plays."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def asked(api: harness.Api) -> AsyncIterator[list[str]]:
    """What the bridgehead was asked for, by path and query."""
    seen: list[str] = []

    async def handle(http: web.BaseRequest) -> web.StreamResponse:
        seen.append(http.path_qs)
        if "/exec/" in http.path:
            socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
            await socket.prepare(http)
            async for message in socket:
                await socket.send_bytes(b"\x01" + message.data[1:].upper())
                if b"bye" in message.data:
                    await socket.close()
            return socket
        if "gone" in http.path:
            return web.json_response({"message": "the pod is not on this node", "code": 404}, status=404)
        return web.Response(text="line 1\nline 2\n")

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    annotations = {"bascule.dev/tunnel": f"127.0.0.1:{port}"}
    await api.create(
        "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": annotations}}
    )
    yield seen
    await runner.cleanup()


async def _pod(api: harness.Api, name: str = "p") -> None:
    await api.create(PODS, harness.pod(name))
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {}, "target": {"kind": "Node", "name": "n1"}}
    await api.create(f"{PODS}/{name}/binding", binding)


async def test_logs_are_passed_on_with_their_query(api: harness.Api, asked: list[str]) -> None:
    await _pod(api)
    answer = await api.get(f"{PODS}/p/log?tailLines=2&follow=true")
    assert (answer.code, answer.body) == (200, b"line 1\nline 2\n")
    uid = (await api.get(f"{PODS}/p")).body["metadata"]["uid"]
    assert asked == [f"/tunnel/n1/logs/root/default/p/main?tailLines=2&follow=true&pod-uid={uid}"]


async def test_logs_that_cannot_be_had_say_why(api: harness.Api, asked: list[str]) -> None:
    await api.create(PODS, harness.pod("waiting"))
    waiting = await api.get(f"{PODS}/waiting/log")
    assert (waiting.code, waiting.body) == (200, b"")
    await _pod(api, "gone")
    gone = await api.get(f"{PODS}/gone/log")
    assert (gone.code, gone.body["message"]) == (400, "the pod is not on this node")
    unknown = await api.get(f"{PODS}/gone/log?container=other")
    assert unknown.body["message"] == "container other is not valid for pod gone"
    await api.patch("/api/v1/nodes/n1", {"metadata": {"annotations": None}})
    away = await api.get(f"{PODS}/gone/log")
    assert (away.code, away.body["reason"]) == (503, "ServiceUnavailable")


async def test_exec_relays_messages_both_ways_until_the_node_ends(api: harness.Api, asked: list[str]) -> None:
    await _pod(api)
    url = f"{api.url}{PODS}/p/exec?command=cat&command=-n&stdin=true&stdout=true"
    headers = {"Authorization": "Bearer admin"}
    async with api.session.ws_connect(url, protocols=("v5.channel.k8s.io",), headers=headers) as socket:
        assert socket.protocol == "v5.channel.k8s.io"
        await socket.send_bytes(b"\x00hello")
        assert await socket.receive_bytes() == b"\x01HELLO"
        await socket.send_bytes(b"\x00bye")
        assert await socket.receive_bytes() == b"\x01BYE"
        assert (await socket.receive_bytes())[0] == 3  # The node ended without a word on how: that is no success.
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert asked[0].startswith(
        "/tunnel/n1/exec/root/default/p/main?command=cat&command=-n&stdin=true&stdout=true&pod-uid="
    )


async def test_exec_needs_a_websocket(api: harness.Api, asked: list[str]) -> None:
    await _pod(api)
    answer = await api.call("POST", f"{PODS}/p/exec?command=ls&stdout=true")
    assert answer.code == 400
    assert "Upgrade request required" in answer.body["message"]
