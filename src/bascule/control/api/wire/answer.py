"""A whole answer that leaves in one write, as nearly every request gets one.

Spares aiohttp's general way of making headers, a tenth of a GET. Whatever is unusual about request or answer
(HEAD, HTTP/1.0, a connection that shall close, further headers, a large body) goes that general way.
"""

from __future__ import annotations

import time
from email import utils
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

_WHOLE_BYTES_MAX: Final = 60 * 1024
"""With its head a transport takes it without asking its writer to wait."""
_UNSENT_BYTES: Final = 64 * 1024
_CACHE: Final = "no-cache, private"
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_heads: dict[tuple[int, str], bytes] = {}


class _Date:
    """The header's value, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, utils.formatdate(second, usegmt=True).encode()
        return self._text


_date: Final = _Date()


class Answer(web.Response):
    """`body` with its media type; headers and body may still be changed until it is sent.

    What aiohttp keeps of a response is not made before somebody asks for the headers.
    """

    _sent = False
    _made = False

    def __init__(self, body: bytes, *, code: int, media: str) -> None:
        self._body = body
        self._status = code
        self._media = media

    @property
    def headers(self) -> CIMultiDict[str]:
        if not self._made:
            self._made = True
            headers: CIMultiDict[str] = CIMultiDict({"Content-Type": self._media, "Cache-Control": _CACHE})
            super().__init__(body=self._body, status=self._status, headers=headers)
        return super().headers

    def whole(self) -> bytes | None:
        """Head and body, for a connection that goes on after a request of HTTP/1.1; None where they are unusual."""
        body = self._body
        if (
            self._made
            or self._keep_alive is False
            or not isinstance(body, bytes)
            or not 0 < len(body) <= _WHOLE_BYTES_MAX
        ):
            return None
        like = self._status, self._media
        head = _heads.get(like) or _head(like)
        return b"%bContent-Length: %d\r\nDate: %b\r\n\r\n%b" % (head, len(body), _date.now(), body)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp: sends everything at once where it can. Raises ConnectionError when the client has left."""
        ordinary = request.method != "HEAD" and request.version == HttpVersion11 and request.keep_alive
        whole = self.whole() if ordinary else None
        if whole is None:
            _ = self.headers
            return await super().prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(whole)
        self._sent = True
        if transport.get_write_buffer_size() > _UNSENT_BYTES:
            await request.writer.drain()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        if not self._sent:
            await super().write_eof(data)

    @property
    def prepared(self) -> bool:
        return self._sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self._sent else super().keep_alive


def _head(like: tuple[int, str]) -> bytes:
    """What all answers of this status and media type begin with."""
    code, media = like
    lines = (f"HTTP/1.1 {code} {_PHRASES.get(code, '')}", f"Content-Type: {media}", f"Cache-Control: {_CACHE}", "")
    made = _heads[like] = "\r\n".join(lines).encode()
    return made
