"""One TCP connection to a port of a pod, as the control side asked for it.

Messages both ways begin with a channel: 0 carries data, 1 what went wrong, and 255 followed by 0 says that no more data
comes from this side. The tunnel ends when both sides have said so.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable

from bascule.bridge import contracts
from bascule.data.agent import dialling

BLOCK_BYTES = 32 * 1024
CONNECT_SECONDS = 8.0
DATA, ERROR, CLOSE = 0, 1, 255
END = bytes([CLOSE, DATA])


async def portforward(
    stream: contracts.TunnelStream, connecting: Awaitable[dialling.Connection], address: str, port: int
) -> None:
    """Until both sides have ended, or either is gone; refused with 502 where nothing listens.

    `connecting` makes the connection; address and port are what it is called.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await connecting
    except TimeoutError:
        await stream.refuse(504, f"dial tcp {address}:{port}: i/o timeout")
        return
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        await stream.refuse(502, f"dial tcp {address}:{port}: connect: {why}")
        return
    outward = asyncio.create_task(_outward(stream, reader))
    try:
        await stream.accept()
        if await _inward(stream, writer):
            await outward
    except ConnectionError:
        pass
    finally:
        outward.cancel()
        await asyncio.gather(outward, return_exceptions=True)
        writer.close()


async def _inward(stream: contracts.TunnelStream, writer: asyncio.StreamWriter) -> bool:
    """From the client to the pod; True when the client has ended its side, False when it is gone."""
    while (message := await stream.receive()) is not None:
        if message[:1] == bytes([DATA]):
            try:
                writer.write(message[1:])
                await writer.drain()
            except ConnectionError:
                continue  # What the pod still said is on its way.
        elif message == END:
            if writer.can_write_eof():
                writer.write_eof()
            return True
    return False


async def _outward(stream: contracts.TunnelStream, reader: asyncio.StreamReader) -> None:
    try:
        while data := await reader.read(BLOCK_BYTES):
            await stream.send(bytes([DATA]) + data)
    except ConnectionError as error:
        await stream.send(bytes([ERROR]) + f"the connection to the pod broke: {error}".encode())
    await stream.send(END)
