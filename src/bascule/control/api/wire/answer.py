"""A whole answer that leaves in one write, as nearly every request gets one.

Spares aiohttp's general way of making headers, a tenth of a GET. Whatever is unusual about request or answer
(HEAD, HTTP/1.0, a connection that shall close, further headers, a large body) goes that general way.
"""

from __future__ import annotations

import time
from email import utils
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

_WHOLE_BYTES_MAX: Final = 15 * 1024
"""With its head it fits one TLS record."""
_UNSENT_BYTES: Final = 64 * 1024
_CACHE: Final = "no-cache, private"
_STANDARD_HEADERS: Final = 2
_heads: dict[tuple[int, tuple[tuple[str, str], ...]], bytes] = {}


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
    """`body` with its media type; headers and body may still be changed until it is sent."""

    def __init__(self, body: bytes, *, code: int, media: str) -> None:
        headers: CIMultiDict[str] = CIMultiDict({"Content-Type": media, "Cache-Control": _CACHE})
        super().__init__(body=body, status=code, headers=headers)
        self._sent = False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp: sends everything at once where it can. Raises ConnectionError when the client has left."""
        body = self.body
        if (
            len(self.headers) != _STANDARD_HEADERS
            or not isinstance(body, bytes)
            or not 0 < len(body) <= _WHOLE_BYTES_MAX
            or request.method == "HEAD"
            or request.version != HttpVersion11
            or not request.keep_alive
        ):
            return await super().prepare(request)
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        like = self.status, tuple(self.headers.items())
        head = _heads.get(like) or self._head(like)
        transport.write(b"%bContent-Length: %d\r\nDate: %b\r\n\r\n%b" % (head, len(body), _date.now(), body))
        self._sent = True
        if transport.get_write_buffer_size() > _UNSENT_BYTES:
            await request.writer.drain()
        return None

    def _head(self, like: tuple[int, tuple[tuple[str, str], ...]]) -> bytes:
        """What all answers of this status and with these headers begin with."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in like[1]), ""]
        made = _heads[like] = "\r\n".join(lines).encode()
        return made

    async def write_eof(self, data: bytes = b"") -> None:
        if not self._sent:
            await super().write_eof(data)

    @property
    def prepared(self) -> bool:
        return self._sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        return True if self._sent else super().keep_alive
