"""One connection: its requests in their order, the ordinary ones read and answered here, the others by aiohttp.

Invariant: every byte is read by one of the two. aiohttp gets what is not ordinary as it came, and all that follows,
unless it was one request whose end is known. One request is under way at a time; what arrives meanwhile waits.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from aiohttp import http_exceptions, http_parser, http_writer, streams, web
from aiohttp.web_protocol import RequestHandler

from bascule.control.api.wire import answer, request, respond
from bascule.vocabulary import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from bascule.control.api import dispatch
    from bascule.control.api.wire import accepting

_FOREVER: Final = -1
_PATIENCE_SECONDS: Final = 0.2
"""So long the rest of an ordinary body is waited for here. aiohttp knows how to deal with slower clients."""
_log = logging.getLogger(__name__)


class Conversation(RequestHandler):
    """What is no HTTP is answered as everything is, with a Status; the log has no word of what was sent."""

    __slots__ = ("_awaited", "_dispatcher", "_early", "_heard", "_lent", "_owed", "_patience", "_task")

    def __init__(
        self,
        manager: accepting.Connections,
        dispatcher: dispatch.Dispatcher,
        *,
        loop: asyncio.AbstractEventLoop,
        heard: Callable[[RequestHandler], None],
        **how: Any,
    ) -> None:
        """`heard` is told of the first request that was read here."""
        super().__init__(manager, loop=loop, **how)
        self._dispatcher = dispatcher
        self._heard: Callable[[RequestHandler], None] | None = heard
        self._early = b""
        """Bytes that nobody has read yet: those of an incomplete request, or those after the one under way."""
        self._awaited = 0
        """Of how many bytes the incomplete request is."""
        self._patience: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        """Answers the request under way."""
        self._lent = False
        """Whether aiohttp has a request, or has had all since one."""
        self._owed = 0
        """How many bytes of that request are still to come; or `_FOREVER`."""

    # Receiving

    def data_received(self, data: bytes) -> None:
        if self._lent and (not data or self._is_lent(len(data))):
            super().data_received(data)
        elif self._task is not None:
            self._early += data
            if len(self._early) > request.WHOLE_MAX_BYTES and not self._buffer_paused:
                self._pause_reading_for_buffer()
        elif not (self._force_close or self._close):
            self._read(self._early + data if self._early else data)

    def _is_lent(self, size_bytes: int) -> bool:
        """Whether the bytes that came are aiohttp's too; not when it has answered a request that is over."""
        if not self._owed and self._waiter is not None and not self._waiter.done() and not self._messages:
            self._lent = False
        elif self._owed != _FOREVER:
            self._owed = max(self._owed - size_bytes, _FOREVER)
        return self._lent

    def _read(self, data: bytes) -> None:
        """Takes exactly one ordinary request, waits a little for the rest of one, lends anything else to aiohttp."""
        self._early = data
        if len(data) < self._awaited:
            return
        found = request.read(data, self)
        if isinstance(found, request.Incomplete):
            self._awaited = found.size_bytes
            if self._awaited > request.WHOLE_MAX_BYTES:
                self._lend()
            else:
                self._patience = self._loop.call_later(_PATIENCE_SECONDS, self._lend)
            return
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._awaited = 0
        if found is None:
            self._lend()
        else:
            self._early = b""
            self._take(found)

    def _lend(self) -> None:
        """Gives aiohttp what has come, as it came."""
        data, self._early = self._early, b""
        self._lent = True
        self._owed = self._awaited - len(data) if self._awaited else _FOREVER
        self._awaited = 0
        self._patience = None
        super().data_received(data)

    # Answering

    def _take(self, found: request.Request) -> None:
        if self._heard is not None:
            self._heard(self)
            self._heard = None
        made = None if self._paused else self._dispatcher.at_once(found)
        if made is not None and self._send(made):
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        else:
            self._task = self._loop.create_task(self._answer(found, made))

    async def _answer(self, found: request.Request, made: web.StreamResponse | None) -> None:
        """As aiohttp answers the requests that it reads; `made` where there is an answer already."""
        self._request_in_progress = True
        keeps = False
        try:
            if self._paused:
                await self._drain_helper()
            if made is None:
                made = await self._dispatcher.handle(found)
            keeps = self._send(made) or await self._send_in_full(found, made)
        except ConnectionError:
            keeps = False
        except Exception as error:
            keeps = False
            self.log_exception("a request could not be answered", exc_info=error)
        finally:
            self._request_in_progress = False
            self._current_request = None
            self._task = None
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
            if not keeps or self._close or self._force_close:
                self._end()
        self._go_on()

    def _send(self, made: web.StreamResponse) -> bool:
        """Sends the answer in one piece; whether it could."""
        whole = made.whole() if type(made) is answer.Answer else None
        transport = self.transport
        if whole is None or transport is None or transport.is_closing():
            return False
        transport.write(whole)
        return True

    async def _send_in_full(self, found: request.Request, made: web.StreamResponse) -> bool:
        """Sends any answer, or what is left of one; whether the connection goes on."""
        made, left = await self.finish_response(found.full(), made, None)
        return not left and bool(made.keep_alive)

    def _go_on(self) -> None:
        """With what came meanwhile."""
        if self._close or self._force_close:
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._buffer_paused:
            self._resume_reading_for_buffer()
        if self._early:
            self._read(self._early)

    def full(self, message: http_parser.RawRequestMessage, body: bytes) -> web.BaseRequest:
        """The request under way as aiohttp knows it."""
        payload = streams.EMPTY_PAYLOAD
        if body:
            payload = streams.StreamReader(self, len(body) + 1, loop=self._loop)
            payload.feed_data(body)
            payload.feed_eof()
        if self._request_factory is None or self._task is None:
            raise ConnectionResetError("the client has left")
        writer = http_writer.StreamWriter(self, self._loop)
        made = self._request_factory(message, payload, self, writer, self._task)
        self._current_request = made
        return made

    # Ending

    def _end(self) -> None:
        self._close = True
        if self.transport is not None:
            self.transport.close()

    def _process_keepalive(self) -> None:
        """aiohttp's timer: nothing is idle while it is answered."""
        if self._task is not None:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._early = b""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Lets the request under way finish for a while."""
        await super().shutdown(timeout)
        if self._task is not None:
            self._task.cancel()

    # Failing

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Called with what ended a connection: what clients did wrong is no failure of ours."""
        if isinstance(
            kw.get("exc_info"), (web.RequestPayloadError, http_exceptions.HttpProcessingError, ConnectionError)
        ):
            _log.info("a connection ended early: %s", type(kw["exc_info"]).__name__)
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        _log.info("a request could not be read: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = respond.failure(_explained(status, exc))
        response.force_close()
        return response


def _explained(status: int, exc: BaseException | None) -> errors.StatusError:
    if isinstance(exc, http_exceptions.LineTooLong):
        text = f"the request's line and each of its headers may have {request.HEAD_MAX_BYTES} bytes"
        return errors.StatusError(431, "RequestHeaderFieldsTooLarge", text)
    if status >= 500:
        return errors.internal("an unexpected failure; the request was not completed")
    return errors.bad_request("the request is no HTTP that this server understands")
