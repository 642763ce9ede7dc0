"""Bytes both ways with backpressure: what a connection becomes once it has been upgraded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

BLOCK_BYTES: Final = 32 * 1024
_UNREAD_MAX_BYTES: Final = 256 * 1024


class Pipe(Protocol):
    async def read(self) -> bytes:
        """What has come; b"" at the end, however it came about."""

    async def write(self, data: bytes) -> None:
        """Returns when more may follow. Raises ConnectionError when nobody is there."""

    async def end(self) -> None:
        """No more from here; where the pipe has no such thing, nothing."""


class SocketPipe:
    """The payload of a WebSocket's binary messages, one after the other."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                if message.data:
                    return bytes(message.data)
            elif message.type is not aiohttp.WSMsgType.TEXT:
                return b""

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def end(self) -> None:
        await self._socket.close()


class RawPipe:
    """aiohttp's connection, taken over: it hands what it receives to `feed_data`."""

    def __init__(self, http: web.BaseRequest) -> None:
        self._http = http
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._arrived = asyncio.Event()
        self._ended = False
        self._paused = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp."""
        self._parts.append(bytes(data))
        self._size_bytes += len(data)
        transport = self._http.transport
        if self._size_bytes > _UNREAD_MAX_BYTES and transport is not None and not self._paused:
            self._paused = True
            transport.pause_reading()
        self._arrived.set()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp."""
        self._ended = True
        self._arrived.set()

    async def read(self) -> bytes:
        while not self._parts:
            if self._ended:
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = b"".join(self._parts)
        self._parts.clear()
        self._size_bytes = 0
        transport = self._http.transport
        if self._paused and transport is not None and not transport.is_closing():
            self._paused = False
            transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        transport = self._http.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(data)
        await self._http.writer.drain()

    async def end(self) -> None:
        """The connection ends with the answer."""


class Upgraded(web.StreamResponse):
    """An answer whose head (101) and all that follows go over its `pipe`; the connection ends with it."""

    def __init__(self, http: web.BaseRequest) -> None:
        super().__init__(status=101)
        self.pipe = RawPipe(http)
        self._http = http

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Sends the head."""
        lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        await self.begin_raw("\r\n".join(lines).encode("latin-1"))

    async def begin_raw(self, head: bytes) -> None:
        """Sends a head that is complete, and takes the connection over."""
        protocol: Any = self._http.protocol
        protocol.set_parser(self.pipe)
        await self.pipe.write(head)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None

    @property
    def prepared(self) -> bool:
        return True

    @property
    def keep_alive(self) -> bool | None:
        return False
