"""pods/exec and pods/attach: a client over WebSocket or SPDY, the node over its tunnel, messages of v5 between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import aiohttp
import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import options
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import channels, multiplex, pipe, target, upgrading
from bascule.vocabulary import errors

_STREAMS_SECONDS: Final = 30.0
"""How long a SPDY client may take to open the streams it asked for."""
_LINGER_SECONDS: Final = 5.0
_RESIZE_MAX_BYTES: Final = 4096
_LOST: Final = bytes([channels.STATUS]) + orjson.dumps(
    errors.internal("the connection to the pod's node was lost before the session ended").status()
)
_FLAGS: Final = ("stdin", "stdout", "stderr", "tty")


class Client(Protocol):
    async def receive(self) -> bytes | None:
        """The next message; None when the client has left."""

    async def send(self, message: bytes) -> None: ...


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """Until either side ends."""
    http, given = call.request(), call.parameters
    kind = upgrading.kind(http)
    flags = wanted(given)
    pod = target.pod(call)
    place = target.place(platform, pod, target.container(pod, given.get("container", "")))
    query = [("command", word) for word in given.all("command")] if call.subresource == "exec" else []
    query += [(name, "true") for name in _FLAGS if flags[name]]
    if kind == "spdy":
        protocol = upgrading.chosen(http, channels.SPDY_PROTOCOLS, spdy=True)
    else:
        protocol = upgrading.chosen(http, channels.PROTOCOLS)
    node = await platform.bridge.connect(call.subresource, place, query)
    try:
        if kind == "spdy":
            return await _spdy(http, protocol, flags, node)
        async with upgrading.websocket(http, protocol) as socket:
            client = SocketClient(socket, protocol)
            if protocol != channels.V5:
                await client.greet(flags)
            await relay(client, node, flags)
        return socket
    finally:
        await node.close()


def wanted(given: options.Parameters) -> dict[str, bool]:
    """Which streams the client wants; 400 for none, or for what a terminal cannot give."""
    flags = {name: given.flag(name) for name in _FLAGS}
    if not any(flags[name] for name in _FLAGS[:3]):
        raise errors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if flags["tty"]:
        flags["stderr"] = False
    return flags


async def relay(client: Client, node: aiohttp.ClientWebSocketResponse, flags: dict[str, bool]) -> None:
    """Passes messages both ways, each taken before the next, until either side ends."""
    muted = {channel for channel, name in ((1, "stdout"), (2, "stderr")) if not flags[name]}
    if not flags["stdin"]:
        muted |= {channels.STDIN}

    async def inward() -> None:
        async for message in node:
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
            if message.data and message.data[0] not in muted:
                await client.send(message.data)
            if message.data[:1] == bytes([channels.STATUS]):
                return
        await client.send(_LOST)  # Without a status an end would look like success.

    async def outward() -> None:
        while (message := await client.receive()) is not None:
            if message[0] not in muted:
                await node.send_bytes(message)

    await until_first_ends(inward(), outward())


async def until_first_ends(*ways: Awaitable[None]) -> None:
    """Runs all until one ends; a peer that has left is no failure."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                await task


class SocketClient:
    def __init__(self, socket: web.WebSocketResponse, protocol: str) -> None:
        self._socket = socket
        self._protocol = protocol

    async def greet(self, flags: dict[str, bool]) -> None:
        """An empty message on the lowest channel, by which older clients know that the connection stands."""
        channel = next((number for number, name in ((1, "stdout"), (2, "stderr")) if flags[name]), channels.STATUS)
        await self._send(bytes([channel]))

    async def receive(self) -> bytes | None:
        async for message in self._socket:
            if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                known = channels.from_client(message.data, self._protocol)
                if known is not None:
                    return known
        return None

    async def send(self, message: bytes) -> None:
        await self._send(message)

    async def _send(self, message: bytes) -> None:
        if message[:1] == b"\x03" and len(message) == 1:
            said: bytes | str | None = "3" if "base64" in self._protocol else message
        else:
            said = channels.to_client(message, self._protocol)
        if isinstance(said, str):
            await self._socket.send_str(said)
        elif said is not None:
            await self._socket.send_bytes(said)


