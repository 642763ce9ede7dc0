"""A bridgehead and the node behind it, played by a test: what it was asked, and what its tunnels lead to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from bascule.control.bridgehead import tunnelling
from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"
ADDRESS = "10.9.8.7"


class Played:
    """`ports` are servers on loopback that a pod's ports lead to; `said` is what an exec hears from its process."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ports: dict[int, int] = {}
        self.address = ""

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(http.path_qs)
        verb = http.path.split("/")[3]
        if "gone" in http.path:
            text = "the pod is not on this node"
            headers = {tunnelling.MESSAGE_HEADER: text}
            return web.json_response({"message": text, "code": 404}, status=404, headers=headers)
        if verb in ("exec", "attach"):
            return await _shouting(http)
        if verb == "portforward":
            return await self._connect(http)
        return web.Response(text="line 1\nline 2\n")

    async def _connect(self, http: web.BaseRequest) -> web.StreamResponse:
        port = int(http.query["ports"])
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.get(port, 1))
        except OSError:
            text = f"dial tcp {ADDRESS}:{port}: connect: connection refused"
            return web.Response(status=502, headers={tunnelling.MESSAGE_HEADER: text})
        socket = web.WebSocketResponse(protocols=tunnelling.PROTOCOLS)
        await socket.prepare(http)

        async def outward() -> None:
            while data := await reader.read(65536):
                await socket.send_bytes(b"\x00" + data)
            await socket.send_bytes(b"\xff\x00")

        speaking = asyncio.create_task(outward())
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[:1] == b"\x00":
                writer.write(message.data[1:])
                await writer.drain()
            elif message.data == b"\xff\x00":
                writer.write_eof()
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        writer.close()
        return socket


async def _shouting(http: web.BaseRequest) -> web.StreamResponse:
    """Every line of input comes back in capitals; at the end of the input, how it ended."""
    socket = web.WebSocketResponse(protocols=tunnelling.PROTOCOLS)
    await socket.prepare(http)
    async for message in socket:
        if message.data[:1] == b"\x00":
            await socket.send_bytes(b"\x01" + message.data[1:].upper())
        elif message.data[:1] == b"\x04":
            await socket.send_bytes(b"\x01size " + message.data[1:])
        if b"die" in message.data:
            break
        if message.data == b"\xff\x00" or b"bye" in message.data:
            await socket.send_bytes(b"\x02to stderr")
            await socket.send_bytes(b'\x03{"metadata":{},"status":"Failure","message":"it failed"}')
            break
    await socket.close()
    return socket


@asynccontextmanager
async def played(api: harness.Api) -> AsyncIterator[Played]:
    """With the node n1 that it holds."""
    made = Played()
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = f"127.0.0.1:{runner.addresses[0][1]}"
    annotations = {"bascule.dev/tunnel": made.address}
    await api.create(
        "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": annotations}}
    )
    yield made
    await runner.cleanup()


async def bound_pod(api: harness.Api, name: str = "p", ports: list[Any] | None = None) -> harness.Object:
    """A pod on n1 that has its address."""
    pod = harness.pod(name)
    if ports:
        pod["spec"]["containers"][0]["ports"] = ports
    await api.create(PODS, pod)
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {}, "target": {"kind": "Node", "name": "n1"}}
    await api.create(f"{PODS}/{name}/binding", binding)
    status = {"phase": "Running", "podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}
    answer = await api.patch(f"{PODS}/{name}/status", {"status": status})
    assert answer.code == 200, answer
    body: harness.Object = answer.body
    return body
