"""pods, services and nodes /proxy: one HTTP request handed on to a backend, through the tunnel of its node.

Nothing the backend says makes this server connect elsewhere: redirects are handed back with their link rewritten, an
upgrade is one only when the backend says 101. Nothing by which the caller is known to this server is passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from multidict import CIMultiDict
from yarl import URL

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import backend, bridge, leaving, links, local, pages, passing
from bascule.vocabulary import errors

_HOP_BY_HOP: Final = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)
_CALLER: Final = ("authorization", "expect", "x-remote-user", "x-remote-group")
_CALLER_PREFIXES: Final = ("impersonate-", "x-remote-extra-")
_CROSS_ORIGIN: Final = tuple(f"access-control-allow-{part}" for part in ("credentials", "headers", "methods", "origin"))
_AUTOMATIC: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_HEAD_SECONDS: Final = 60.0


class Asked(NamedTuple):
    """The path as it was sent, in two: up to `proxy`, and the backend's own (`/…` or nothing); and the query."""

    prefix: str
    path: str
    query: str

    @property
    def target(self) -> str:
        """Path and query for the backend."""
        return (self.path or "/") + (f"?{self.query}" if self.query else "")


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    http = call.request()
    asked = split(http.raw_path, call)
    if call.resource.plural == "nodes":
        return await local.serve(platform, call, asked.path)
    chosen = (backend.of_pod if call.resource.plural == "pods" else backend.of_service)(platform, call)
    headers = forwarded(http, asked)
    if passing.is_upgrade(http):
        return await passing.serve(platform.bridge, http, chosen, asked.target, headers)
    if not asked.path and http.method in ("GET", "HEAD"):
        query = f"?{asked.query}" if asked.query else ""
        return web.Response(status=301, headers={"Location": f"{asked.prefix}/{query}"})
    return await leaving.unless_left(http, _forward(platform.bridge, http, chosen, asked, headers))


def split(raw_path: str, call: calls.Call) -> Asked:
    """The backend's part of the path, exactly as it came."""
    path, _, query = raw_path.partition("?")
    count = 6 + 2 * bool(call.namespace) + 2 * path.startswith("/clusters/")  # "", api, v1, <plural>, <name>, proxy
    parts = path.split("/", count)
    own = f"/{parts[count]}" if len(parts) > count else ""
    return Asked("/".join(parts[:count]), own, query)


def forwarded(http: web.BaseRequest, asked: Asked) -> CIMultiDict[str]:
    """The client's headers as the backend sees them."""
    gone = {*_HOP_BY_HOP, *_CALLER, *_named_by_connection(http.headers)}
    kept: CIMultiDict[str] = CIMultiDict(
        (name, value)
        for name, value in http.headers.items()
        if name.lower() not in gone and not name.lower().startswith(_CALLER_PREFIXES)
    )
    kept["X-Forwarded-Uri"] = links.joined(asked.prefix, asked.path or "/")
    if http.remote:
        kept["X-Forwarded-For"] = ", ".join([*kept.getall("X-Forwarded-For", []), http.remote])
    return kept


def _named_by_connection(headers: Any) -> set[str]:
    return {word.strip().lower() for line in headers.getall("Connection", []) for word in line.split(",")}


async def _forward(
    way: bridge.Bridge, http: web.BaseRequest, chosen: backend.Backend, asked: Asked, headers: CIMultiDict[str]
) -> web.StreamResponse:
    view = links.View(unquote(asked.prefix), chosen.authority, http.headers.get("Host", ""))
    url = URL(f"{chosen.scheme}://{chosen.authority}{asked.target}", encoded=True)
    body = _body(http) if http.body_exists else None
    connector = _Connector(way, chosen)
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_read=None),
        skip_auto_headers=_AUTOMATIC,
    )
    try:
        async with session:
            try:
                answer = await session.request(
                    http.method, url, headers=headers, data=body, allow_redirects=False, max_field_size=32 * 1024
                )
            except (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError) as error:
                raise errors.service_unavailable(f"error trying to reach service: {error}") from error
            async with answer:
                return await _returned(http, answer, view)
    finally:
        await connector.release()


async def _body(http: web.BaseRequest) -> AsyncIterator[bytes]:
    if http.headers.get("Expect", "").lower() == "100-continue" and http.transport is not None:
        http.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async for chunk in http.content.iter_any():
        yield chunk


async def _returned(http: web.BaseRequest, answer: aiohttp.ClientResponse, view: links.View) -> web.StreamResponse:
    gone = {*_HOP_BY_HOP, *_CROSS_ORIGIN, *_named_by_connection(answer.headers)}
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in answer.headers.items() if name.lower() not in gone
    )
    redirect = headers.get("Location")
    if redirect:
        headers["Location"] = view.rewrite(redirect)
    elif http.method != "HEAD" and pages.is_page(headers):
        page = await pages.read(answer.content)
        if page.whole:
            content = await asyncio.to_thread(pages.rewritten, page.content, headers, view)
            headers.popall("Content-Length", None)
            return web.Response(status=answer.status, reason=answer.reason, headers=headers, body=content)
        return await _copied(http, answer, headers, page.content)
    return await _copied(http, answer, headers)


async def _copied(
    http: web.BaseRequest, answer: aiohttp.ClientResponse, headers: CIMultiDict[str], begun: bytes = b""
) -> web.StreamResponse:
    """As it comes. What ends too early ends the connection, so that the reader can tell."""
    returned = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    try:
        await returned.prepare(http)
        if begun:
            await returned.write(begun)
        async for chunk in answer.content.iter_any():
            await returned.write(chunk)
        await returned.write_eof()
    except (aiohttp.ClientError, ConnectionError):
        returned.force_close()
        if http.transport is not None:
            http.transport.abort()
    return returned


class _Connector(aiohttp.BaseConnector):
    """Connects with the one backend, whatever a URL says."""

    def __init__(self, way: bridge.Bridge, chosen: backend.Backend) -> None:
        super().__init__(force_close=True, limit=1)
        self._way = way
        self._chosen = chosen
        self._ends: list[passing.End] = []

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        end = await passing.open_end(self._way, self._chosen)
        self._ends.append(end)
        loop = asyncio.get_running_loop()
        tls = passing.unverified() if self._chosen.scheme == "https" else None
        name = self._chosen.authority.rpartition(":")[0] if tls is not None else None
        _, protocol = await loop.create_connection(self._factory, sock=end.socket, ssl=tls, server_hostname=name)
        return protocol

    async def release(self) -> None:
        for end in self._ends:
            await end.close()
