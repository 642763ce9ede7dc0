"""An ordinary request that has arrived whole, read at a glance; whatever else arrives is aiohttp's to read.

Ordinary: HTTP/1.1, one of five methods, a plain path, a body of known length that is there too, nothing that changes
the connection. Of two requests of one client hardly more than path and length differ: the other fields are read by
aiohttp's parser, with the server's own bounds, and remembered by their bytes. So there is one judge of what is valid,
and no request that two parsers could read differently.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiohttp import HttpVersion11, http_exceptions, http_parser, web
from aiohttp.base_protocol import BaseProtocol
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

if TYPE_CHECKING:
    from bascule.control.api.wire import conversation

HEAD_MAX_BYTES: Final = 32 * 1024
WHOLE_MAX_BYTES: Final = 64 * 1024
"""Larger requests have to wait for their bytes, which aiohttp does better."""
_FIELDS_MAX_BYTES: Final = 4096
_REMEMBERED: Final = 512
_LINE: Final = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/(?!/)[A-Za-z0-9/._~%?&=:,+!*()@$;'-]*) HTTP/1\.1(?=\r\n)")
_LENGTH: Final = re.compile(rb"\r\nContent-Length: ([0-9]{1,6})(?=\r\n)")
_CHANGES: Final = ("Upgrade", "Expect", "Transfer-Encoding")
"""Fields that ask for more than an answer."""


class Fields(NamedTuple):
    """`length`: as the fields say; None where they do not."""

    headers: CIMultiDictProxy[str]
    raw: tuple[tuple[bytes, bytes], ...]
    length: int | None
    impersonates: bool


class Request:
    """What `dispatch` and the verbs ask of a request, and how to make aiohttp's of it for who wants more."""

    __slots__ = ("_fields", "_full", "_length", "body", "headers", "method", "protocol", "raw_path")

    def __init__(
        self,
        method: str,
        raw_path: str,
        fields: Fields,
        length: bytes | None,
        body: bytes,
        protocol: conversation.Conversation,
    ) -> None:
        """`length`: the Content-Length, where it is not among the fields."""
        self.method = method
        self.raw_path = raw_path
        self.headers = fields.headers
        self.body = body
        self.protocol = protocol
        self._fields = fields
        self._length = length
        self._full: web.BaseRequest | None = None

    @property
    def impersonates(self) -> bool:
        return self._fields.impersonates

    def get_extra_info(self, name: str) -> Any:
        transport = self.protocol.transport
        return None if transport is None else transport.get_extra_info(name)

    def full(self) -> web.BaseRequest:
        """The same as aiohttp would have made it."""
        if self._full is None:
            raw, headers = self._fields.raw, self._fields.headers
            if self._length is not None:
                raw = (*raw, (b"Content-Length", self._length))
                headers = CIMultiDictProxy(CIMultiDict([*headers.items(), ("Content-Length", self._length.decode())]))
            message = http_parser.RawRequestMessage(
                self.method, self.raw_path, HttpVersion11, headers, raw, False, None, False, False, _url(self.raw_path)
            )
            self._full = self.protocol.full(message, self.body)
        return self._full


Http = Request | web.BaseRequest
"""A request, whichever way it came."""


def full(http: Http) -> web.BaseRequest:
    """As aiohttp knows it, for those who stream."""
    return http.full() if isinstance(http, Request) else http


def impersonates(http: Http) -> bool:
    """Whether a header asks to act as somebody else."""
    if isinstance(http, Request):
        return http.impersonates
    return any(name[:12].lower() == "impersonate-" for name in http.headers)


class Incomplete(NamedTuple):
    """An ordinary request of so many bytes, not all of which are there."""

    size_bytes: int


def read(data: bytes, protocol: conversation.Conversation) -> Request | Incomplete | None:
    """The request that the bytes are; None where they are anything but exactly one ordinary request."""
    line = _LINE.match(data)
    end = data.find(b"\r\n\r\n")
    if line is None or not 0 <= end < _FIELDS_MAX_BYTES:
        return None
    method, path = line.groups()
    block = data[line.end() : end + 2]
    apart, length = None, 0
    sized = _LENGTH.search(block) if method != b"GET" else None
    if sized is not None:
        apart = sized[1]
        length = int(apart)
        block = block[: sized.start()] + block[sized.end() :]
    fields = understood(block)
    if fields is None:
        return None
    if fields.length is not None:
        if apart is not None:
            return None
        length = fields.length
    begin = end + 4
    if len(data) != begin + length:
        return Incomplete(begin + length) if len(data) < begin + length else None
    return Request(method.decode(), path.decode(), fields, apart, data[begin:], protocol)


@lru_cache(maxsize=_REMEMBERED)
def understood(block: bytes) -> Fields | None:
    """What the lines of the fields say, each beginning on a new line; None for what is not ordinary or not valid."""
    lines = block.count(b"\r\n")
    if not lines == block.count(b"\r") == block.count(b"\n") or b"\r\n " in block or b"\r\n\t" in block:
        return None
    loop = asyncio.get_running_loop()
    parser = http_parser.HttpRequestParser(
        BaseProtocol(loop), loop, 2**16, max_line_size=HEAD_MAX_BYTES, max_field_size=HEAD_MAX_BYTES
    )
    try:
        messages, upgraded, _ = parser.feed_data(b"GET / HTTP/1.1%b\r\n" % block)
    except http_exceptions.HttpProcessingError:
        return None
    if len(messages) != 1 or upgraded or len(messages[0][0].raw_headers) != lines - 1:
        return None
    message = messages[0][0]
    headers = message.headers
    if message.should_close or message.compression or message.chunked or message.upgrade:
        return None
    if any(name in headers for name in _CHANGES):
        return None
    length = headers.getall("Content-Length", ())
    if len(length) > 1 or any(not text.isdecimal() or not text.isascii() for text in length):
        return None
    impersonates = any(name[:12].lower() == "impersonate-" for name in headers)
    return Fields(headers, message.raw_headers, int(length[0]) if length else None, impersonates)


def _url(raw_path: str) -> URL:
    path, _, query = raw_path.partition("?")
    return URL.build(path=path, query_string=query, encoded=True)
