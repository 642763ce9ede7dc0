"""pods/log: the options as upstream checks them, and the bytes as they come."""

from __future__ import annotations

import base64
from typing import Final

import aiohttp
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import options
from bascule.control.api import platform as platforms
from bascule.control.api.streaming import bridge, leaving, sessions, target, upgrading
from bascule.vocabulary import errors, timestamps

_STREAMS: Final = ("All", "Stderr", "Stdout")
_PASSED: Final = ("sinceTime", "stream")
_BASE64: Final = "base64.binary.k8s.io"
_PROTOCOLS: Final = ("binary.k8s.io", _BASE64)


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The container's log. Empty for a pod that has no node yet."""
    query = checked(call.name, call.parameters)
    pod = target.pod(call)
    container = target.container(pod, call.parameters.get("container", ""))
    if not (pod.get("spec") or {}).get("nodeName"):
        return web.Response(body=b"", content_type="text/plain")
    place = target.place(platform, pod, container)
    http = call.request()
    if http.headers.get("Upgrade", "").lower() != "websocket":
        async with platform.bridge.streamed("logs", place, query) as upstream:
            return await leaving.unless_left(http, copied(http, upstream, "text/plain"))
    protocol = upgrading.chosen(http, _PROTOCOLS)
    async with (
        platform.bridge.streamed("logs", place, query) as upstream,
        upgrading.websocket(http, protocol) as socket,
    ):
        await sessions.until_first_ends(_said(socket, upstream, protocol), _left(socket))
    return socket


async def _said(socket: web.WebSocketResponse, upstream: aiohttp.ClientResponse, protocol: str) -> None:
    """The log as messages; an empty one first, by which clients know that the connection stands."""
    await socket.send_bytes(b"")
    async for chunk in upstream.content.iter_any():
        if protocol == _BASE64:
            await socket.send_str(base64.b64encode(chunk).decode())
        else:
            await socket.send_bytes(chunk)


async def _left(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


def checked(pod: str, given: options.Parameters) -> bridge.Query:
    """What the node is to be told; 422 for what makes no sense."""
    numbers = {name: given.number(name) for name in ("tailLines", "limitBytes", "sinceSeconds")}
    flags = {name: given.flag(name) for name in ("follow", "previous", "timestamps")}
    given.flag("insecureSkipTLSVerifyBackend")  # There is no such connection here.
    causes: list[errors.Cause] = []
    tail, limit, seconds = numbers.values()
    if tail is not None and tail < 0:
        causes.append(errors.invalid_value("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        causes.append(errors.invalid_value("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and given.get("sinceTime"):
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(errors.forbidden_field("", text))
    elif seconds is not None and seconds < 1:
        causes.append(errors.invalid_value("sinceSeconds", seconds, "must be greater than 0"))
    stream = given.get("stream")
    if stream is not None:
        if stream not in _STREAMS:
            causes.append(errors.not_supported("stream", stream, list(_STREAMS)))
        elif stream != "All" and tail is not None:
            text = "`tailLines` and specific `stream` are mutually exclusive for now"
            causes.append(errors.forbidden_field("", text))
    if causes:
        raise errors.invalid("PodLogOptions", "", pod, causes)
    if given.get("sinceTime"):
        _moment(given["sinceTime"])
    said = [(name, str(value)) for name, value in numbers.items() if value is not None]
    said += [(name, "true") for name, value in flags.items() if value]
    return said + [(name, given[name]) for name in _PASSED if given.get(name)]


def _moment(text: str) -> None:
    try:
        timestamps.parse(text)
    except ValueError as error:
        layout = "2006-01-02T15:04:05Z07:00"
        raise errors.bad_request(f'parsing time "{text[:60]}" as "{layout}": cannot parse it') from error


async def copied(http: web.BaseRequest, upstream: aiohttp.ClientResponse, media: str) -> web.StreamResponse:
    """Chunk by chunk. What ends too early ends the connection, so that the reader can tell."""
    answer = web.StreamResponse(headers={"Content-Type": media})
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
