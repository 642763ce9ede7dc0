"""Connections, from their acceptance to their end: how many there may be, and how long one may take to say something.

A client that has not sent a request's head within seconds is let go. Beyond the bound new connections are closed after
one answer, unless it is the platform itself that asks; far beyond it they are not answered at all.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from bascule.control.api import call as calls
from bascule.control.api import dispatch
from bascule.control.api import platform as platforms
from bascule.control.api.wire import conversation, request

HEAD_SECONDS: Final = 20.0
CONNECTIONS_MAX: Final = 20_000
_KEEPALIVE_SECONDS: Final = 180.0
_FILES_KEPT: Final = 512
"""Descriptors that connections never take: the store's, the bridge's, and those of the reserve."""


class Connections(web.Server):
    """Tells the dispatcher when a connection is gone, and raises the limit of bodies to the API's own."""

    def __init__(
        self,
        platform: platforms.Platform,
        dispatcher: dispatch.Dispatcher,
        *,
        connections_max: int = 0,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        """`connections_max` 0: as many as the process may open files, up to `CONNECTIONS_MAX`."""
        super().__init__(
            dispatcher.handle,
            request_factory=self._request,
            access_log=None,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            max_line_size=request.HEAD_MAX_BYTES,
            max_field_size=request.HEAD_MAX_BYTES,
        )
        self._platform = platform
        self._dispatcher = dispatcher
        self._max = connections_max or affordable()
        self._open = 0
        self._head_seconds = head_seconds
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> RequestHandler:
        loop = asyncio.get_running_loop()
        return conversation.Conversation(self, self._dispatcher, loop=loop, heard=self._heard, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._count(1)
        if self._open > self._max + _FILES_KEPT // 2:
            transport.abort()
            return
        described = transport.get_extra_info("peercert")
        if described:
            # Kept for as long as the connection, and read by nobody: `connections` asks TLS itself, once.
            described.clear()
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._head_seconds, transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self._heard(handler)
        self._platform.watches.connection_lost(handler)
        self._dispatcher.connections.connection_lost(handler)
        super().connection_lost(handler, exc)
        self._count(-1)

    def _count(self, change: int) -> None:
        self._open += change
        self._dispatcher.crowded = self._open > self._max

    def _heard(self, handler: RequestHandler) -> None:
        timer = self._silent.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        self._heard(protocol)
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=calls.BODY_MAX_BYTES + 1)


def affordable() -> int:
    """How many connections the process has files for; takes as many as the system grants."""
    soft: int
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CONNECTIONS_MAX + 2 * _FILES_KEPT
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(min(soft - min(2 * _FILES_KEPT, soft // 2), CONNECTIONS_MAX), 64)
