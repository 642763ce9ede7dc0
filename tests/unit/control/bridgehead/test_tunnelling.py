"""The API server's door to the tunnels, with nodes that this test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web

from bascule.bridge import tunnels
from bascule.control.bridgehead import tunnelling


class Tunnel:
    """Says `inbox`; an exception among it is raised."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.sent: list[bytes] = []
        self.finished = asyncio.Event()

    def say(self, *parts: bytes | Exception | None) -> None:
        for part in parts:
            self.inbox.put_nowait(part)

    async def receive(self) -> bytes | None:
        part = await self.inbox.get()
        if isinstance(part, Exception):
            raise part
        return part

    async def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.say(data.upper())

    def finish(self) -> None:
        self.finished.set()


class Node:
    def __init__(self) -> None:
        self.opened: list[tuple[str, str, dict[str, Any]]] = []
        self.tunnel = Tunnel()

    async def open(self, node: str, verb: str, **what: Any) -> Tunnel:
        self.opened.append((node, verb, what))
        if what["pod"] == "gone":
            raise tunnels.TunnelError(404, "pod gone is not on node n1: 100% sure\n")
        return self.tunnel


class Served:
    def __init__(self, node: Node, url: str, session: aiohttp.ClientSession) -> None:
        self.node = node
        self.url = url
        self.session = session


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(tunnelling, "LOOK_SECONDS", 0.01)
    node = Node()
    handler = tunnelling.Tunnelling(node, lambda key: f"mirrored-{key.name}")  # type: ignore[arg-type]
    app = web.Application()
    app.router.add_get("/tunnel/{node}/{verb}/{cluster}/{namespace}/{pod}", handler.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Served(node, f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    await runner.cleanup()


async def test_the_pod_that_is_meant_is_named_by_its_uid(served: Served) -> None:
    served.node.tunnel.say(b"line\n", None, None)
    path = f"{served.url}/tunnel/n1/logs/root/shop/web?tailLines=1"
    async with served.session.get(path + "&pod-uid=u1") as answer:
        assert await answer.read() == b"line\n"
    async with served.session.get(path) as answer:
        assert await answer.read() == b""
    (_, verb, first), (_, _, second) = served.node.opened
    assert (verb, first["uid"], first["query"]) == ("logs", "u1", {"tailLines": ["1"]})
    assert second["uid"] == "mirrored-web"


async def test_why_a_tunnel_is_refused_is_in_body_and_header(served: Served) -> None:
    async with served.session.get(f"{served.url}/tunnel/n1/exec/root/shop/gone") as answer:
        text = (await answer.json())["message"]
        assert (answer.status, text) == (404, "pod gone is not on node n1: 100% sure\n")
        assert unquote(answer.headers[tunnelling.MESSAGE_HEADER]) == text


async def test_a_stream_cut_short_is_seen_to_be(served: Served) -> None:
    served.node.tunnel.say(b"line\n", ConnectionError("the node died"))
    with pytest.raises(aiohttp.ClientError):
        async with served.session.get(f"{served.url}/tunnel/n1/logs/root/shop/web") as answer:
            await answer.read()
    async with asyncio.timeout(10):
        await served.node.tunnel.finished.wait()


async def test_a_reader_that_left_ends_the_tunnel(served: Served) -> None:
    served.node.tunnel.say(b"line\n")
    async with served.session.get(f"{served.url}/tunnel/n1/logs/root/shop/web") as answer:
        assert await answer.content.readany() == b"line\n"
        answer.close()
    async with asyncio.timeout(10):
        await served.node.tunnel.finished.wait()


async def test_messages_pass_both_ways(served: Served) -> None:
    async with served.session.ws_connect(f"{served.url}/tunnel/n1/exec/root/shop/web") as socket:
        await socket.send_bytes(b"\x00hello")
        assert await socket.receive_bytes() == b"\x00HELLO"
        served.node.tunnel.say(None)
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert served.node.tunnel.sent == [b"\x00hello"]
    async with asyncio.timeout(10):
        await served.node.tunnel.finished.wait()
