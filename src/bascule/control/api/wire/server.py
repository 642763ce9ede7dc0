"""The HTTP end: aiohttp without its router, one handler, TLS with optional client certificates."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from bascule.control.api import dispatch
from bascule.control.api import platform as platforms
from bascule.control.api.custom import lifecycle
from bascule.control.api.documents import server_paths
from bascule.control.api.upkeep import compaction, essentials, expiry, presence
from bascule.control.api.wire import accepting
from bascule.vocabulary import builtins

_BACKLOG: Final = 1024
_HANDSHAKE_SECONDS: Final = 10.0
_SHUTDOWN_SECONDS: Final = 2.0
_PORT_ATTEMPTS: Final = 8


class Server:
    """A platform being served. `start`, then `stop`, once each."""

    def __init__(
        self,
        platform: platforms.Platform,
        *,
        connections_max: int = 0,
        head_seconds: float = accepting.HEAD_SECONDS,
    ) -> None:
        """The bounds are those of `accepting.Connections`."""
        self._platform = platform
        self._paths = server_paths.ServerPaths(platform)
        self.dispatcher = dispatch.Dispatcher(platform, self._paths)
        self._connections = accepting.Connections(
            platform, self.dispatcher, connections_max=connections_max, head_seconds=head_seconds
        )
        self._runner = web.ServerRunner(self._connections)
        self._servers: list[asyncio.Server] = []
        self._tickers: list[asyncio.Task[None]] = []

    async def start(self, listeners: Iterable[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Serves on bound sockets; without `tls` in plain HTTP (tests only)."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        handshake = _HANDSHAKE_SECONDS if tls is not None else None
        for listener in listeners:
            serving = await loop.create_server(
                self._connections, sock=listener, ssl=tls, backlog=_BACKLOG, ssl_handshake_timeout=handshake
            )
            self._servers.append(serving)
        time = self._platform.time
        events = self._platform.endpoint_of(builtins.EVENTS).records
        self._tickers = [
            asyncio.create_task(compaction.run(self._platform.store, time), name="compaction"),
            asyncio.create_task(expiry.run(events, time), name="expiry of events"),
            asyncio.create_task(lifecycle.Lifecycle(self._platform).run(), name="lifecycle of definitions"),
            asyncio.create_task(presence.run(self._platform), name="presence"),
            asyncio.create_task(essentials.run(self._platform), name="essentials"),
        ]
        self._platform.cache.settle()

    async def stop(self) -> None:
        """Ends watches cleanly, lets running requests finish for a moment, closes caches and store."""
        self._paths.stopping = True
        for serving in self._servers:
            serving.close()
        for ticker in self._tickers:
            ticker.cancel()
        await asyncio.gather(*self._tickers, return_exceptions=True)
        self._platform.watches.close()
        self._platform.slow.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_SECONDS):
                await self._runner.cleanup()
        await self._platform.bridge.close()
        await self._platform.custom.webhooks.close()
        await self._platform.cache.close()
        await self._platform.store.close()


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Sockets bound to one port of every host, 0 for any that all have free.

    OSError when the port is taken, with the host as its `filename`.
    """
    for attempt in range(_PORT_ATTEMPTS):
        listeners: list[socket.socket] = []
        try:
            for host in dict.fromkeys(hosts):
                free = listeners[0].getsockname()[1] if listeners else port
                listeners.append(_bound(host, free, alone=len(hosts) == 1))
        except OSError as error:
            for listener in listeners:
                listener.close()
            if port or not listeners or error.errno != errno.EADDRINUSE or attempt == _PORT_ATTEMPTS - 1:
                raise
        else:
            return listeners
    raise AssertionError("unreachable")


def _bound(host: str, port: int, *, alone: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not alone)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        error.filename = host
        raise
    return listener


def tls_context(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """TLS 1.2 and later; a client certificate is welcome, and must be ours when it is shown.

    There are no tickets: hardly a client comes back with one, and they are a quarter of what a connection costs.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def client_tls(certificate: Path, key: Path, ca: Path) -> ssl.SSLContext:
    """How this server shows itself to a bridgehead."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca))
    context.load_cert_chain(certificate, key)
    return context
