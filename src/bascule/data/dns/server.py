"""Listens on UDP and TCP and answers: ours from the zone, the rest from the node's resolvers.

A malformed query gets a format error or, when nothing of it can be read, silence; it costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Self, cast

import dnslib

from bascule.data.dns import forward, wire
from bascule.data.dns.zone import Zone

FORMAT_ERROR, FAILURE, REFUSED = 1, 2, 5
TCP_IDLE_SECONDS = 10.0
TCP_CONNECTIONS_MAX = 100


class Server:
    """One address, both transports."""

    def __init__(self, zone: Zone, forwarder: forward.Forwarder) -> None:
        self._answers = wire.Answers(zone)
        self._forwarder = forwarder
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._listener: asyncio.Server | None = None
        self.queries = 0

    def replace_zone(self, zone: Zone) -> None:
        self._answers = wire.Answers(zone)

    async def start(self, address: str, port: int) -> int:
        """Binds UDP and TCP to the same port, which is returned (0 picks one). Raises OSError."""
        loop = asyncio.get_running_loop()
        self._listener = await asyncio.start_server(self._serve_stream, address, port)
        port = self._listener.sockets[0].getsockname()[1]
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(address, port))
        return port

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._listener is not None:
            self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def answer_now(self, query: bytes) -> bytes | None:
        """The answer when it needs nobody else; None when the question must be forwarded."""
        self.queries += 1
        stored = self._answers.stored(query)
        if stored is not None:
            return stored
        try:
            record = wire.parse(query)
            question = wire.question_of(record)
            if not self._answers.zone.owns(question.name):
                return None
            return self._answers.answer(query, record, question)
        except (dnslib.DNSError, ValueError, IndexError, struct.error, UnicodeError):
            return wire.refusal(query, FORMAT_ERROR)

    async def forwarded(self, query: bytes) -> bytes:
        try:
            return await self._forwarder.ask(query)
        except forward.Unanswered:
            return wire.refusal(query, FAILURE)

    def datagram(self, query: bytes, sender: tuple[str, int], transport: asyncio.DatagramTransport) -> None:
        if len(query) < wire.HEADER_BYTES:
            return
        answer = self.answer_now(query)
        if answer is not None:
            transport.sendto(wire.fitted(answer), sender)
            return
        task = asyncio.ensure_future(self._forward_datagram(query, sender, transport))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward_datagram(
        self, query: bytes, sender: tuple[str, int], transport: asyncio.DatagramTransport
    ) -> None:
        transport.sendto(await self.forwarded(query), sender)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            while self._connections <= TCP_CONNECTIONS_MAX:
                async with asyncio.timeout(TCP_IDLE_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    query = await reader.readexactly(size)
                if len(query) < wire.HEADER_BYTES:
                    return
                answer = self.answer_now(query) or await self.forwarded(query)
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            return
        finally:
            self._connections -= 1
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._server.datagram(data, addr, self._transport)
