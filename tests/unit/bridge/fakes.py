"""A control tower and a node reduced to what the bridge asks of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bascule.bridge import contracts, control, messages, node, transport
from bascule.bridge.identity import authority, files, nodes
from bascule.bridge.session import serving
from bascule.data.ledger.ledger import Ledger
from bascule.vocabulary import clock as clocks
from tests import waiting


def desired(kind: str, name: str, version: str) -> messages.Desired:
    _, namespace, rest = name.split("/")
    body = json.dumps({"metadata": {"name": rest, "namespace": namespace, "resourceVersion": version}}).encode()
    return messages.Desired(kind, name, version, body)


class View:
    """What a node shall have; `put` and `remove` move the generation on."""

    def __init__(self, installation: str = "here", epoch: int = 1, generation: int = 1) -> None:
        self.installation, self.epoch, self.generation = installation, epoch, generation
        self.wanted: dict[str, dict[str, messages.Desired]] = {kind: {} for kind in messages.KINDS}

    def get(self, kind: str, name: str) -> messages.Desired | None:
        return self.wanted[kind].get(name)

    def names(self, kind: str) -> Iterable[str]:
        return list(self.wanted[kind])

    def position(self, kind: str) -> messages.Position:
        return messages.Position(self.installation, self.epoch, self.generation)

    def may_remove(self, kind: str, name: str) -> bool:
        return True

    def put(self, kind: str, name: str) -> messages.Desired:
        self.generation += 1
        self.wanted[kind][name] = desired(kind, name, str(self.generation))
        return self.wanted[kind][name]

    def remove(self, kind: str, name: str) -> None:
        self.generation += 1
        del self.wanted[kind][name]

    def versions(self, kind: str) -> dict[str, str]:
        return {name: item.version for name, item in self.wanted[kind].items()}


@dataclass
class Host:
    """`control.Host`: remembers what it was told."""

    state: View = field(default_factory=View)
    closed_for: str | None = None
    streams: dict[str, control.DesiredStream] = field(default_factory=dict)
    receipts: list[serving.Receipt] = field(default_factory=list)
    reports: list[messages.Report] = field(default_factory=list)
    acknowledging: bool = True
    beats: int = 0
    ca: authority.Authority | None = None

    def refusal(self, node: str) -> str | None:
        return self.closed_for

    def view(self, node: str) -> serving.View:
        return self.state

    def opened(self, node: str, stream: control.DesiredStream) -> None:
        self.streams[node] = stream

    def received(self, node: str, stream: control.DesiredStream, receipt: serving.Receipt) -> None:
        self.receipts.append(receipt)

    def closed(self, node: str, stream: control.DesiredStream) -> None:
        if self.streams.get(node) is stream:
            del self.streams[node]

    async def actual(self, node: str, link: control.ActualLink) -> None:
        while (message := await link.receive()) is not None:
            if isinstance(message, messages.Beat):
                self.beats += 1
                await link.send(message)
            elif isinstance(message, messages.Reports):
                self.reports += [messages.Report(*report) for report in message.reports]
                if self.acknowledging:
                    await link.send(messages.Acknowledged([report[0] for report in message.reports]))

    async def renew(self, node: str, request_pem: bytes, lifetime_seconds: int | None) -> bytes:
        raise PermissionError("not in this test")

    def put(self, kind: str, name: str) -> messages.Desired:
        item = self.state.put(kind, name)
        for stream in self.streams.values():
            stream.changed(kind, {name})
        return item

    def remove(self, kind: str, name: str) -> None:
        self.state.remove(kind, name)
        for stream in self.streams.values():
            stream.changed(kind, {name})


@dataclass
class Agent:
    """Puts in force what it is told, but for the names in `unable`."""

    in_force: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    unable: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def on_desired(self, kind: str, names: frozenset[str]) -> list[messages.Refusal]:
        await self.gate.wait()
        self.in_force.append((kind, names))
        return [messages.Refusal(name, self.unable[name]) for name in sorted(names & self.unable.keys())]

    def on_connected(self) -> None:
        self.connections += 1

    def on_refused(self, kind: str, reason: str) -> None:
        self.refused.append((kind, reason))

    async def on_tunnel(self, opening: messages.TunnelOpen, stream: contracts.TunnelStream) -> None:
        if opening.verb == "logs":
            await stream.refuse(404, f"no pod {opening.pod}")
            return
        if opening.verb == "fail":
            raise RuntimeError("broken on purpose")
        while (data := await stream.receive()) is not None:
            await stream.send(data.upper())


class Installation:
    """An authority and the identities of a bridgehead and of nodes, on disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = clocks.SystemClock()
        self.ca = authority.create("test-ca", clock=self.clock)
        files.write(directory / "ca.crt", self.ca.certificate_pem)

    def bridgehead(self) -> transport.Credentials:
        issued = authority.issue(
            self.ca,
            "bascule-bridgehead",
            dns_names=["localhost"],
            ip_addresses=["127.0.0.1"],
            usages=["server"],
            clock=self.clock,
        )
        files.write(self.directory / "head.crt", issued.certificate_pem)
        files.write_key(self.directory / "head.key", issued.key_pem)
        return transport.Credentials(
            self.directory / "head.crt", self.directory / "head.key", self.directory / "ca.crt"
        )

    def node(self, name: str, *, user: str | None = None, clock: clocks.Clock | None = None) -> transport.Credentials:
        directory = self.directory / name
        issued = authority.issue(
            self.ca, user or nodes.user_name(name), [nodes.GROUP], usages=["client"], clock=clock or self.clock
        )
        files.write_key(directory / "node.key", issued.key_pem)
        files.write(directory / "node.crt", issued.certificate_pem)
        files.write(directory / "ca.crt", self.ca.certificate_pem)
        return transport.Credentials.of_node(directory)


@asynccontextmanager
async def control_end(
    host: Host, installation: Installation, *, bind: str = "127.0.0.1:0"
) -> AsyncIterator[tuple[control.ControlEnd, str]]:
    end = control.ControlEnd(host, installation.bridgehead())
    [port] = await end.start([bind])
    try:
        yield end, f"127.0.0.1:{port}"
    finally:
        await end.stop()


@asynccontextmanager
async def node_end(
    address: str, credentials: transport.Credentials, ledger: Ledger, agent: Agent, name: str = "n1"
) -> AsyncIterator[node.NodeEnd]:
    end = node.NodeEnd(
        name,
        [address],
        credentials,
        ledger,
        agent.on_desired,
        agent.on_tunnel,
        on_connected=agent.on_connected,
        on_refused=agent.on_refused,
    )
    task = asyncio.create_task(end.run())
    try:
        yield end
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def in_force(ledger: Ledger, view: View, kind: str) -> None:
    await waiting.until(
        lambda: {item.name: item.version for item in ledger.all(kind)} == view.versions(kind),
        what=f"{kind} to be as wanted",
    )
