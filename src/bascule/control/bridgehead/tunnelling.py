"""The API server's door to the tunnels: plain streaming for logs, WebSocket for exec, attach and port-forward."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import quote

from aiohttp import WSMsgType, web

from bascule.bridge import transport, tunnels
from bascule.vocabulary import objects

STREAMED = frozenset({"logs", "node"})
PROTOCOLS = ("v5.channel.k8s.io",)
MESSAGE_SIZE_BYTES_MAX = 4 << 20
POD_UID = "pod-uid"
"""Which pod of that name the API server means: it may know a newer one than this mirror."""
MESSAGE_HEADER = "Bascule-Message"
"""Why a tunnel was refused, for clients of a WebSocket, who see no body."""
MESSAGE_MAX = 1000
LOOK_SECONDS = 1.0


class Tunnelling:
    def __init__(self, opener: tunnels.Tunnels, uid_of: Callable[[objects.Key], str]) -> None:
        self._tunnels = opener
        self._uid_of = uid_of

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info
        key = objects.Key(path["cluster"], path["namespace"], path["pod"])
        verb = path["verb"]
        query = {name: request.query.getall(name) for name in request.query if name != POD_UID}
        try:
            tunnel = await self._tunnels.open(
                path["node"],
                verb,
                cluster=key.cluster,
                namespace=key.namespace,
                pod=key.name,
                uid=request.query.get(POD_UID) or self._uid_of(key),
                container=path.get("container", ""),
                query=query,
            )
        except tunnels.TunnelError as error:
            headers = {MESSAGE_HEADER: quote(str(error)[:MESSAGE_MAX])}
            return web.json_response({"message": str(error), "code": error.code}, status=error.code, headers=headers)
        try:
            if verb in STREAMED:
                return await self._stream(request, tunnel)
            return await self._socket(request, tunnel)
        finally:
            tunnel.finish()

    async def _stream(self, request: web.Request, tunnel: tunnels.Tunnel) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)

        async def copy() -> None:
            while (data := await tunnel.receive()) is not None:
                await response.write(data)
            await response.write_eof()

        try:
            await transport.until_first_ends(copy(), _left(request))
        except ConnectionError:
            if request.transport is not None:
                request.transport.abort()  # cut short, and so the reader sees it, as of a node that died
        return response

    async def _socket(self, request: web.Request, tunnel: tunnels.Tunnel) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            protocols=PROTOCOLS, max_msg_size=MESSAGE_SIZE_BYTES_MAX, autoping=True, compress=False
        )
        await socket.prepare(request)

        async def outward() -> None:
            async for message in socket:
                if message.type is WSMsgType.BINARY and message.data:
                    await tunnel.send(message.data)
            # The client is gone; the node learns it as the stream ends.

        async def inward() -> None:
            while (data := await tunnel.receive()) is not None:
                await socket.send_bytes(data)

        try:
            await transport.until_first_ends(outward(), inward())
        except ConnectionError:
            pass
        finally:
            async with asyncio.timeout(5.0):
                await socket.close()
        return socket


async def _left(request: web.Request) -> None:
    """Returns when the reader is gone: of a log without a word nobody would notice."""
    while (held := request.transport) is not None and not held.is_closing():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(LOOK_SECONDS)
