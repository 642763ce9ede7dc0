"""A tunnel stream whose `receive` may be abandoned.

Cancelling a read of a gRPC call cancels the whole call, and with it what was sent but has not arrived. A session
that ends while it still listens for input must not do that: the read goes on and ends with the call.
"""

from __future__ import annotations

import asyncio

from bascule.bridge import contracts


class PatientStream:
    """`contracts.TunnelStream` around another one."""

    def __init__(self, stream: contracts.TunnelStream) -> None:
        self._stream = stream
        self._reading: asyncio.Task[bytes | None] | None = None

    async def accept(self) -> None:
        await self._stream.accept()

    async def refuse(self, code: int, message: str) -> None:
        await self._stream.refuse(code, message)

    async def send(self, data: bytes) -> None:
        await self._stream.send(data)

    async def close(self) -> None:
        await self._stream.close()

    async def receive(self) -> bytes | None:
        if self._reading is None:
            self._reading = asyncio.ensure_future(_read(self._stream))
        data = await asyncio.shield(self._reading)
        self._reading = None
        return data


async def _read(stream: contracts.TunnelStream) -> bytes | None:
    try:
        return await stream.receive()
    except ConnectionError:
        return None
