"""Asks the node's own resolvers for names outside the cluster.

Bounded: at most ``PENDING_MAX`` questions are under way, each for ``TIMEOUT_SECONDS``; what exceeds that is answered
with a failure rather than queued. Nothing is cached here: the resolvers behind do that.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

PENDING_MAX = 1000
TIMEOUT_SECONDS = 2.0


class Unanswered(Exception):
    """No resolver answered in time, or there is none."""


def system_resolvers(path: Path = Path("/etc/resolv.conf"), *, but_not: frozenset[str] = frozenset()) -> list[str]:
    """The addresses in the node's resolv.conf, without our own (a loop)."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [w[1] for w in words if len(w) > 1 and w[0] == "nameserver" and w[1] not in but_not]


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, query: bytes, answer: asyncio.Future[bytes]) -> None:
        self._query = query
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.sendto(self._query)  # type: ignore[attr-defined]

    def datagram_received(self, data: bytes, addr: object) -> None:
        if data[:2] == self._query[:2] and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(Unanswered(str(exc)))


class Forwarder:
    def __init__(self, resolvers: list[str]) -> None:
        self._resolvers = [_host_and_port(text) for text in resolvers]
        self._pending = 0

    async def ask(self, query: bytes) -> bytes:
        """The first resolver's answer, else the next one's. Raises Unanswered."""
        if self._pending >= PENDING_MAX:
            raise Unanswered(f"{PENDING_MAX} questions are under way already")
        self._pending += 1
        try:
            for address in self._resolvers:
                try:
                    return await self._ask_one(query, address)
                except (TimeoutError, OSError, Unanswered):
                    continue
            raise Unanswered("no resolver answered")
        finally:
            self._pending -= 1

    async def _ask_one(self, query: bytes, address: tuple[str, int]) -> bytes:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Exchange(query, answer), remote_addr=address)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await answer
        finally:
            transport.close()


def _host_and_port(text: str) -> tuple[str, int]:
    """``192.0.2.1``, ``192.0.2.1:5353`` or an IPv6 address without a port."""
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, 53
