"""The node's side of the actual span: what the ledger's outbox holds goes up, acknowledgements come down.

Nothing leaves the outbox before it is acknowledged; a new connection sends again what was not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import grpc

from bascule.bridge import contracts, messages, transport
from bascule.vocabulary import clock as clocks

_log = logging.getLogger(__name__)
WINDOW = 200
"""Reports under way at most; the outbox holds the rest."""


class Link:
    """The parts run together over one call; each ends by raising."""

    def __init__(self, call: Any, ledger: contracts.Ledger, clock: clocks.Clock) -> None:
        self._call = call
        self._ledger = ledger
        self._clock = clock
        self._sent = 0
        self._work = asyncio.Event()
        self._work.set()
        self._writing = asyncio.Lock()
        self._heard = clock.monotonic()

    async def read(self, on_contact: Callable[[], None]) -> None:
        while (data := await self._call.read()) is not grpc.aio.EOF:
            message = messages.decode_actual(data)
            self._heard = self._clock.monotonic()
            on_contact()
            if isinstance(message, messages.Acknowledged):
                for sequence, reason in message.rejected.items():
                    _log.warning("report rejected", extra={"sequence": sequence, "reason": reason})
                for sequence in message.sequences:
                    self._ledger.acknowledge(sequence)
                self._work.set()
        code, details = await self._call.code(), await self._call.details()
        raise ConnectionError(details or f"the stream ended ({code.name})")

    async def write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            waiting = [report for report in self._ledger.pending(WINDOW) if report.sequence > self._sent]
            if waiting:
                self._sent = waiting[-1].sequence
                await self._send(messages.Reports([(*report,) for report in waiting]))

    async def beat(self) -> None:
        number = 0
        while True:
            number += 1
            await self._send(messages.Beat(number))
            await self._clock.sleep(transport.BEAT_SECONDS)
            silence_seconds = self._clock.monotonic() - self._heard
            if silence_seconds > transport.SILENCE_SECONDS:
                raise ConnectionError(f"the bridgehead has not answered for {silence_seconds:.0f} s")

    async def follow_reports(self) -> None:
        while True:
            await self._ledger.reported()
            self._work.set()

    async def _send(self, message: messages.ActualMessage) -> None:
        async with self._writing, asyncio.timeout(transport.SEND_TIMEOUT_SECONDS):
            await self._call.write(messages.encode(message))
