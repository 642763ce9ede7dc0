"""What both ends agree on about gRPC: methods, options, credentials, back-off, and how tasks of a stream end.

One connection carries everything; messages of `desired` are protobuf (delta xDS), all others plain bytes.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import grpc

SERVICE = "bascule.bridge.v1.Bridge"
DESIRED = f"/{SERVICE}/Desired"
ACTUAL = f"/{SERVICE}/Actual"
TUNNELS = f"/{SERVICE}/Tunnels"
ATTACH = f"/{SERVICE}/Attach"
RENEW = f"/{SERVICE}/Renew"
TUNNEL_ID = "bascule-tunnel"

MESSAGE_SIZE_BYTES_MAX = 64 << 20
SEND_TIMEOUT_SECONDS = 30.0
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 5.0
"""How long a node believes in a bridgehead that does not answer its beats."""

_MESSAGE_OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_SIZE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_SIZE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
]
CLIENT_OPTIONS = [
    *_MESSAGE_OPTIONS,
    ("grpc.enable_retries", 0),
    # A node that comes back must not be kept waiting by a back-off inside the channel: `Backoff` is the only one.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Each attempt is a connection of its own, with the certificate as it is now.
    ("grpc.use_local_subchannel_pool", 1),
]
SERVER_OPTIONS = [
    *_MESSAGE_OPTIONS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.so_reuseport", 0),
]


@dataclass(frozen=True)
class Credentials:
    """Where this end's PEM files are; read again for each connection, so that a renewal needs no restart."""

    certificate: Path
    key: Path
    ca: Path

    @classmethod
    def of_node(cls, directory: Path) -> Self:
        """The layout of a node's directory: node.crt, node.key, ca.crt."""
        return cls(directory / "node.crt", directory / "node.key", directory / "ca.crt")

    def for_client(self) -> Any:
        return grpc.ssl_channel_credentials(self.ca.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes())

    def for_server(self) -> Any:
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return grpc.ssl_server_credentials([pair], self.ca.read_bytes(), require_client_auth=True)


class Backoff:
    """Exponential with full jitter: 5,000 nodes that lost the same bridgehead do not come back as one."""

    def __init__(self, source: random.Random, *, first_seconds: float = 0.2, longest_seconds: float = 2.5) -> None:
        self._source = source
        self._first_seconds = first_seconds
        self._longest_seconds = longest_seconds
        self._failures = 0

    def succeeded(self) -> None:
        self._failures = 0

    def pause_seconds(self) -> float:
        ceiling = min(self._longest_seconds, self._first_seconds * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._source.uniform(ceiling / 4, ceiling)


async def begun(call: Any) -> None:
    """Returns once the other end has taken the stream in. Raises ConnectionError with its reason otherwise."""
    await call.initial_metadata()
    if call.done():
        raise ConnectionError(await call.details() or f"the stream ended ({(await call.code()).name})")


async def until_first_ends(*parts: Coroutine[Any, Any, None]) -> None:
    """Runs the parts of one stream together; when one ends or fails, the others are cancelled and awaited.
    Raises the first failure."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
