"""The bridgehead put together: one gRPC server, one HTTPS server, and a `Reign` for as long as the store is the same.

When the store turns out to be another (restored, replaced), every stream is cut and everything is read anew: nodes
come back and are told the new epoch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import prometheus_client
from aiohttp import web as http

from bascule.bridge import control, join, messages, transport
from bascule.bridge.identity import pki
from bascule.bridge.session import serving
from bascule.client import api, kubeconfig
from bascule.control.bridgehead import (
    gate,
    joining,
    lag,
    liveness,
    ports,
    regression,
    reports,
    streams,
    tokens,
    tunnelling,
    web,
    world,
)
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import objects, timestamps

BEATS_FOR_AN_ANSWER = 2
"""A node needs to hear us less often than we need to hear it; each answer costs more than a beat."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """`binds` are "address:port", port 0 for any; `advertise` is the host that others reach this one by. The first of
    `https_binds` is where the API server finds the tunnels; joining is served there, and beside each of `binds` on the
    next port, where a node that knows only the bridge's address finds it."""

    kubeconfig: Path
    data_dir: Path
    binds: Sequence[str] = ("127.0.0.1:0",)
    https_binds: Sequence[str] = ("127.0.0.1:0",)
    advertise: str = ""


class Reign:
    """Everything that holds for one epoch of one store."""

    def __init__(self, client: api.Client, app: App, clock: clocks.Clock) -> None:
        self.world = world.World(client, clock, app.regression)
        self.streams = streams.Streams(self.world, client, app.lag, clock)
        self.tokens = tokens.Tokens(client, self.world, clock)
        self.reports = reports.Reports(client, self.world, clock)
        self.liveness = liveness.Liveness(
            client,
            self.world,
            self.streams,
            clock,
            tunnel_address=app.https_address,
            why_away=app.why_away,
        )

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Returns when the store is another."""

        async def watch_over() -> None:
            await self.world.wait_ready()
            _log.info("caches have synced; nodes may connect")
            on_ready()
            await self.liveness.run()

        try:
            await transport.until_first_ends(self.world.run(), watch_over())
        finally:
            self.streams.cut("the control plane reads its store anew; come back at once")
            await self.tokens.close()
            await self.reports.standing.close()
            await self.streams.close()


class App:
    """`control.Host` and `web.Bridge`. `run` ends by cancellation."""

    def __init__(self, settings: Settings, clock: clocks.Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or clocks.SystemClock()
        self._gate = gate.Gate(settings.data_dir)
        self.regression = regression.Regression(settings.data_dir)
        self.registry = prometheus_client.CollectorRegistry()
        self.lag = lag.Lag(self.registry, self._clock)
        self._reign: Reign | None = None
        self._joining: joining.Joining | None = None
        self.addresses: list[str] = []
        self.https_address = ""

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Raises OSError when a port is taken, KubeconfigError and IdentityError when files are not as needed."""
        layout = pki.layout(self._settings.data_dir)
        credentials = transport.Credentials(*layout.bridgehead_serving, layout.ca)
        connection = kubeconfig.load(self._settings.kubeconfig)
        end = control.ControlEnd(self, credentials)
        async with api.Client(connection, user_agent="bascule-bridgehead") as client:
            self._joining = joining.Joining(client, connection.server, layout.ca)
            chosen = await end.start([ports.paired(bind) for bind in self._settings.binds])
            self.addresses = [self._named(bind, port) for bind, port in zip(self._settings.binds, chosen, strict=True)]
            runner: http.AppRunner | None = None
            try:
                runner = await self._serve_https(end, credentials)
                await self._reign_for_ever(client, on_ready)
            finally:
                await end.stop()
                if runner is not None:
                    await runner.cleanup()

    async def _reign_for_ever(self, client: api.Client, on_ready: Callable[[], None]) -> None:
        while True:
            reign = Reign(client, self, self._clock)

            def begin(reign: Reign = reign) -> None:
                self._reign = reign
                on_ready()

            try:
                await reign.run(begin)
            finally:
                self._reign = None

    async def _serve_https(self, end: control.ControlEnd, credentials: transport.Credentials) -> http.AppRunner:
        assert self._joining is not None
        application = web.application(
            self,
            tunnelling.Tunnelling(end.tunnels, self._uid_of),
            self._joining,
            self.registry,
            ca=credentials.ca,
            addresses=self.addresses,
        )
        runner = http.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        context = web.tls(credentials)
        for bind in self._settings.https_binds:
            host, _, port = bind.rpartition(":")
            try:
                await http.TCPSite(runner, host, int(port), ssl_context=context).start()
            except OSError as error:
                await runner.cleanup()
                raise OSError(f"cannot listen on {bind}: the port is in use or not ours to use") from error
        self.https_address = self._named(self._settings.https_binds[0], int(runner.addresses[0][1]))
        for bind, address in zip(self._settings.binds, self.addresses, strict=True):
            beside = join.beside(address).rpartition(":")[2]
            try:
                await http.TCPSite(runner, bind.rpartition(":")[0], int(beside), ssl_context=context).start()
            except OSError as error:
                _log.warning("joining is not served on port %s (%s), only on %s", beside, error, self.https_address)
        return runner

    def _named(self, bind: str, port: int) -> str:
        host = self._settings.advertise or bind.rpartition(":")[0]
        return f"{host}:{port}"

    def _uid_of(self, key: objects.Key) -> str:
        pod = self._reign.world.informers["pods"].store.get(key) if self._reign else None
        return objects.uid(pod) if pod else ""

    # web.Bridge

    def raise_(self) -> None:
        self._gate.raise_()
        _log.warning("bridge raised")
        if self._reign is not None:
            self._reign.streams.cut(gate.RAISED)

    def lower(self) -> None:
        self._gate.lower()
        _log.warning("bridge lowered")

    def state(self) -> Mapping[str, Any]:
        reign = self._reign
        answer: dict[str, Any] = {"raised": self._gate.raised, "ready": reign is not None, "nodes": {}}
        if reign is None:
            return answer
        answer["api_staleness_seconds"] = round(reign.world.staleness_seconds, 3)
        answer["store"] = reign.world.position("pods").text()
        answer["store_went_back"] = reign.world.regressed
        monotonic, now = self._clock.monotonic(), self._clock.now()
        for name, node in reign.liveness.nodes.items():
            silent_seconds = monotonic - node.heard
            answer["nodes"][name] = {
                "connected": reign.liveness.connected(name),
                "last_heard": timestamps.format_micro(now - timedelta(seconds=silent_seconds)) if node.heard else None,
                "in_force": reign.streams.settled(name),
                "refused": reign.streams.refused(name),
                **self._lag_of(name, monotonic - node.settled if node.settled else 0.0),
            }
        return answer

    def _lag_of(self, node: str, behind_seconds: float) -> dict[str, float | None]:
        """A node that is behind lags by as long as it is, even though nothing is measured until it is no more."""
        measured = self.lag.of(node)
        behind = behind_seconds if behind_seconds > liveness.BEHIND_SECONDS else 0.0
        if measured is None:
            return {"lag_seconds": round(behind, 4) or None, "lag_p99_seconds": None}
        newest = max(measured.newest_seconds, behind)
        return {"lag_seconds": round(newest, 4), "lag_p99_seconds": round(measured.p99_seconds, 4)}

    def why_away(self) -> str:
        return gate.RAISED if self._gate.raised else ""

    # control.Host

    def refusal(self, node: str) -> str | None:
        if self._gate.raised:
            return gate.RAISED
        return None if self._reign else "the bridgehead has not read the store yet"

    def view(self, node: str) -> serving.View:
        assert self._reign is not None
        return world.NodeView(self._reign.world, node)

    def opened(self, node: str, stream: control.DesiredStream) -> None:
        assert self._reign is not None
        self._reign.streams.opened(node, stream)

    def received(self, node: str, stream: control.DesiredStream, receipt: serving.Receipt) -> None:
        if self._reign is not None:
            self._reign.streams.received(node, stream, receipt)

    def closed(self, node: str, stream: control.DesiredStream) -> None:
        if self._reign is not None:
            self._reign.streams.closed(node, stream)

    async def actual(self, node: str, link: control.ActualLink) -> None:
        reign = self._reign
        assert reign is not None
        inbox = reign.reports.inbox(node, link)
        reign.liveness.linked(node)
        try:
            while (message := await link.receive()) is not None and self._reign is reign:
                if self._gate.raised:
                    raise ConnectionAbortedError(gate.RAISED)
                if isinstance(message, messages.Beat):
                    reign.liveness.beat(node)
                    if message.number % BEATS_FOR_AN_ANSWER == 1:
                        await link.send(message)
                elif isinstance(message, messages.Reports):
                    inbox.take(message)
        finally:
            if not reign.liveness.unlinked(node):
                reign.reports.standing.silent(node)
            await inbox.close()

    async def renew(self, node: str, request_pem: bytes, lifetime_seconds: int | None) -> bytes:
        assert self._joining is not None
        return await self._joining.renew(node, request_pem, lifetime_seconds)


async def serve(settings: Settings, on_ready: Callable[[App], None]) -> None:
    """Runs until cancelled; `on_ready` is called once."""
    app = App(settings)
    told = False

    def ready() -> None:
        nonlocal told
        if not told:
            told = True
            on_ready(app)

    task = asyncio.ensure_future(app.run(ready))
    try:
        await task
    finally:
        task.cancel()
