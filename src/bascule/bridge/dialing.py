"""The node's side of tunnels: dials a stream for each request and hands it to the handler."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc

from bascule.bridge import contracts, messages, transport

_log = logging.getLogger(__name__)
_LAST_WORDS_SECONDS = 5.0


class Stream:
    """`contracts.TunnelStream` over one gRPC call."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._answered = False
        self._ended = False
        self._closed = False

    async def accept(self) -> None:
        if not self._answered:
            self._answered = True
            await self._write(messages.encode(messages.TunnelAnswer()))

    async def refuse(self, code: int, message: str) -> None:
        if self._answered:
            raise RuntimeError("the tunnel is open already; its own protocol has to carry the error")
        self._answered = True
        await self._write(messages.encode(messages.TunnelAnswer(code, message)))
        await self.close()

    async def receive(self) -> bytes | None:
        await self.accept()
        if self._ended:
            return None
        try:
            data = await self._call.read()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            data = grpc.aio.EOF
        if data is grpc.aio.EOF or not data:
            self._ended = True
            return None
        return bytes(data)

    async def send(self, data: bytes) -> None:
        await self.accept()
        await self._write(data)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._call.done_writing()
            except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
                pass

    @property
    def answered(self) -> bool:
        return self._answered

    async def _write(self, data: bytes) -> None:
        try:
            await self._call.write(data)
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            raise ConnectionError("the control side ended the tunnel") from error


class Dialer:
    """Serves the tunnels of one connection; `run` cancels those that are open when it ends."""

    def __init__(self, channel: Any, handler: contracts.TunnelHandler) -> None:
        self._attach = channel.stream_stream(transport.ATTACH)
        self._requests = channel.stream_stream(transport.TUNNELS)
        self._handler = handler
        self._open: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        call = self._requests()
        try:
            while (data := await call.read()) is not grpc.aio.EOF:
                task = asyncio.create_task(self._serve(messages.decode_open(data)))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
        finally:
            call.cancel()
            open_now = list(self._open)
            for task in open_now:
                task.cancel()
            await asyncio.gather(*open_now, return_exceptions=True)

    async def _serve(self, opening: messages.TunnelOpen) -> None:
        call = self._attach(metadata=((transport.TUNNEL_ID, opening.id),))
        stream = Stream(call)
        handling = asyncio.ensure_future(self._handle(opening, stream))
        call.add_done_callback(lambda _: handling.cancel())
        try:
            await asyncio.wait([handling])
            if not handling.cancelled():
                await stream.close()
                async with asyncio.timeout(_LAST_WORDS_SECONDS):
                    await call.code()
        except TimeoutError:
            _log.info("tunnel not collected in time", extra={"verb": opening.verb, "pod": opening.pod})
        finally:
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
            call.cancel()

    async def _handle(self, opening: messages.TunnelOpen, stream: Stream) -> None:
        try:
            await self._handler(opening, stream)
            await stream.accept()
        except ConnectionError:
            return
        except Exception as error:
            _log.exception("tunnel failed", extra={"verb": opening.verb, "pod": opening.pod})
            if not stream.answered:
                try:
                    await stream.refuse(500, f"{type(error).__name__}: {error}")
                except ConnectionError:
                    return
