"""A lean HTTP/1.1 client over asyncio protocols: it must cost less than the servers it measures.

One request at a time on a connection, answered by a callback; ``ask`` wraps that in a future. Understands
Content-Length and chunked bodies, and no compression, for which it never asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from bench.target import Target

Answered = Callable[["Connection", int, bytes], None]


class BadAnswer(Exception):
    """The server answered with an error where success was expected, or went away."""


class Connection(asyncio.Protocol):
    def __init__(self, on_answer: Answered) -> None:
        self._on_answer = on_answer
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._body_at = 0
        self._wanted: int | None = None
        self._status = 0
        self.on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost()

    def send(self, request: bytes) -> None:
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        self.on_lost = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._body_at and not self._head():
            return
        if self._wanted is not None:
            if len(received) < self._body_at + self._wanted:
                return
            body = bytes(received[self._body_at : self._body_at + self._wanted])
        else:
            if not received.endswith(b"0\r\n\r\n"):
                return
            body = _unchunked(received, self._body_at)
        status = self._status
        received.clear()
        self._body_at = 0
        self._on_answer(self, status, body)

    def _head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        self._status = int(head[9:12])
        self._body_at = end + 4
        at = head.find(b"\r\ncontent-length:")
        self._wanted = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else None
        if self._wanted is None and b"\r\ntransfer-encoding:" not in head:
            self._wanted = 0
        return True


def _unchunked(received: bytearray, at: int) -> bytes:
    parts: list[bytearray] = []
    while True:
        end = received.index(b"\r\n", at)
        size = int(received[at:end], 16)
        if not size:
            return b"".join(parts)
        parts.append(received[end + 2 : end + 2 + size])
        at = end + 4 + size


async def connect(target: Target, on_answer: Answered) -> Connection:
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: Connection(on_answer), target.host, target.port, ssl=target.tls)
    return protocol


async def ask(target: Target, request: bytes, *, timeout_seconds: float = 120) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

    def answered(_: Connection, status: int, body: bytes) -> None:
        if not answer.done():
            answer.set_result((status, body))

    def lost() -> None:
        if not answer.done():
            answer.set_exception(BadAnswer("the server closed the connection"))

    connection = await connect(target, answered)
    connection.on_lost = lost
    try:
        connection.send(request)
        async with asyncio.timeout(timeout_seconds):
            return await answer
    finally:
        connection.close()


async def expect(target: Target, request: bytes, *allowed: int) -> bytes:
    """The body of an answer whose status is 2xx or one of ``allowed``; else BadAnswer with what the server said."""
    status, body = await ask(target, request)
    if status // 100 != 2 and status not in allowed:
        raise BadAnswer(f"{request[:100].split(b' HTTP')[0].decode()}: {status} {body[:500].decode(errors='replace')}")
    return body
