"""pods/portforward: many connections to a pod's ports, over SPDY, over SPDY within a WebSocket, or over channels.

Each connection is one of its own from the node to the pod, with its own flow control, and fails alone.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Coroutine
from typing import Any, Final

import aiohttp
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import options
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge, multiplex, pipe, sessions, target, upgrading
from bascule.vocabulary import errors, objects

_SPDY: Final = ("portforward.k8s.io",)
_TUNNELLED: Final = "SPDY/3.1+portforward.k8s.io"
_CHANNELS: Final = ("v4.channel.k8s.io", "portforward.k8s.io")
_PAIR_SECONDS: Final = 30.0
"""How long a connection's second stream may be missing."""
_PORTS_MAX: Final = 64


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """Until the client leaves."""
    http = call.request()
    kind = upgrading.kind(http)
    pod = target.pod(call)
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        raise errors.bad_request(f"pod {call.name} is not running: nothing listens in it")
    ports = Ports(platform.bridge, target.place(platform, pod), objects.uid(pod))
    if kind == "spdy":
        answer = await upgrading.spdy(http, upgrading.chosen(http, _SPDY, spdy=True))
        await Pairs(ports).run(answer.pipe)
        return answer
    protocol = upgrading.chosen(http, (_TUNNELLED, *_CHANNELS))
    numbers = [] if protocol == _TUNNELLED else asked(call.parameters)
    async with upgrading.websocket(http, protocol) as socket:
        if protocol == _TUNNELLED:
            await Pairs(ports).run(pipe.SocketPipe(socket))
        else:
            await _by_channels(socket, ports, numbers)
    return socket


def asked(given: options.Parameters) -> list[int]:
    """The ports in the query, repeated or with commas; 400 for what is none."""
    words = [word for text in given.all("ports") for word in text.split(",")]
    if not words:
        raise errors.bad_request('query parameter "ports" is required')
    if len(words) > _PORTS_MAX:
        raise errors.bad_request(f"at most {_PORTS_MAX} ports can be forwarded at once")
    return [number(word) for word in words]


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise errors.bad_request(f'unable to parse "{text[:40]}" as a port')
    return int(text)


class Ports:
    """One pod's."""

    def __init__(self, way: bridge.Bridge, place: bridge.Place, uid: str) -> None:
        self._bridge = way
        self._place = place
        self._uid = uid

    async def forward(self, port: int, one: pipe.Pipe) -> str:
        """Connects `one` with the port until both have ended; what went wrong, or ""."""
        try:
            link = await self._bridge.dial(self._place, port, loopback=True)
        except errors.StatusError as error:
            return self._failed(port, error.message)
        try:
            await bridge.splice(one, link)
        except ConnectionError as error:
            return self._failed(port, str(error))
        finally:
            await link.close()
        return ""

    def _failed(self, port: int, why: str) -> str:
        return f"error forwarding port {port} to pod {self._place.pod}, uid {self._uid}: {why}"


class Pairs:
    """SPDY: each connection is a data stream and an error stream with the same request id."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waiting: dict[str, tuple[asyncio.TimerHandle, str, multiplex.Stream]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, way: pipe.Pipe) -> None:
        try:
            await multiplex.Connection(way, self._opened).run()
        except ConnectionError:
            pass
        finally:
            for late, *_ in self._waiting.values():
                late.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _opened(self, stream: multiplex.Stream) -> None:
        kind = stream.headers.get("streamtype", "")
        port = stream.headers.get("port", "")
        valid = kind in ("data", "error") and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
        # Clients older than request ids open a connection's error stream right before its data stream.
        request = stream.headers.get("requestid") or f"#{stream.number - 2 * (kind == 'data')}"
        waiting = self._waiting.get(request)
        if not valid or (waiting is not None and waiting[1] == kind):
            self._begin(stream.reset())
        elif waiting is None:
            late = asyncio.get_running_loop().call_later(_PAIR_SECONDS, self._expire, request)
            self._waiting[request] = (late, kind, stream)
        else:
            del self._waiting[request]
            waiting[0].cancel()
            data, error = (stream, waiting[2]) if kind == "data" else (waiting[2], stream)
            self._begin(self._connect(int(port), data, error))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _expire(self, request: str) -> None:
        self._begin(self._waiting.pop(request)[2].reset())

    async def _connect(self, port: int, data: multiplex.Stream, error: multiplex.Stream) -> None:
        try:
            failure = await self._ports.forward(port, Answered(data))
            if failure:
                await error.write(failure.encode())
        except ConnectionError:
            pass
        finally:
            await error.end()
            await data.end()
            await data.reset()


class Answered:
    """A data stream that is over when the pod has said all: before that is said on the error stream too, older kubectls
    do not close what they forward, and their client, who waits for the end, does not either."""

    def __init__(self, stream: multiplex.Stream) -> None:
        self._stream = stream

    async def read(self) -> bytes:
        return await self._stream.read()

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)

    async def end(self) -> None:
        await self._stream.end()
        self._stream.cut()


class Channel:
    """One port's data channel in a WebSocket. It ends when the pod has said all: the protocol has no end of its own."""

    def __init__(self, socket: web.WebSocketResponse, number: int) -> None:
        self._socket = socket
        self._number = number
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue(8)
        self._ended = asyncio.Event()

    async def say(self, data: bytes, *, error: bool = False) -> None:
        await self._socket.send_bytes(bytes([self._number + error]) + data)

    async def push(self, data: bytes) -> None:
        """What the client sent; passed over once the pod has ended."""
        if not self._ended.is_set():
            await self._inbox.put(data)

    async def read(self) -> bytes:
        return await self._inbox.get()

    async def write(self, data: bytes) -> None:
        await self.say(data)

    async def end(self) -> None:
        self._ended.set()
        while not self._inbox.empty():
            self._inbox.get_nowait()
        self._inbox.put_nowait(b"")


async def _by_channels(socket: web.WebSocketResponse, ports: Ports, numbers: list[int]) -> None:
    """Two channels for each port, data and errors; both begin with the port. Ends when all connections have."""
    channels = [Channel(socket, 2 * index) for index in range(len(numbers))]

    async def forward(channel: Channel, port: int) -> None:
        for error in (False, True):
            await channel.say(struct.pack("<H", port), error=error)
        failure = await ports.forward(port, channel)
        if failure:
            await channel.end()
            await channel.say(failure.encode(), error=True)

    async def receive() -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY and len(message.data) > 1:
                number = message.data[0]
                if number % 2 == 0 and number // 2 < len(channels):
                    await channels[number // 2].push(bytes(message.data[1:]))

    async def every() -> None:
        await asyncio.gather(*map(forward, channels, numbers))

    await sessions.until_first_ends(receive(), every())
