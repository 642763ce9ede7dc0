"""A backend's connection as a socket of this process, and upgrades that pass through it.

The backend must answer 101 before the client hears of an upgrade; what else it answers is handed on as it is when it
is an error, and is an error when it is not. After the 101 both connections are bytes, until either ends.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from bascule.control.api.streaming import backend, bridge, pipe, sessions
from bascule.vocabulary import errors

_HEAD_MAX_BYTES: Final = 64 * 1024
_HEAD_SECONDS: Final = 30.0
_REST_SECONDS: Final = 10.0
_REST_MAX_BYTES: Final = 1024 * 1024


class End:
    """One end of a pair of sockets whose other end is copied to and from the backend."""

    def __init__(self, mine: socket.socket, link: bridge.Link, copying: asyncio.Task[None]) -> None:
        self.socket = mine
        self._link = link
        self._copying = copying

    async def close(self) -> None:
        self._copying.cancel()
        await asyncio.gather(self._copying, return_exceptions=True)
        await self._link.close()


class _Local:
    """The other end, as a pipe."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(pipe.BLOCK_BYTES)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write_eof()


async def open_end(way: bridge.Bridge, chosen: backend.Backend) -> End:
    """Raises OSError where the backend cannot be reached."""
    try:
        link = await way.dial(chosen.place, chosen.port)
    except errors.StatusError as error:
        raise ConnectionError(error.message) from error
    mine, theirs = socket.socketpair()
    mine.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=theirs)

    async def copy() -> None:
        try:
            await bridge.splice(_Local(reader, writer), link)
        except ConnectionError:
            pass
        finally:
            writer.close()

    return End(mine, link, asyncio.create_task(copy()))


@functools.cache
def unverified() -> ssl.SSLContext:
    """Backends' certificates are their own affair, as upstream: who may ask has been decided by the tunnel."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_upgrade(http: web.BaseRequest) -> bool:
    words = [word.strip().lower() for word in http.headers.get("Connection", "").split(",")]
    return "upgrade" in words and bool(http.headers.get("Upgrade"))


async def serve(
    way: bridge.Bridge, http: web.BaseRequest, chosen: backend.Backend, target: str, headers: CIMultiDict[str]
) -> web.StreamResponse:
    """The upgrade, if the backend agrees."""
    headers = headers.copy()
    headers["Connection"], headers["Upgrade"] = "Upgrade", http.headers["Upgrade"]
    try:
        end = await open_end(way, chosen)
    except ConnectionError as error:
        raise errors.service_unavailable(f"error trying to reach service: {error}") from error
    writer: asyncio.StreamWriter | None = None
    try:
        tls = unverified() if chosen.scheme == "https" else None
        name = chosen.authority.rpartition(":")[0] if tls is not None else None
        reader, writer = await asyncio.open_connection(
            sock=end.socket, ssl=tls, server_hostname=name, limit=_HEAD_MAX_BYTES
        )
        lines = [f"{http.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape"))
        return await _answered(http, reader, _Local(reader, writer))
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise errors.service_unavailable(f"error trying to reach service: {error}") from error
    finally:
        if writer is not None:
            writer.close()
        await end.close()


async def _answered(http: web.BaseRequest, reader: asyncio.StreamReader, theirs: _Local) -> web.StreamResponse:
    async with asyncio.timeout(_HEAD_SECONDS):
        head = await reader.readuntil(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    code = int(words[1]) if len(words) > 1 and len(words[1]) == 3 and words[1].isdigit() else 0
    if code != 101 and code < 400:
        raise errors.internal(f"invalid upgrade response: status code {code}")
    answer = pipe.Upgraded(http)
    try:
        await answer.begin_raw(head)
        if code == 101:
            await sessions.until_first_ends(_copy(answer.pipe, theirs), _copy(theirs, answer.pipe))
        else:
            async with asyncio.timeout(_REST_SECONDS):
                left = _REST_MAX_BYTES
                while left > 0 and (data := await theirs.read()):
                    left -= len(data)
                    await answer.pipe.write(data)
    except (ConnectionError, TimeoutError):
        pass
    return answer


async def _copy(source: pipe.Pipe, sink: pipe.Pipe) -> None:
    while data := await source.read():
        await sink.write(data)
