"""A WebSocket client for containerd's streaming server on loopback: as much of RFC 6455 as an attach needs.

One small file instead of an HTTP library in every node's memory. Messages are those of `channel.k8s.io`: a
byte that names the channel, then data. No extensions, no fragments of our own.
"""

from __future__ import annotations

import asyncio
import base64
import os
from urllib.parse import urlsplit

from bascule.data.runtime import contract

PROTOCOL = "v4.channel.k8s.io"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0


class WebSocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        await self._frame(BINARY, data)

    async def receive(self) -> bytes | None:
        """The next message, None at the end."""
        parts = b""
        try:
            while True:
                first, second = await self._reader.readexactly(2)
                size = second & 127
                if size > 125:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                body = await self._reader.readexactly(size)
                kind, last = first & 15, bool(first & 128)
                if kind == CLOSE:
                    return None
                if kind == PING:
                    await self._frame(PONG, body)
                elif kind in (CONTINUATION, TEXT, BINARY):
                    parts += body
                    if last:
                        return parts
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Says so and lets the other end close: a connection cut with anything unread takes what was sent with it."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._frame(CLOSE, b"")
                while await self._reader.read(4096):
                    pass
        except (ConnectionError, TimeoutError):
            pass
        finally:
            self._writer.close()

    async def _frame(self, kind: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = bytes([128 | kind, 128 | size])
        elif size < 1 << 16:
            head = bytes([128 | kind, 128 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([128 | kind, 128 | 127]) + size.to_bytes(8, "big")
        self._writer.write(head + bytes(4) + data)  # a mask of zeros: both ends are on this machine
        await self._writer.drain()


async def connect(url: str) -> WebSocket:
    """RuntimeFault where the server refuses."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            lines = [
                f"GET {parts.path}?{parts.query} HTTP/1.1",
                f"Host: {parts.netloc}",
                f"Origin: http://{parts.netloc}",
                "Upgrade: websocket",
                "Connection: Upgrade",
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Protocol: {PROTOCOL}",
            ]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            head = await reader.readuntil(b"\r\n\r\n")
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise contract.RuntimeFault("Unattachable", f"containerd's streaming server: {error!r}") from error
    if head.split(b" ", 2)[1] != b"101":
        writer.close()
        first = head.partition(b"\r\n")[0].decode("latin-1")
        raise contract.RuntimeFault("Unattachable", f"containerd's streaming server refused: {first}")
    return WebSocket(reader, writer)
