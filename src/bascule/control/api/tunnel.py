"""pods/log, exec, attach and portforward: relayed to the bridgehead that holds the pod's node.

The node's annotation `bascule.dev/tunnel` says where. Logs are streamed; the others are WebSockets, passed on message
by message without a look inside, each message waiting until the other side has taken it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.vocabulary import builtins, errors, objects

TUNNEL_ANNOTATION: Final = "bascule.dev/tunnel"
_PROTOCOLS: Final = {
    "exec": ("v5.channel.k8s.io", "v4.channel.k8s.io"),
    "attach": ("v5.channel.k8s.io", "v4.channel.k8s.io"),
    "portforward": ("v4.channel.k8s.io",),
}
_VERBS: Final = {"log": "logs"}
_CONNECT_SECONDS: Final = 10.0
_MESSAGE_MAX_BYTES: Final = 4 * 1024 * 1024
_FAILURES_MAX: Final = 100


class Bridge:
    """The way to the bridgeheads; opened on first use."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self.failures: dict[tuple[str, str], errors.StatusError] = {}
        """Why a WebSocket could not be opened, for the client's second attempt by another protocol."""
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
            connector = aiohttp.TCPConnector(ssl=self._tls or False, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    @property
    def scheme(self) -> str:
        return "https" if self._tls is not None else "http"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def log(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The container's log, as it comes."""
    url = _url(platform, call)
    session = platform.bridge.session()
    try:
        async with session.get(url, allow_redirects=False) as upstream:
            if upstream.status != 200:
                raise _failure(upstream.status, await upstream.content.read(64 * 1024))
            return await _copied(call.request(), upstream)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unreachable(error) from error


async def _copied(http: web.BaseRequest, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
    """Chunk by chunk. A log that ends too early ends the connection, so that the reader can tell."""
    answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
    answer.enable_chunked_encoding()
    await answer.prepare(http)
    try:
        async for chunk in upstream.content.iter_any():
            await answer.write(chunk)
        await answer.write_eof()
    except (aiohttp.ClientError, ConnectionError):
        if http.transport is not None:
            http.transport.abort()
    return answer


async def stream(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """A WebSocket from the client to the node and back."""
    http = call.request()
    failures, attempt = platform.bridge.failures, (call.user.name, http.raw_path)
    if http.headers.get("Upgrade", "").lower() != "websocket":
        # kubectl tries SPDY after a WebSocket that failed for whatever reason, and shows only how this attempt ended.
        earlier = failures.pop(attempt, None)
        raise earlier or errors.bad_request("Upgrade request required: this path is spoken to over a WebSocket")
    try:
        return await _open(platform, call, http)
    except errors.StatusError as error:
        if len(failures) >= _FAILURES_MAX:
            failures.clear()
        failures[attempt] = error
        raise


async def _open(platform: platforms.Platform, call: calls.Call, http: web.BaseRequest) -> web.StreamResponse:
    url = _url(platform, call)
    known = _PROTOCOLS[call.subresource]
    offered = [part.strip() for part in http.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    chosen = next((protocol for protocol in offered if protocol in known), "")
    if not chosen:
        raise errors.bad_request(
            f"{call.subresource} by {', '.join(offered)} is not served here; served: {', '.join(known)}"
        )
    try:
        upstream = await platform.bridge.session().ws_connect(
            url, protocols=(chosen,), max_msg_size=_MESSAGE_MAX_BYTES, autoping=True
        )
    except aiohttp.WSServerHandshakeError as error:
        raise _failure(error.status, error.message.encode()) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _unreachable(error) from error
    answer = web.WebSocketResponse(protocols=(chosen,), max_msg_size=_MESSAGE_MAX_BYTES)
    try:
        await answer.prepare(http)
        await _relay(answer, upstream)
    finally:
        await upstream.close()
    await answer.close()
    return answer


async def _relay(client: web.WebSocketResponse, node: aiohttp.ClientWebSocketResponse) -> None:
    """Passes messages both ways until either side ends."""
    ways = [asyncio.create_task(_pump(client, node)), asyncio.create_task(_pump(node, client))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        for way in ways:
            with contextlib.suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                await way


async def _pump(source: Any, target: Any) -> None:
    async for message in source:
        if message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        else:
            return


def _url(platform: platforms.Platform, call: calls.Call) -> str:
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    pod = stored.decode()
    spec: dict[str, Any] = pod.get("spec") or {}
    container = [] if call.subresource == "portforward" else [_container(call, spec)]
    node_name = spec.get("nodeName")
    if not node_name:
        raise errors.bad_request(f"pod {call.name} does not have a host assigned")
    node = platform.reader.get("", builtins.NODES.plural, objects.ROOT, "", node_name)
    address = objects.annotations(node).get(TUNNEL_ANNOTATION) if node else None
    if not address:
        raise errors.service_unavailable(f"the node {node_name} of pod {call.name} is not connected at the moment")
    verb = _VERBS.get(call.subresource, call.subresource)
    parts = (node_name, verb, call.cluster, call.namespace, call.name, *container)
    query = [(key, value) for key, value in call.parameters.pairs if key != "container"]
    path = "/".join(quote(part, safe="") for part in parts)
    return f"{platform.bridge.scheme}://{address}/tunnel/{path}?{urlencode(query)}"


def _container(call: calls.Call, spec: dict[str, Any]) -> str:
    """The container that is meant; 400 when that is not clear."""
    own = [container["name"] for container in spec.get("containers") or []]
    every = own + [
        container["name"] for part in ("initContainers", "ephemeralContainers") for container in spec.get(part) or []
    ]
    asked = call.parameters.get("container") or ""
    if not asked and len(own) > 1:
        raise errors.bad_request(
            f"a container name must be specified for pod {call.name}, choose one of: [{' '.join(own)}]"
        )
    asked = asked or own[0]
    if asked not in every:
        raise errors.bad_request(f"container {asked} is not valid for pod {call.name}")
    return asked


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
    if code == 503:
        return errors.service_unavailable(text, retry_after_seconds=1)
    return errors.internal(f"the node could not be reached: {text or code}")


def _unreachable(error: BaseException) -> errors.StatusError:
    return errors.service_unavailable(
        f"the bridge to the pod's node does not answer ({error}); the pod itself is not affected", retry_after_seconds=1
    )
