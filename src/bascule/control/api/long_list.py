"""A LIST of very many objects: joined, compressed and sent a slice at a time.

So it is never in memory as a whole, and others get their turn between slices. All slices show one revision, as the page
holds its records.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import respond
from bascule.control.cache import record, resource

ABOVE: Final = 1000
"""Fewer objects than this are sent in one piece."""
_SLICE: Final = 250
_WRITE_SECONDS: Final = 60.0
_GZIP: Final = 31


def fits(call: calls.Call, page: resource.Page) -> bool:
    """Whether the page is long, and the client can take an answer whose length is not known beforehand."""
    return len(page.records) >= ABOVE and call.request().version >= (1, 1)


async def send(call: calls.Call, page: resource.Page, head: bytes) -> web.StreamResponse:
    """The answer, sent. ``head`` is all that comes before the first object."""
    http = call.request()
    stream = web.StreamResponse(headers=respond.raw(b"", warnings=call.warnings).headers)
    packer = None
    if "gzip" in http.headers.get("Accept-Encoding", ""):
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        stream.headers["Content-Encoding"] = "gzip"
        stream.headers["Vary"] = "Accept-Encoding"
    stream.enable_chunked_encoding()
    await stream.prepare(http)
    try:
        for piece in _pieces(page, head):
            await _write(stream, await asyncio.to_thread(packer.compress, piece) if packer is not None else piece)
            await asyncio.sleep(0)
        if packer is not None:
            await _write(stream, packer.flush())
        await stream.write_eof()
    except BaseException as error:
        # The answer has begun: all that can be said now is that it is not complete.
        if http.transport is not None:
            http.transport.abort()
        if not isinstance(error, (ConnectionError, TimeoutError)):
            raise
    return stream


def _pieces(page: resource.Page, head: bytes) -> Iterator[bytes]:
    for start in range(0, len(page.records), _SLICE):
        yield b"".join((head if start == 0 else b",", record.join(page.records[start : start + _SLICE])))
    yield b"]}\n"


async def _write(stream: web.StreamResponse, piece: bytes) -> None:
    """A client that takes nothing for so long is gone."""
    if piece:
        async with asyncio.timeout(_WRITE_SECONDS):
            await stream.write(piece)
