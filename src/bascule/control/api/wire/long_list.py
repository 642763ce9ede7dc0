"""A LIST of very many objects: joined, compressed and sent a slice at a time.

So it is never in memory as a whole, and others get their turn between slices. All slices show one revision, as the page
holds its records.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from typing import Final

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api.wire import begun, respond
from bascule.control.cache import record

ABOVE: Final = 1000
"""Fewer objects than this are sent in one piece, unless they are large."""
ABOVE_BYTES: Final = 256 * 1024
"""As they are stored, which is a fifth of what is sent, or less."""
SLICE: Final = 250
SLICE_BYTES: Final = 512 * 1024
"""What is joined in one go is this, or little more."""
_WRITE_SECONDS: Final = 60.0
_GZIP: Final = 31


def fits(call: calls.Call, count: int, size_bytes: int = 0) -> bool:
    """Whether so many are many, and the client can take an answer whose length is not known beforehand."""
    return (count >= ABOVE or size_bytes > ABOVE_BYTES) and call.request().version >= (1, 1)


def joined(records: Iterable[record.Record]) -> Iterator[bytes]:
    """The stored bodies with commas between them, in slices."""
    held: list[bytes] = []
    size_bytes = count = 0
    separator = b""
    for stored in records:
        prefix, suffix = stored.pieces()
        held += (separator, prefix, b'"%d"' % stored.revision, suffix)
        separator = b","
        size_bytes += len(prefix) + len(suffix)
        count += 1
        if count >= SLICE or size_bytes >= SLICE_BYTES:
            yield b"".join(held)
            held, size_bytes, count = [], 0, 0
    if held:
        yield b"".join(held)


async def send(call: calls.Call, pieces: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """The answer, sent piece by piece."""
    return await streamed(call.request(), respond.raw(b"", warnings=call.warnings).headers, pieces)


async def streamed(
    http: web.BaseRequest, headers: Mapping[str, str], pieces: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    """As `send`, of anything long."""
    stream = web.StreamResponse(headers=headers)
    packer = None
    if respond.takes_gzip(http.headers.get("Accept-Encoding", "")):
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
        stream.headers["Content-Encoding"] = "gzip"
        stream.headers.add("Vary", "Accept-Encoding")
    stream.enable_chunked_encoding()
    await stream.prepare(http)
    with begun.broken_off(http):
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                await _write(stream, await asyncio.to_thread(packer.compress, piece) if packer is not None else piece)
                await asyncio.sleep(0)
        if packer is not None:
            await _write(stream, packer.flush())
        await stream.write_eof()
    return stream


async def _write(stream: web.StreamResponse, piece: bytes) -> None:
    """A client that takes nothing for so long is gone."""
    if piece:
        async with asyncio.timeout(_WRITE_SECONDS):
            await stream.write(piece)
