"""The way to the bridgeheads, and through them to the nodes: a stream of bytes, a WebSocket, a TCP connection.

Who asks has been let in before; nothing of the caller's credentials goes this way. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

import aiohttp
import orjson

from bascule.control.api.streaming import pipe as pipes
from bascule.vocabulary import errors

MESSAGE_HEADER: Final = "Bascule-Message"
"""Where a refused WebSocket says why."""
_CONNECT_SECONDS: Final = 10.0
_MESSAGE_MAX_BYTES: Final = 4 * 1024 * 1024
_DATA, _ERROR, _CLOSE = 0, 1, 255

Query = Sequence[tuple[str, str]]


class Place(NamedTuple):
    """A pod where it runs: the node, its bridgehead's address, and which pod of that name is meant."""

    address: str
    node: str
    cluster: str
    namespace: str
    pod: str
    uid: str
    container: str = ""


class Bridge:
    """Opened on first use."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
            connector = aiohttp.TCPConnector(ssl=self._tls or False, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def streamed(
        self, verb: str, place: Place, query: Query, *, absent: errors.StatusError | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """What the node says, as it comes. `absent` is raised for what the node does not have."""
        try:
            async with self.session().get(self._url(verb, place, query), allow_redirects=False) as answer:
                if answer.status == 404 and absent is not None:
                    raise absent
                if answer.status != 200:
                    raise _failure(answer.status, await answer.content.read(64 * 1024))
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error

    async def connect(self, verb: str, place: Place, query: Query) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to the node; the error's text is what the node said."""
        try:
            return await self.session().ws_connect(
                self._url(verb, place, query),
                protocols=("v5.channel.k8s.io",),
                max_msg_size=_MESSAGE_MAX_BYTES,
                autoping=True,
                compress=0,
            )
        except aiohttp.WSServerHandshakeError as error:
            text = _said(error)
            raise _failure(error.status, orjson.dumps({"message": text})) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error

    async def dial(self, place: Place, port: int, *, loopback: bool = False) -> Link:
        """A TCP connection to one of the pod's ports, made on its node. Raises StatusError where there is none.

        `loopback`: also to what listens within the pod alone, which who may forward ports may reach, and no proxy.
        """
        query = [("ports", str(port))] + [("loopback", "true")] * loopback
        return Link(await self.connect("portforward", place, query))

    def _url(self, verb: str, place: Place, query: Query) -> str:
        names = (place.node, verb, place.cluster, place.namespace, place.pod, place.container)
        path = "/".join(quote(name, safe="") for name in names if name)
        scheme = "https" if self._tls is not None else "http"
        return f"{scheme}://{place.address}/tunnel/{path}?{urlencode([*query, ('pod-uid', place.uid)])}"


class Link:
    """A connection to a pod's port. Each side ends its half on its own. A `pipe.Pipe`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ended = False

    async def read(self) -> bytes:
        """b"" at the end; ConnectionError with what the node says went wrong."""
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                if not self._ended and self._socket.close_code not in (None, 1000):
                    raise ConnectionResetError("the connection to the node was lost")
                return b""
            channel, data = message.data[0], message.data[1:]
            if channel == _DATA and data:
                return bytes(data)
            if channel == _ERROR:
                raise ConnectionError(data.decode(errors="replace"))
            if channel == _CLOSE:
                self._ended = True
                return b""

    async def write(self, data: bytes) -> None:
        for begin in range(0, len(data), pipes.BLOCK_BYTES):
            await self._socket.send_bytes(bytes([_DATA]) + data[begin : begin + pipes.BLOCK_BYTES])

    async def end(self) -> None:
        """No more from here."""
        await self._socket.send_bytes(bytes([_CLOSE, _DATA]))

    async def close(self) -> None:
        await self._socket.close()


async def splice(one: pipes.Pipe, other: Link) -> None:
    """Copies both ways until both have ended. Raises ConnectionError when either breaks."""

    async def inward() -> None:
        while data := await other.read():
            await one.write(data)
        await one.end()

    async def outward() -> None:
        while data := await one.read():
            await other.write(data)
        await other.end()

    ways = [asyncio.create_task(inward()), asyncio.create_task(outward())]
    try:
        await asyncio.gather(*ways)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


def _said(error: aiohttp.WSServerHandshakeError) -> str:
    named = error.headers.get(MESSAGE_HEADER) if error.headers is not None else None
    return unquote(named) if named else error.message


def _failure(code: int, content: bytes) -> errors.StatusError:
    """What the bridgehead said, as a Status."""
    try:
        status = orjson.loads(content)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return errors.StatusError.from_status(status)
    text = str(status.get("message")) if isinstance(status, dict) else content.decode(errors="replace").strip()[:500]
    if code in (400, 404):
        return errors.bad_request(text or "the node does not know this container")
    if code in (502, 503, 504):
        return errors.service_unavailable(text, retry_after_seconds=1)
    return errors.internal(f"the node could not be reached: {text or code}")


def _unreachable(error: BaseException) -> errors.StatusError:
    return errors.service_unavailable(
        f"the bridge to the pod's node does not answer ({error}); the pod itself is not affected", retry_after_seconds=1
    )
