"""The node's end of the bridge: keeps the node joined to whichever bridgehead answers, and never gives up.

Each desired update is written to the ledger, put in force by the agent, and only then acknowledged. Losing the
connection changes nothing but `status`. Work under way when a connection is lost is finished, not cancelled, so
that what the ledger claims is what is in force.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2

from bascule.bridge import contracts, dialing, messages, renewing, reporting, transport, wire
from bascule.bridge.identity import certificates, faults
from bascule.bridge.session import exchange, following
from bascule.vocabulary import clock as clocks

Credentials = transport.Credentials

_log = logging.getLogger(__name__)
_STABLE_SECONDS = 5.0


@dataclass
class Status:
    """How fresh the node's knowledge is. `problem` says why there is no connection now."""

    connected_since: datetime | None = None
    last_contact: datetime | None = None
    bridge: str = ""
    problem: str = ""
    certificate_expires: datetime | None = None
    lag_seconds: float | None = None
    """From the arrival of the newest change here to its being in force"""
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    """kind -> name -> reason, of what is not in force as the control side wants it"""


class NodeEnd:
    """`run` ends only by cancellation. `addresses` ("host:port") are tried in turn, starting at a random one."""

    def __init__(
        self,
        node: str,
        addresses: Sequence[str],
        credentials: transport.Credentials,
        ledger: contracts.Ledger,
        on_desired: contracts.OnDesired,
        on_tunnel: contracts.TunnelHandler,
        *,
        on_connected: contracts.OnConnected = lambda: None,
        on_refused: contracts.OnRefused = lambda kind, reason: None,
        offline_grace_seconds: int = renewing.OFFLINE_GRACE_SECONDS,
        clock: clocks.Clock | None = None,
        source: random.Random | None = None,
    ) -> None:
        self.node = node
        self._addresses = list(addresses)
        self._credentials = credentials
        self._ledger = ledger
        self._on_desired = on_desired
        self._on_tunnel = on_tunnel
        self._on_connected = on_connected
        self._on_refused = on_refused
        self._clock = clock or clocks.SystemClock()
        self._random = source or random.Random()
        self._renewing = renewing.Renewing(node, credentials, offline_grace_seconds, self._clock)
        self._following = following.Following(node, ledger.versions)
        self._told_refused: dict[str, str] = {}
        self._enforcing = {kind: asyncio.Lock() for kind in messages.KINDS}
        self._under_way: set[asyncio.Task[exchange.Request]] = set()
        self.status = Status(refused=self._following.refused)

    async def run(self) -> None:
        backoff = transport.Backoff(self._random)
        turn = self._random.randrange(len(self._addresses)) if self._addresses else 0
        try:
            while True:
                address = self._addresses[turn % len(self._addresses)]
                turn += 1
                began = self._clock.monotonic()
                problem = await self._connect(address)
                if self._clock.monotonic() - began >= _STABLE_SECONDS:
                    backoff.succeeded()
                if problem != self.status.problem:
                    _log.warning("no bridge", extra={"node": self.node, "bridge": address, "problem": problem})
                self.status.problem = problem
                self.status.connected_since = None
                await self._clock.sleep(backoff.pause_seconds())
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _connect(self, address: str) -> str:
        """One connection from beginning to end; why it ended. Raises nothing but CancelledError."""
        try:
            expiry = certificates.load(self._credentials.certificate.read_bytes()).not_valid_after_utc
            self.status.certificate_expires = expiry
            if self._clock.now() >= expiry:
                return (
                    f"the node's certificate expired on {expiry:%Y-%m-%d %H:%M} UTC; workloads go on from the "
                    "ledger; join again with a new token to be told of changes"
                )
            channel = grpc.aio.secure_channel(address, self._credentials.for_client(), options=transport.CLIENT_OPTIONS)
        except (OSError, faults.IdentityError) as error:
            return f"the node's identity cannot be used: {error}"
        try:
            await transport.until_first_ends(
                self._desired(channel, address),
                self._actual(channel),
                dialing.Dialer(channel, self._on_tunnel).run(),
                self._renewing.run(channel, self._renewed),
            )
            return f"{address} ended the connection"
        except grpc.aio.AioRpcError as error:
            return f"{address}: {error.details() or error.code().name}"
        except asyncio.InvalidStateError:
            return f"{address}: the stream ended"
        except (ConnectionError, TimeoutError, ValueError) as error:
            return f"{address}: {error}"
        except Exception as error:
            _log.exception("the bridge failed", extra={"node": self.node})
            return f"{address}: {type(error).__name__}: {error}"
        finally:
            await channel.close()

    async def _desired(self, channel: Any, address: str) -> None:
        call = channel.stream_stream(
            transport.DESIRED,
            discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
            discovery_pb2.DeltaDiscoveryResponse.FromString,
        )()
        outgoing: asyncio.Queue[exchange.Request] = asyncio.Queue()
        answering: set[asyncio.Task[None]] = set()

        async def answer(response: exchange.Response) -> None:
            task = asyncio.create_task(self._take(response))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            outgoing.put_nowait(await asyncio.shield(task))

        async def read() -> None:
            while (message := await call.read()) is not grpc.aio.EOF:
                task = asyncio.create_task(answer(wire.decode_response(message)))
                answering.add(task)
                task.add_done_callback(answering.discard)
            code, details = await call.code(), await call.details()
            raise ConnectionError(details or f"the stream ended ({code.name})")

        async def write() -> None:
            while True:
                request = await outgoing.get()
                async with asyncio.timeout(transport.SEND_TIMEOUT_SECONDS):
                    await call.write(wire.encode_request(request))

        try:
            for request in self._following.open(self._ledger.position):
                outgoing.put_nowait(request)
            await transport.begun(call)
            self.status.connected_since = self.status.last_contact = self._clock.now()
            self.status.bridge, self.status.problem = address, ""
            _log.info("bridge connected", extra={"node": self.node, "bridge": address})
            self._on_connected()
            await transport.until_first_ends(read(), write())
        finally:
            call.cancel()
            for task in answering:
                task.cancel()

    async def _take(self, response: exchange.Response) -> exchange.Request:
        """Ledger first, then in force, then the answer. One at a time for each kind."""
        kind = response.kind
        lock = self._enforcing.get(kind)
        if lock is None:
            refused = messages.Refused(messages.Objection.CONTENT, f"this node knows no {kind}")
            return self._following.refuse(following.Step(response.nonce, response.update, ()), refused)
        async with lock:
            began = self._clock.monotonic()
            step = self._following.received(response)
            outcome = self._ledger.apply(step.update)
            if isinstance(outcome, messages.Refused):
                self._tell_refused(kind, outcome)
                return self._following.refuse(step, outcome)
            self._told_refused.pop(kind, None)
            names = self._following.to_enforce(step, outcome)
            try:
                refusals = await self._on_desired(kind, names) if names else []
            except Exception as error:
                _log.exception("desired state not in force", extra={"kind": kind})
                refusals = [messages.Refusal(name, f"{type(error).__name__}: {error}") for name in sorted(names)]
            answer = self._following.settle(step, refusals)
            if answer.problem is not None:
                self._on_refused(kind, answer.problem.message)
            if names:
                self.status.lag_seconds = self._clock.monotonic() - began
            return answer

    def _tell_refused(self, kind: str, outcome: messages.Refused) -> None:
        if outcome.objection is messages.Objection.UNCONFIRMED:
            _log.info("removal waits for its confirmation", extra={"kind": kind, "reason": outcome.reason})
            return
        if self._told_refused.get(kind) != outcome.reason:  # it is offered again every few seconds
            self._told_refused[kind] = outcome.reason
            _log.error("desired state refused", extra={"kind": kind, "reason": outcome.reason})
            self._on_refused(kind, outcome.reason)

    async def _actual(self, channel: Any) -> None:
        call = channel.stream_stream(transport.ACTUAL)()
        link = reporting.Link(call, self._ledger, self._clock)
        try:
            await transport.begun(call)
            await transport.until_first_ends(link.read(self._contact), link.write(), link.beat(), link.follow_reports())
        finally:
            call.cancel()

    def _contact(self) -> None:
        self.status.last_contact = self._clock.now()

    def _renewed(self, expires: datetime) -> None:
        self.status.certificate_expires = expires
