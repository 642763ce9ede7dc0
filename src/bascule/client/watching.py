"""One watch: an open response whose lines are events.

`async with client.watch(...) as events: async for event in events:`. Ends normally when the server ends it; an ERROR
event raises `StatusError` (410 means: list again); a broken or silent connection raises `Unreachable`.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import NamedTuple

import aiohttp
import orjson

from bascule.client import faults, transport
from bascule.vocabulary import errors, objects

ADDED, MODIFIED, DELETED, BOOKMARK = "ADDED", "MODIFIED", "DELETED", "BOOKMARK"


class Event(NamedTuple):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: objects.Object


class Watch:
    """`silence_seconds`: how long nothing at all (not even a bookmark) is believed."""

    def __init__(
        self, wire: transport.Transport, request: transport.Request, *, silence_seconds: float = 150.0
    ) -> None:
        self._wire = wire
        self._request = request
        self._silence_seconds = silence_seconds
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> "Watch":
        request = self._request
        try:
            response = await self._wire.streams().request(
                request.method,
                self._wire.url(request),
                headers=self._wire.headers(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=self._silence_seconds),
            )
            if response.status != 200:
                body = await response.read()
                response.close()
                raise transport.refusal(response.status, body, response.reason or "")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise faults.Unreachable(f"watch {request.path}: {error}") from error
        self._response = response
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._response is not None:
            self._response.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        assert self._response is not None, "a Watch is used inside `async with`"
        pending = b""
        try:
            async for chunk in self._response.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n") if pending else chunk.split(b"\n")
                for line in lines:
                    if line.strip():
                        yield _event(line)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise faults.Unreachable(f"watch {self._request.path}: {error!r}") from error


def _event(line: bytes) -> Event:
    try:
        document = orjson.loads(line)
        event = Event(document["type"], document["object"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise faults.Unreachable("watch: the server sent something that is no event") from error
    if event.type == "ERROR":
        raise errors.StatusError.from_status(event.object)
    return event
