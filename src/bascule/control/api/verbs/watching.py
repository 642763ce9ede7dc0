"""WATCH: a stream of events, each a line of JSON, most of them frames that all watchers share.

Invariant: events come in order and none is left out; a watcher that cannot keep up is ended, never waited for.
Bookmarks go to those who allow them: once a minute, shortly before the end, and to close the initial events.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import list_options, selection, table
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import upgrading
from bascule.control.api.wire import begun, negotiate, respond
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import event, watch
from bascule.vocabulary import errors, objects

_log = logging.getLogger(__name__)

BOOKMARK_SECONDS: Final = 60.0
_LAST_BOOKMARK_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = (1800, 3600)
_WRITE_SECONDS: Final = 30.0
_UNSENT_BYTES: Final = 64 * 1024
"""More than this waiting for one client makes its stream wait for it."""
_GATHER_SECONDS: Final = 0.02
"""After a write, so long events gather before the next: a burst costs a watcher fifty writes a second at most,
while an event that comes alone is sent at once."""
_SLICE: Final = 100
_SLICE_BYTES: Final = 512 * 1024
_SLICE_SECONDS: Final = 0.005
INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"

Send = Callable[[bytes], Awaitable[None]]
"""Takes whole lines to the client."""


async def watch_objects(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The answer to a WATCH, which lasts until its timeout, the client's leaving, or the server's end."""
    send_initial = list_options.check_watch(call.parameters)
    if call.accept.encoding != "json":
        raise errors.not_acceptable([f"{media};stream=watch" for media in (negotiate.JSON, negotiate.PROTOBUF)])
    included = table.include(call.parameters.get("includeObject", "")) if call.accept.shape == "table" else "None"
    chosen = selection.selection(call)
    http = call.request()  # Which says no to who has left: then there is nothing to be closed yet.
    await call.endpoint.records.prepare(chosen.within, chosen.labels)
    try:
        following = call.endpoint.records.watch(
            chosen.within, labels=chosen.labels, fields=chosen.fields, after_revision=_after(call, send_initial)
        )
    except cache_errors.Future as error:
        if send_initial:
            return await _refused(call, selection.too_new(error))
        raise selection.too_new(error) from error
    except cache_errors.Expired as error:
        return await _refused(call, selection.expired(error))
    framed = _wants_frames(http)
    platform.watches.add(following, http)
    call.endpoint.watches.add(following)
    try:
        pump = _Stream(platform, call, following, closes_initial=send_initial is True, included=included)
        if framed:
            return await _framed(http, pump)
        stream = await _open(call)
        with begun.broken_off(http):
            await pump.run(functools.partial(_write, http))
            await stream.write_eof()
        return stream
    finally:
        following.close()
        call.endpoint.watches.discard(following)
        platform.watches.discard(following, http)


def _after(call: calls.Call, send_initial: bool | None) -> int | None:
    """The version after which events are wanted; None for the current state first."""
    version = selection.version(call.parameters.get("resourceVersion", ""))
    newest = call.endpoint.records.revision
    if version and version > newest:
        raise cache_errors.Future(version, newest)
    if send_initial:
        return None
    if send_initial is False and not version:
        return newest
    return version or None


async def _open(call: calls.Call) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": negotiate.JSON, "Cache-Control": "no-cache, private"})
    for text in call.warnings:
        stream.headers.add("Warning", f'299 - "{text}"')
    stream.enable_chunked_encoding()
    await stream.prepare(call.request())
    return stream


async def _refused(call: calls.Call, error: errors.StatusError) -> web.StreamResponse:
    """200 with one ERROR event: how clients expect to hear that their version is too old, or too new to begin with."""
    said = respond.dump({"type": "ERROR", "object": error.status()})
    http = call.request()
    if _wants_frames(http):
        async with upgrading.websocket(http, "") as socket:
            await socket.send_str(said.decode())
            return socket
    stream = await _open(call)
    await stream.write(said)
    await stream.write_eof()
    return stream


