"""Port-forwarding with the channels of `v4.channel.k8s.io`: for the n-th port, channel 2n carries data, 2n+1 errors.

Each channel begins with its port as two bytes, little-endian.
"""

from __future__ import annotations

import asyncio
import struct

from bascule.bridge import contracts

BLOCK_BYTES = 32 * 1024


async def portforward(stream: contracts.TunnelStream, address: str, ports: list[int]) -> None:
    """One TCP connection for each port, for as long as the client stays."""
    if not ports:
        await stream.refuse(400, "no port to forward was named")
        return
    writers: dict[int, asyncio.StreamWriter] = {}
    pumps: list[asyncio.Task[None]] = []
    await stream.accept()
    try:
        for number, port in enumerate(ports):
            for channel in (2 * number, 2 * number + 1):
                await stream.send(bytes([channel]) + struct.pack("<H", port))
            try:
                reader, writer = await asyncio.open_connection(address, port)
            except OSError as error:
                text = f"connection to {address}:{port} failed: {error.strerror or error}"
                await stream.send(bytes([2 * number + 1]) + text.encode())
                continue
            writers[2 * number] = writer
            pumps.append(asyncio.create_task(_outward(stream, 2 * number, reader)))
        while writers and (message := await stream.receive()) is not None:
            target = writers.get(message[0]) if message else None
            if target is not None:
                target.write(message[1:])
                await target.drain()
    except ConnectionError:
        return
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for writer in writers.values():
            writer.close()


async def _outward(stream: contracts.TunnelStream, channel: int, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(BLOCK_BYTES):
        await stream.send(bytes([channel]) + data)
