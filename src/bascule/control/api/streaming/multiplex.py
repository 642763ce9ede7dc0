"""A SPDY/3.1 connection, its accepting end: the streams that a client opens over one pipe.

Every stream is accepted at once and handed to whoever serves; either side ends its half on its own. A stream that
nobody reads holds a bounded number of bytes, then the whole connection waits: the clients there are do not honour the
protocol's own windows, so this is the only way to hold them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from bascule.control.api.streaming import frames
from bascule.control.api.streaming import pipe as pipes

STREAMS_MAX: Final = 1000
_UNREAD_MAX_BYTES: Final = 256 * 1024


class Stream:
    """One stream: `read` ends with b"", `write` raises ConnectionError once it cannot arrive any more."""

    def __init__(self, connection: Connection, number: int, headers: Mapping[str, str]) -> None:
        self.number = number
        self.headers = headers
        self._connection = connection
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._they_ended = self._we_ended = False

    async def read(self) -> bytes:
        while not self._parts:
            if self._they_ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        data = b"".join(self._parts)
        self._parts.clear()
        self._size_bytes = 0
        self._room.set()
        return data

    async def write(self, data: bytes) -> None:
        for begin in range(0, len(data), pipes.BLOCK_BYTES):
            if self._we_ended:
                raise ConnectionResetError("the stream has ended")
            await self._connection.send(frames.Data(self.number, data[begin : begin + pipes.BLOCK_BYTES]))

    async def end(self) -> None:
        """No more from here; once only, and not an error when the client has left."""
        if not self._we_ended:
            self._we_ended = True
            try:
                await self._connection.send(frames.Data(self.number, b"", fin=True))
            except ConnectionError:
                pass
            self._settle()

    async def reset(self, status: int = frames.INTERNAL_ERROR) -> None:
        """Gives the stream up; not an error when the client has left."""
        if not (self._we_ended and self._they_ended):
            self.cut()
            try:
                await self._connection.send(frames.Reset(self.number, status))
            except ConnectionError:
                pass

    async def push(self, data: bytes, *, fin: bool) -> None:
        """What the client sent; waits until there is room for it."""
        if data and not self._they_ended:
            await self._room.wait()
            if not self._they_ended:
                self._parts.append(data)
                self._size_bytes += len(data)
                if self._size_bytes >= _UNREAD_MAX_BYTES:
                    self._room.clear()
        self._they_ended |= fin
        self._changed.set()
        self._settle()

    def cut(self) -> None:
        """Nothing more in either direction; what has come can still be read."""
        self._they_ended = self._we_ended = True
        self._changed.set()
        self._room.set()
        self._settle()

    def _settle(self) -> None:
        if self._they_ended and self._we_ended:
            self._connection.forget(self)


class Connection:
    """`run` it as a task; it ends when the client has left, or speaks something else."""

    def __init__(self, pipe: pipes.Pipe, on_stream: Callable[[Stream], None]) -> None:
        self._pipe = pipe
        self._on_stream = on_stream
        self._decoder, self._encoder = frames.Decoder(), frames.Encoder()
        self._streams: dict[int, Stream] = {}
        self._last = 0
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        try:
            while data := await self._pipe.read():
                for frame in self._decoder.feed(data):
                    await self._receive(frame)
        except frames.ProtocolError:
            await self.send(frames.GoAway(self._last, frames.PROTOCOL_ERROR))
        except ConnectionError:
            pass
        finally:
            for stream in list(self._streams.values()):
                stream.cut()

    async def send(self, frame: frames.Frame) -> None:
        async with self._writing:  # Compressed headers must leave in the order of their making.
            await self._pipe.write(self._encoder.encode(frame))

    def forget(self, stream: Stream) -> None:
        """Called by a stream that has ended in both directions."""
        self._streams.pop(stream.number, None)

    async def _receive(self, frame: frames.Frame) -> None:
        match frame:
            case frames.SynStream(number, headers, fin):
                await self._open(number, headers, fin=fin)
            case frames.Data(number, payload, fin):
                if (stream := self._streams.get(number)) is not None:
                    await stream.push(payload, fin=fin)
            case frames.Reset(number):
                if (stream := self._streams.get(number)) is not None:
                    stream.cut()
            case frames.Ping(number):
                if number % 2:  # Even ones would be answers to ours.
                    await self.send(frame)
            case _:
                pass

    async def _open(self, number: int, headers: Mapping[str, str], *, fin: bool) -> None:
        if number % 2 == 0 or number <= self._last:
            raise frames.ProtocolError(f"a stream numbered {number} after {self._last}")
        self._last = number
        if len(self._streams) >= STREAMS_MAX:
            await self.send(frames.Reset(number, frames.REFUSED_STREAM))
            return
        stream = self._streams[number] = Stream(self, number, headers)
        await self.send(frames.SynReply(number, {}))
        self._on_stream(stream)
        if fin:
            await stream.push(b"", fin=True)
