"""SPDY/3.1 frames and bytes. Pure; a decoder and an encoder for each direction of a connection.

What a peer can make this hold is bounded: control frames and their headers by size, data not at all gathered (a frame's
payload is handed on piece by piece, as it arrives). Of the protocol's flow control nothing is kept but the frames: the
peers there are (client-go's) know none, so bytes are held back by the connection beneath.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

CONTROL_MAX_BYTES: Final = 64 * 1024
HEADERS_MAX_BYTES: Final = 64 * 1024
STREAM_MAX: Final = (1 << 31) - 1
PAYLOAD_MAX_BYTES: Final = (1 << 24) - 1
PROTOCOL_ERROR, REFUSED_STREAM, CANCEL, INTERNAL_ERROR = 1, 3, 5, 6
"""Statuses of a reset."""
_VERSION: Final = 3
_FIN: Final = 1
_SYN_STREAM, _SYN_REPLY, _RESET, _SETTINGS, _PING, _GO_AWAY, _HEADERS, _WINDOW = 1, 2, 3, 4, 6, 7, 8, 9


class ProtocolError(Exception):
    """The peer does not speak SPDY/3.1, or more of it than is taken."""


class SynStream(NamedTuple):
    stream: int
    headers: Mapping[str, str]
    fin: bool = False


class SynReply(NamedTuple):
    stream: int
    headers: Mapping[str, str]
    fin: bool = False


class Headers(NamedTuple):
    stream: int
    headers: Mapping[str, str]
    fin: bool = False


class Reset(NamedTuple):
    stream: int
    status: int


class Settings(NamedTuple):
    values: tuple[tuple[int, int], ...]


class Ping(NamedTuple):
    id: int


class GoAway(NamedTuple):
    last_stream: int
    status: int = 0


class WindowUpdate(NamedTuple):
    stream: int
    delta: int


class Data(NamedTuple):
    """`fin` is with the last piece of the stream's last frame."""

    stream: int
    payload: bytes
    fin: bool = False


Frame = SynStream | SynReply | Headers | Reset | Settings | Ping | GoAway | WindowUpdate | Data


class Decoder:
    """Bytes in, frames out. After a `ProtocolError` it is of no further use."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._data: tuple[int, int, bool] | None = None
        """The data frame that is arriving: its stream, the bytes to come, whether it is the last."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._buffer += data
        while True:
            if self._data is not None:
                piece = self._piece(*self._data)
                if piece is None:
                    return
                yield piece
                continue
            if len(self._buffer) < 8:
                return
            first, second = struct.unpack_from(">II", self._buffer)
            flags, size = second >> 24, second & PAYLOAD_MAX_BYTES
            if not first >> 31:
                del self._buffer[:8]
                self._data = first, size, bool(flags & _FIN)
                continue
            if size > CONTROL_MAX_BYTES:
                raise ProtocolError(f"a control frame of {size} bytes; at most {CONTROL_MAX_BYTES} are taken")
            if first >> 16 & 0x7FFF != _VERSION:
                raise ProtocolError(f"version {first >> 16 & 0x7FFF} of SPDY instead of {_VERSION}")
            if len(self._buffer) < 8 + size:
                return
            body = bytes(self._buffer[8 : 8 + size])
            del self._buffer[: 8 + size]
            frame = self._control(first & 0xFFFF, flags, body)
            if frame is not None:
                yield frame

    def _piece(self, stream: int, left: int, fin: bool) -> Data | None:
        if left and not self._buffer:
            return None
        payload = bytes(self._buffer[:left])
        del self._buffer[:left]
        left -= len(payload)
        self._data = (stream, left, fin) if left else None
        return Data(stream, payload, fin and not left)

    def _control(self, kind: int, flags: int, body: bytes) -> Frame | None:
        fin = bool(flags & _FIN)
        try:
            if kind == _SYN_STREAM:
                (stream,) = struct.unpack_from(">I", body)
                return SynStream(stream & STREAM_MAX, self._headers(body, 10), fin)
            if kind in (_SYN_REPLY, _HEADERS):
                (stream,) = struct.unpack_from(">I", body)
                made = SynReply if kind == _SYN_REPLY else Headers
                return made(stream & STREAM_MAX, self._headers(body, 4), fin)
            if kind == _SETTINGS:
                (count,) = struct.unpack_from(">I", body)
                if len(body) != 4 + 8 * count:
                    raise ProtocolError("settings of another size than they say")
                pairs = struct.iter_unpack(">II", body[4:])
                return Settings(tuple((flagged & 0xFFFFFF, value) for flagged, value in pairs))
            if kind == _PING:
                return Ping(*struct.unpack(">I", body))
            if kind in (_RESET, _GO_AWAY, _WINDOW):
                stream, value = struct.unpack(">II", body)
                stream &= STREAM_MAX
                if kind == _WINDOW:
                    return WindowUpdate(stream, value & STREAM_MAX)
                return Reset(stream, value) if kind == _RESET else GoAway(stream, value)
        except struct.error as error:
            raise ProtocolError(f"a control frame of kind {kind} is too short or too long") from error
        return None  # What this version does not know is passed over.

    def _headers(self, body: bytes, begin: int) -> dict[str, str]:
        if len(body) < begin:
            raise ProtocolError("a frame ends before its headers")
        try:
            block = self._inflate.decompress(body[begin:], HEADERS_MAX_BYTES)
        except zlib.error as error:
            raise ProtocolError("headers are not compressed as they should be") from error
        if self._inflate.unconsumed_tail:
            raise ProtocolError(f"headers of more than {HEADERS_MAX_BYTES} bytes")
        return _parse(block)


