"""Streams that the control side opens towards a node, through the node's own connection. The control side of it.

The node keeps a stream of requests open; for each it dials a stream of its own, so that every tunnel has its own
flow control. An empty message from here says that no more will follow; the node says so by ending its side.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

import grpc

from bascule.bridge import messages, transport

ATTACH_TIMEOUT_SECONDS = 10.0


class TunnelError(Exception):
    """The tunnel could not be opened; `code` is the HTTP status that says so."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Tunnel:
    """One attached stream; always `finish` it."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._finished = asyncio.Event()

    async def receive(self) -> bytes | None:
        """The next message of the node; None at the end. Raises ConnectionError when the node is gone."""
        try:
            data = await self._context.read()
        except (grpc.aio.UsageError, grpc.aio.BaseError, asyncio.InvalidStateError) as error:
            raise ConnectionError("the node ended the tunnel") from error
        return None if data is grpc.aio.EOF else bytes(data)

    async def send(self, data: bytes) -> None:
        try:
            await self._context.write(data)
        except (grpc.aio.UsageError, grpc.aio.BaseError, asyncio.InvalidStateError) as error:
            raise ConnectionError("the node ended the tunnel") from error

    async def close_sending(self) -> None:
        await self.send(b"")

    def finish(self) -> None:
        self._finished.set()

    async def wait_finished(self) -> None:
        await self._finished.wait()


class Tunnels:
    def __init__(self) -> None:
        self._nodes: dict[str, asyncio.Queue[messages.TunnelOpen]] = {}
        self._expected: dict[str, tuple[str, asyncio.Future[Tunnel]]] = {}

    def connected(self, node: str) -> bool:
        return node in self._nodes

    async def open(
        self,
        node: str,
        verb: str,
        *,
        cluster: str,
        namespace: str,
        pod: str,
        uid: str = "",
        container: str = "",
        query: Mapping[str, list[str]] | None = None,
    ) -> Tunnel:
        """An accepted tunnel. Raises TunnelError: 404 and the like from the node, 503 when it is not there."""
        requests = self._nodes.get(node)
        if requests is None:
            raise TunnelError(503, f"node {node} is not connected")
        identifier = secrets.token_hex(16)
        arrival: asyncio.Future[Tunnel] = asyncio.get_running_loop().create_future()
        self._expected[identifier] = (node, arrival)
        opening = messages.TunnelOpen(identifier, verb, cluster, namespace, pod, uid, container, query or {})
        requests.put_nowait(opening)
        tunnel = None
        try:
            async with asyncio.timeout(ATTACH_TIMEOUT_SECONDS):
                tunnel = await arrival
                first = await tunnel.receive()
            if first is None:
                raise TunnelError(502, f"node {node} ended the tunnel without an answer")
            answer = messages.decode_answer(first)
            if answer.code != 200:
                raise TunnelError(answer.code, answer.message)
            return tunnel
        except BaseException as error:
            if tunnel is not None:
                tunnel.finish()
            if isinstance(error, TimeoutError):
                raise TunnelError(504, f"node {node} did not open the tunnel in time") from error
            if isinstance(error, (ConnectionError, ValueError)):
                raise TunnelError(502, f"node {node}: {error}") from error
            raise
        finally:
            self._expected.pop(identifier, None)

    async def announce(self, node: str, context: Any) -> None:
        """Tells the node of tunnels it shall dial, for as long as its stream of requests lives."""
        requests: asyncio.Queue[messages.TunnelOpen] = asyncio.Queue()
        self._nodes[node] = requests
        try:
            while True:
                opening = await requests.get()
                async with asyncio.timeout(transport.SEND_TIMEOUT_SECONDS):
                    await context.write(messages.encode(opening))
        finally:
            if self._nodes.get(node) is requests:
                del self._nodes[node]

    async def attached(self, node: str, context: Any) -> None:
        """Hands the dialled stream to whoever waits for it, and holds it until that one is done."""
        metadata = dict(context.invocation_metadata())
        expected_node, arrival = self._expected.pop(metadata.get(transport.TUNNEL_ID, ""), ("", None))
        if arrival is None or expected_node != node or arrival.done():
            raise PermissionError("nobody waits for this tunnel")
        tunnel = Tunnel(context)
        arrival.set_result(tunnel)
        await tunnel.wait_finished()
