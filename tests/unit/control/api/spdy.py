"""A SPDY client over a plain connection, as client-go is one: for tests of the accepting end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bascule.control.api.streaming import frames
from tests.unit.control.api import harness


class Client:
    """`data` by stream grows as it comes; `ended` has the streams of which no more comes, `resets` why."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._encoder, self._decoder = frames.Encoder(), frames.Decoder()
        self._next = 1
        self.replied: set[int] = set()
        self.data: dict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.pings: list[int] = []
        self.over = False
        self._arrived = asyncio.Condition()

    async def open(self, **headers: str) -> int:
        number, self._next = self._next, self._next + 2
        await self.send(frames.SynStream(number, headers))
        return number

    async def send(self, frame: frames.Frame) -> None:
        self._writer.write(self._encoder.encode(frame))
        await self._writer.drain()

    async def listen(self) -> None:
        """Until the connection ends, one way or the other."""
        try:
            await self._listen()
        except ConnectionError:
            pass
        self.over = True
        async with self._arrived:
            self._arrived.notify_all()

    async def _listen(self) -> None:
        while data := await self._reader.read(65536):
            for frame in self._decoder.feed(data):
                match frame:
                    case frames.SynReply(number):
                        self.replied.add(number)
                    case frames.Data(number, payload, fin):
                        self.data[number] += payload
                        if fin:
                            self.ended.add(number)
                    case frames.Reset(number, status):
                        self.resets[number] = status
                    case frames.Ping(number):
                        self.pings.append(number)
            async with self._arrived:
                self._arrived.notify_all()

    async def until_ended(self, *numbers: int) -> None:
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: set(numbers) <= self.ended | set(self.resets))

    async def until(self, number: int, data: bytes) -> None:
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: self.data[number] == data)

    async def until_over(self) -> None:
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: self.over)


@asynccontextmanager
async def connected(api: harness.Api, path: str, *versions: str) -> AsyncIterator[Client]:
    """Upgraded; the answer must be 101 with the first of the versions."""
    host, port = api.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", "Host: api", "Authorization: Bearer admin", "Connection: Upgrade"]
    lines += ["Upgrade: SPDY/3.1", *(f"X-Stream-Protocol-Version: {version}" for version in versions), "", ""]
    writer.write("\r\n".join(lines).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 101 "), head
    assert f"X-Stream-Protocol-Version: {versions[0]}" in head
    client = Client(reader, writer)
    reading = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        writer.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