async def _spdy(
    http: web.BaseRequest, protocol: str, flags: dict[str, bool], node: aiohttp.ClientWebSocketResponse
) -> web.StreamResponse:
    answer = await upgrading.spdy(http, protocol)
    client = SpdyClient(flags, protocol)
    connection = multiplex.Connection(answer.pipe, client.opened)
    running = asyncio.create_task(connection.run())
    running.add_done_callback(lambda _: client.left())
    try:
        async with asyncio.timeout(_STREAMS_SECONDS):
            await client.complete()
        await relay(client, node, flags)
        await client.end()
        await asyncio.wait([running], timeout=_LINGER_SECONDS)  # The client reads to the end, then leaves.
    except (ConnectionError, TimeoutError):
        pass
    finally:
        client.cancel()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return answer


class SpdyClient:
    """One stream for each channel, by the header `streamtype`."""

    def __init__(self, flags: dict[str, bool], protocol: str) -> None:
        self._protocol = protocol
        names = ["error", *(name for name in _FLAGS[:3] if flags[name])]
        if flags["tty"] and protocol in channels.SPDY_PROTOCOLS[:2]:
            names.append("resize")
        self._missing = set(names)
        self._streams: dict[str, multiplex.Stream] = {}
        self._complete = asyncio.Event()
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue(16)
        self._reading: list[asyncio.Task[None]] = []
        self._gone = False

    def opened(self, stream: multiplex.Stream) -> None:
        """Called for each stream that the client opens."""
        name = stream.headers.get("streamtype", "")
        if name not in self._missing:
            self._reading.append(asyncio.create_task(stream.reset()))
            return
        self._missing.discard(name)
        self._streams[name] = stream
        if not self._missing:
            self._complete.set()

    async def complete(self) -> None:
        """Returns once every stream is there. Raises ConnectionError when the client has left before."""
        await self._complete.wait()
        if self._gone:
            raise ConnectionResetError("the client has left")
        readers: dict[str, Callable[[multiplex.Stream], Any]] = {"stdin": self._read_input, "resize": self._read_sizes}
        for name, read in readers.items():
            if name in self._streams:
                self._reading.append(asyncio.create_task(read(self._streams[name])))

    def left(self) -> None:
        """Called when the connection has ended."""
        self._gone = True
        self._complete.set()
        self._reading.append(asyncio.create_task(self._inbox.put(None)))

    async def _read_input(self, stream: multiplex.Stream) -> None:
        while data := await stream.read():
            for begin in range(0, len(data), pipe.BLOCK_BYTES):
                await self._inbox.put(bytes([channels.STDIN]) + data[begin : begin + pipe.BLOCK_BYTES])
        await self._inbox.put(bytes([channels.CLOSE, channels.STDIN]))

    async def _read_sizes(self, stream: multiplex.Stream) -> None:
        pending = b""
        while data := await stream.read():
            *whole, pending = (pending + data).split(b"\n")
            pending = pending[:_RESIZE_MAX_BYTES]
            for size in whole:
                await self._inbox.put(bytes([channels.RESIZE]) + size)

    async def receive(self) -> bytes | None:
        return await self._inbox.get()

    async def send(self, message: bytes) -> None:
        channel, data = message[0], message[1:]
        if channel == channels.STATUS:
            text = channels.plain_status(data) if channels.is_plain(self._protocol) else data
            if text:
                await self._streams["error"].write(text)
        elif channel in (channels.STDOUT, channels.STDERR):
            stream = self._streams.get("stdout" if channel == channels.STDOUT else "stderr")
            if stream is not None:
                await stream.write(data)

    async def end(self) -> None:
        """Ends our half of every stream: what was sent is all there is."""
        for stream in self._streams.values():
            await stream.end()

    def cancel(self) -> None:
        for task in self._reading:
            task.cancel()
