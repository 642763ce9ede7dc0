"""HTML that passes the proxy: read whole where it is not large, its links rewritten, packed as it was."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import aiohttp

from bascule.control.api.streaming import links

PAGE_MAX_BYTES: Final = 4 * 1024 * 1024
_PACKED: Final = ("", "gzip", "deflate")


class Page(NamedTuple):
    content: bytes
    whole: bool


def is_page(headers: Mapping[str, str]) -> bool:
    media = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media == "text/html" and headers.get("Content-Encoding", "").lower() in _PACKED


async def read(stream: aiohttp.StreamReader) -> Page:
    """The page; only its beginning where it is larger than `PAGE_MAX_BYTES`: it then passes as it is."""
    parts: list[bytes] = []
    size_bytes = 0
    async for chunk in stream.iter_any():
        parts.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > PAGE_MAX_BYTES:
            return Page(b"".join(parts), whole=False)
    return Page(b"".join(parts), whole=True)


def rewritten(content: bytes, headers: Mapping[str, str], view: links.View) -> bytes:
    """The page with its links rewritten; as it was where it cannot be unpacked within the bound."""
    packing = headers.get("Content-Encoding", "").lower()
    try:
        page = _unpacked(content, packing)
    except (zlib.error, ValueError):
        return content
    # Every byte is a character: what is no ASCII passes as it is, whatever it means.
    fresh = links.rewritten(page.decode("latin-1"), view.rewrite).encode("latin-1", "xmlcharrefreplace")
    if packing == "gzip":
        return gzip.compress(fresh, 1)
    if packing == "deflate":
        packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        return packer.compress(fresh) + packer.flush()
    return fresh


def _unpacked(content: bytes, packing: str) -> bytes:
    if not packing:
        return content
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS if packing == "gzip" else -zlib.MAX_WBITS)
    page = unpacker.decompress(content, PAGE_MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError("the page is larger than is rewritten")
    return page
