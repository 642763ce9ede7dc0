"""Work for a client that may leave meanwhile: it ends too, although nobody writes to the client and would notice."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from aiohttp import web

LOOK_SECONDS: Final = 1.0

T = TypeVar("T")


async def unless_left(http: web.BaseRequest, work: Coroutine[Any, Any, T]) -> T:
    """What `work` answers; ConnectionError when the client left before, and the work is cancelled."""
    working = asyncio.create_task(work)
    left = asyncio.create_task(_left(http))
    try:
        await asyncio.wait((working, left), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ConnectionResetError("the client has left")
        return working.result()
    finally:
        working.cancel()
        left.cancel()
        await asyncio.gather(working, left, return_exceptions=True)


async def _left(http: web.BaseRequest) -> None:
    while (transport := http.transport) is not None and not transport.is_closing():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(LOOK_SECONDS)
