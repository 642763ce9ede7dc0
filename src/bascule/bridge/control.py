"""The control end of the bridge: one gRPC server whose streams are tied to the nodes' certificates.

It knows the protocol and who speaks; what a node needs, and what becomes of its reports, is the `Host`'s
(`bascule.control.bridgehead`). A stream that cannot be written to within its deadline is cut, never waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import grpc
from envoy.service.discovery.v3 import discovery_pb2

from bascule.bridge import messages, renewing, transport, tunnels, wire
from bascule.bridge.identity import certificates, nodes
from bascule.bridge.session import serving

_log = logging.getLogger(__name__)


class Host(Protocol):
    """What the control tower does with the streams."""

    def refusal(self, node: str) -> str | None:
        """Why this node may not connect now; None when it may."""
        ...

    def view(self, node: str) -> serving.View: ...

    def opened(self, node: str, stream: DesiredStream) -> None: ...

    def received(self, node: str, stream: DesiredStream, receipt: serving.Receipt) -> None: ...

    def closed(self, node: str, stream: DesiredStream) -> None: ...

    async def actual(self, node: str, link: ActualLink) -> None:
        """Serves the node's reports until the link ends."""
        ...

    async def renew(self, node: str, request_pem: bytes, lifetime_seconds: int | None) -> bytes:
        """A new certificate, for as long as is asked for if that may be. Raises PermissionError with the reason."""
        ...


class DesiredStream:
    """One node's desired span: `changed` whenever something may have, `cut` to end it."""

    def __init__(self, node: str, view: serving.View) -> None:
        self.node = node
        self.serving = serving.Serving(view)
        self._work = asyncio.Event()
        self._cut: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def changed(self, kind: str, names: Sequence[str] | set[str] | frozenset[str]) -> None:
        self.serving.changed(kind, names)
        self._work.set()

    def wake(self) -> None:
        self._work.set()

    def cut(self, reason: str) -> None:
        if not self._cut.done():
            self._cut.set_result(reason)

    async def read(self, context: Any, on_receipt: Callable[[DesiredStream, serving.Receipt], None]) -> None:
        while (message := await context.read()) is not grpc.aio.EOF:
            request = wire.decode_request(message)
            if request.node and request.node != self.node:
                raise PermissionError(f"the certificate is {self.node}'s, the request speaks for {request.node}")
            receipt = self.serving.received(request)
            self._work.set()
            on_receipt(self, receipt)

    async def write(self, context: Any) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while (response := self.serving.next()) is not None:
                async with asyncio.timeout(transport.SEND_TIMEOUT_SECONDS):
                    await context.write(wire.encode_response(response))

    async def wait_cut(self) -> None:
        raise ConnectionAbortedError(await self._cut)


class ActualLink:
    """One node's reports: messages in, acknowledgements out."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._writing = asyncio.Lock()

    async def receive(self) -> messages.ActualMessage | None:
        data = await self._context.read()
        return None if data is grpc.aio.EOF else messages.decode_actual(data)

    async def send(self, message: messages.ActualMessage) -> None:
        async with self._writing, asyncio.timeout(transport.SEND_TIMEOUT_SECONDS):
            await self._context.write(messages.encode(message))


class ControlEnd:
    """`start` binds and answers with the ports; `stop` ends every stream."""

    def __init__(self, host: Host, credentials: transport.Credentials) -> None:
        self._host = host
        self._credentials = credentials
        self._server: Any = None
        self.tunnels = tunnels.Tunnels()

    async def start(self, binds: Sequence[str]) -> list[int]:
        """`binds` are "address:port" with port 0 for any. Raises OSError when a port is taken."""
        self._server = grpc.aio.server(options=transport.SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((_handlers(self),))
        ports = []
        for bind in binds:
            try:
                port = self._server.add_secure_port(bind, self._credentials.for_server())
            except RuntimeError as error:
                port = 0
                cause: Exception | None = error
            else:
                cause = None
            if port == 0:
                raise OSError(f"cannot listen on {bind}: the port is in use or not ours to use") from cause
            ports.append(port)
        await self._server.start()
        return ports

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(0.2)

    async def desired(self, context: Any) -> None:
        node = await self._admit(context)
        stream = DesiredStream(node, self._host.view(node))
        self._host.opened(node, stream)
        try:
            await _serve(
                context,
                stream.read(context, lambda stream, receipt: self._host.received(node, stream, receipt)),
                stream.write(context),
                stream.wait_cut(),
            )
        finally:
            self._host.closed(node, stream)

    async def actual(self, context: Any) -> None:
        node = await self._admit(context)
        await _serve(context, self._host.actual(node, ActualLink(context)))

    async def tunnel_requests(self, context: Any) -> None:
        node = await self._admit(context)
        await _serve(context, self.tunnels.announce(node, context), _until_end(context))

    async def attach(self, context: Any) -> None:
        node = await self._admit(context)
        await _serve(context, self.tunnels.attached(node, context))

    async def renew(self, request_pem: bytes, context: Any) -> bytes:
        node = await self._admit(context)
        try:
            metadata = dict(context.invocation_metadata())
            asked = str(metadata.get(renewing.LIFETIME_METADATA) or "")
            return await self._host.renew(node, request_pem, int(asked) if asked.isdecimal() else None)
        except PermissionError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
            raise

    async def _admit(self, context: Any) -> str:
        pem = context.auth_context().get("x509_pem_cert", [b""])[0]
        node = nodes.node_name(certificates.subject(certificates.load(pem).subject)) if pem else None
        if node is None:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not a node's certificate; the bridge is for nodes")
            raise PermissionError
        reason = self._host.refusal(node)
        if reason is not None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, reason)
        await context.send_initial_metadata(())
        return node


async def _serve(context: Any, *parts: Any) -> None:
    try:
        await transport.until_first_ends(*parts)
    except PermissionError as error:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
    except ValueError as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except (ConnectionAbortedError, TimeoutError) as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error) or "the node did not take what it was sent in time")
    except (grpc.aio.UsageError, grpc.aio.BaseError, grpc.aio.AbortError) as error:
        _log.debug("stream ended", extra={"error": repr(error)})


async def _until_end(context: Any) -> None:
    while await context.read() is not grpc.aio.EOF:
        pass


def _handlers(end: ControlEnd) -> Any:
    def streams(serve: Callable[[Any], Awaitable[None]], request: Any = None, response: Any = None) -> Any:
        async def handle(_: Any, context: Any) -> None:
            await serve(context)

        return grpc.stream_stream_rpc_method_handler(handle, request, response)

    decode = discovery_pb2.DeltaDiscoveryRequest.FromString
    encode = discovery_pb2.DeltaDiscoveryResponse.SerializeToString
    return grpc.method_handlers_generic_handler(
        transport.SERVICE,
        {
            "Desired": streams(end.desired, decode, encode),
            "Actual": streams(end.actual),
            "Tunnels": streams(end.tunnel_requests),
            "Attach": streams(end.attach),
            "Renew": grpc.unary_unary_rpc_method_handler(end.renew),
        },
    )