def _wants_frames(http: web.BaseRequest) -> bool:
    """Browsers and some client libraries watch through a WebSocket: an event is then a text message."""
    return http.headers.get("Upgrade", "").lower() == "websocket"


async def _framed(http: web.BaseRequest, pump: _Stream) -> web.StreamResponse:
    """The watch through a WebSocket, until either side ends it; what the client says is not listened to."""
    async with upgrading.websocket(http, "") as socket:

        async def send(lines: bytes) -> None:
            async with asyncio.timeout(_WRITE_SECONDS):
                for line in lines.splitlines():
                    await socket.send_str(line.decode())

        async def heard() -> None:
            async for _ in socket:
                pass

        pumping, listening = asyncio.ensure_future(pump.run(send)), asyncio.ensure_future(heard())
        try:
            await asyncio.wait((pumping, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pumping.cancel()
            listening.cancel()
            ended, _ = await asyncio.gather(pumping, listening, return_exceptions=True)
        if isinstance(ended, Exception) and not isinstance(ended, (ConnectionError, TimeoutError)):
            # The answer has begun, and there is no other way to say that it is not complete.
            _log.error("a watch through a WebSocket failed", exc_info=ended)
        return socket


async def _write(http: web.BaseRequest, lines: bytes) -> None:
    """One chunk of the answer's chunked body, in one piece. A client that takes nothing for half a minute is gone."""
    transport = http.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has left")
    transport.write(b"%x\r\n%b\r\n" % (len(lines), lines))
    if transport.get_write_buffer_size() > _UNSENT_BYTES:
        async with asyncio.timeout(_WRITE_SECONDS):
            await http.writer.drain()


class _Stream:
    """One watcher's pump from the cache to its connection."""

    __slots__ = (
        "_bookmarks",
        "_call",
        "_closes_initial",
        "_columns_sent",
        "_form",
        "_included",
        "_lifetime_seconds",
        "_only_metadata",
        "_plain",
        "_platform",
        "_watch",
    )

    def __init__(
        self,
        platform: platforms.Platform,
        call: calls.Call,
        following: watch.Watch,
        *,
        closes_initial: bool,
        included: table.Include,
    ) -> None:
        self._platform = platform
        self._call = call
        self._watch = following
        self._bookmarks = call.parameters.flag("allowWatchBookmarks")
        self._closes_initial = closes_initial
        self._plain = call.accept.shape == "object" and call.endpoint.shows_stored(())
        self._only_metadata = call.accept.shape == "metadata" and call.endpoint.conversion is None
        self._form = call.endpoint.form if not self._only_metadata else None
        self._included = included
        self._columns_sent = False
        wanted = call.parameters.number("timeoutSeconds")
        self._lifetime_seconds = float(wanted if wanted and wanted > 0 else platform.random.randint(*_TIMEOUT_SECONDS))

    async def run(self, send: Send) -> None:
        """Until the timeout, the watch's end, or the client's."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._lifetime_seconds
        bookmark = min(loop.time() + BOOKMARK_SECONDS, end - _LAST_BOOKMARK_SECONDS)
        if bookmark <= loop.time():
            bookmark = end
        while (now := loop.time()) < end:
            # A bookmark is also for who has no quiet moment.
            events = await self._watch.batch(_SLICE, until=min(bookmark, end)) if now < bookmark else []
            if not events:
                if self._watch.ended:
                    break
                heard = self._watch.revision
                if self._bookmarks and bookmark < end and heard:
                    await send(self._bookmark(heard, initial=False))
                now = loop.time()
                left = end - _LAST_BOOKMARK_SECONDS
                bookmark = min(now + BOOKMARK_SECONDS, left) if now < left else end
                continue
            try:
                if self._form is not None:
                    await self._form.prepare(happened.record for happened in events if happened.record is not None)
                said = await self._tell(send, events)
            except errors.StatusError as error:  # Also of what was converted, and forgotten before it was sent.
                await send(respond.dump({"type": "ERROR", "object": error.status()}))
                break
            if said:
                await asyncio.sleep(_GATHER_SECONDS)

    async def _tell(self, send: Send, events: list[event.Event]) -> bool:
        """As much at once as can be made in a moment; whether there was anything to say."""
        if len(events) == 1 and self._is_quick(events[0]):  # As nearly always.
            line = self._frame(events[0])
            if line:
                await send(line)
            return bool(line)
        clock = asyncio.get_running_loop().time
        end = clock() + _SLICE_SECONDS
        lines: list[bytes] = []
        size_bytes = 0
        said = False
        for happened in events:
            line = self._frame(happened) if self._is_quick(happened) else await asyncio.to_thread(self._frame, happened)
            if not line:
                continue
            lines.append(line)
            size_bytes += len(line)
            said = True
            if size_bytes > _SLICE_BYTES or clock() > end:
                await send(b"".join(lines))
                await asyncio.sleep(0)
                lines, size_bytes, end = [], 0, clock() + _SLICE_SECONDS
        if lines:
            await send(b"".join(lines))
        return said

    def _is_quick(self, happened: event.Event) -> bool:
        shown = happened.record
        if shown is None or shown.size_bytes() <= calls.LARGE_BYTES:
            return True
        return self._plain and (self._form is None or self._form.is_plain(shown))

    def _frame(self, happened: event.Event) -> bytes:
        if happened.type == event.BOOKMARK:
            if self._closes_initial and self._bookmarks:
                return self._bookmark(happened.revision, initial=True)
            return b""
        shown = happened.record
        if shown is None:
            raise TypeError("an event without an object")
        if self._plain:
            if self._form is None or self._form.is_plain(shown):
                return happened.frame()
            return b'{"type":"%b","object":%b}\n' % (happened.type.encode(), self._form.body(shown))
        obj = shown.decode() if self._only_metadata else self._call.endpoint.decode(shown)
        return orjson.dumps({"type": happened.type, "object": self._shaped(obj)}, option=orjson.OPT_APPEND_NEWLINE)

    def _shaped(self, obj: objects.Object) -> dict[str, Any]:
        accept, kind = self._call.accept, self._call.endpoint.strategy
        if accept.shape == "metadata":
            return table.partial(obj, accept.version)
        if accept.shape == "object":
            return obj
        now = self._platform.time.now()
        row = table.row(kind, obj, now, included=self._included, version=accept.version)
        return table.table(
            self._columns(), [row], {"resourceVersion": obj["metadata"]["resourceVersion"]}, accept.version
        )

    def _bookmark(self, revision: int, *, initial: bool) -> bytes:
        resource = self._call.resource
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if initial:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        obj: dict[str, Any] = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        if self._call.accept.shape == "table":
            obj = self._bookmark_row(obj, initial=initial)
        elif self._call.accept.shape == "metadata":
            obj = table.partial(obj, self._call.accept.version)
        return orjson.dumps({"type": "BOOKMARK", "object": obj}, option=orjson.OPT_APPEND_NEWLINE)

    def _bookmark_row(self, obj: dict[str, Any], *, initial: bool) -> dict[str, Any]:
        """A Table of an object without a name; the end of the initial events is always told."""
        version, columns = self._call.accept.version, self._columns()
        shown: dict[str, Any] | None = obj
        if self._included != "Object":
            shown = table.partial(obj, version) if initial or self._included == "Metadata" else None
        row = {"cells": ["", *[None] * (len(self._call.endpoint.strategy.columns) - 1)], "object": shown}
        return table.table(columns, [row], {"resourceVersion": obj["metadata"]["resourceVersion"]}, version)

    def _columns(self) -> list[dict[str, Any]] | None:
        """With the first Table only."""
        columns = None if self._columns_sent else table.columns(self._call.endpoint.strategy)
        self._columns_sent = True
        return columns