def _parse(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        (count,) = struct.unpack_from(">I", block)
        at = 4
        for _ in range(count):
            name, at = _text(block, at)
            found[name.lower()], at = _text(block, at)
    except struct.error as error:
        raise ProtocolError("headers end too early") from error
    return found


def _text(block: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">I", block, at)
    end = at + 4 + size
    if end > len(block):
        raise ProtocolError("a header ends too early")
    return block[at + 4 : end].decode("utf-8", "replace"), end


class Encoder:
    """Frames in, bytes out, in the order in which they are sent."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        match frame:
            case Data(stream, payload, fin):
                return struct.pack(">II", stream, _FIN * fin << 24 | len(payload)) + payload
            case SynStream(stream, headers, fin):
                return _control(_SYN_STREAM, struct.pack(">IIH", stream, 0, 0) + self._headers(headers), fin)
            case SynReply(stream, headers, fin):
                return _control(_SYN_REPLY, struct.pack(">I", stream) + self._headers(headers), fin)
            case Headers(stream, headers, fin):
                return _control(_HEADERS, struct.pack(">I", stream) + self._headers(headers), fin)
            case Reset(stream, status):
                return _control(_RESET, struct.pack(">II", stream, status))
            case Settings(values):
                pairs = b"".join(struct.pack(">II", *pair) for pair in values)
                return _control(_SETTINGS, struct.pack(">I", len(values)) + pairs)
            case Ping(number):
                return _control(_PING, struct.pack(">I", number))
            case GoAway(stream, status):
                return _control(_GO_AWAY, struct.pack(">II", stream, status))
            case WindowUpdate(stream, delta):
                return _control(_WINDOW, struct.pack(">II", stream, delta))

    def _headers(self, headers: Mapping[str, str]) -> bytes:
        block = struct.pack(">I", len(headers))
        for pair in headers.items():
            for text in pair:
                raw = text.encode()
                block += struct.pack(">I", len(raw)) + raw
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _control(kind: int, body: bytes, fin: bool = False) -> bytes:
    return struct.pack(">HHI", 0x8000 | _VERSION, kind, _FIN * fin << 24 | len(body)) + body


_WORDS: Final = (
    "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-ranges|age|"
    "allow|authorization|cache-control|connection|content-base|content-encoding|content-language|content-length|"
    "content-location|content-md5|content-range|content-type|date|etag|expect|expires|from|host|if-match|"
    "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|location|max-forwards|pragma|"
    "proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|transfer-encoding|"
    "upgrade|user-agent|vary|via|warning|www-authenticate|method|get|status|200 OK|version|HTTP/1.1|url|public|"
    "set-cookie|keep-alive|origin"
)


def _dictionary() -> bytes:
    """The protocol's own: words with their lengths, then what answers often say."""
    sized = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS.split("|"))
    return sized + (
        b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        b"203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        b"403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
        b"Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        b"chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        b"text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )


DICTIONARY: Final = _dictionary()
