"""Both ends over real gRPC and mutual TLS on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.bridge import messages, tunnels
from bascule.data.ledger.ledger import Ledger
from tests import waiting
from tests.unit.bridge import fakes


@pytest.fixture
def installation(tmp_path: Path) -> fakes.Installation:
    return fakes.Installation(tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "ledger.db")
    yield opened
    opened.close()


async def test_desired_state_is_in_force_and_acknowledged(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent()
    host.state.put("pods", "root/ns/a")
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent) as node,
    ):
        await fakes.in_force(ledger, host.state, "pods")
        host.put("pods", "root/ns/b")
        host.remove("pods", "root/ns/a")
        await fakes.in_force(ledger, host.state, "pods")
        await waiting.until(lambda: host.streams["n1"].serving.settled("pods"))
        assert node.status.connected_since is not None
        assert ("pods", frozenset({"root/ns/a"})) in agent.in_force
        assert ledger.position == host.state.position("pods")


async def test_acknowledged_means_in_force(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent()
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent),
    ):
        await waiting.until(lambda: "n1" in host.streams and host.streams["n1"].serving.settled("pods"))
        agent.gate.clear()
        host.put("services", "root/ns/s")
        host.put("pods", "root/ns/a")
        await fakes.in_force(ledger, host.state, "pods")
        assert not host.streams["n1"].serving.settled("pods")
        agent.gate.set()
        await waiting.until(lambda: host.streams["n1"].serving.settled("pods"))


async def test_what_cannot_be_in_force_is_named(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent(unable={"root/ns/bad": "no such image"})
    host.state.put("pods", "root/ns/good")
    host.state.put("pods", "root/ns/bad")
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent) as node,
    ):
        await waiting.until(lambda: "n1" in host.streams and host.streams["n1"].serving.refused)
        assert host.streams["n1"].serving.refused == {"pods": {"root/ns/bad": "no such image"}}
        assert agent.refused == [("pods", "root/ns/bad: no such image")]
        assert node.status.refused["pods"] == {"root/ns/bad": "no such image"}
        agent.unable.clear()
        host.put("pods", "root/ns/bad")
        await waiting.until(lambda: host.streams["n1"].serving.settled("pods"))
        assert not node.status.refused["pods"]


async def test_reconnect_costs_what_changed(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent()
    for index in range(5):
        host.state.put("services", f"root/ns/s{index}")
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent) as node,
    ):
        await fakes.in_force(ledger, host.state, "services")
        await waiting.until(lambda: host.streams["n1"].serving.settled("services"))
        host.receipts.clear()
        old, stream = host.streams["n1"], host.streams.pop("n1")
        stream.cut("the bridge is raised")
        host.state.put("services", "root/ns/s1")
        host.state.remove("services", "root/ns/s2")
        await waiting.until(lambda: host.streams.get("n1", old) is not old)
        await fakes.in_force(ledger, host.state, "services")
        await waiting.until(lambda: host.streams["n1"].serving.settled("services"))
        sent = [receipt.delivered for receipt in host.receipts if receipt.kind == "services" and receipt.position]
        assert sent == [{"root/ns/s1": "7", "root/ns/s2": None}]
        assert node.status.problem == ""
        assert agent.connections == 2, "each connection has the node say everything of itself again"


async def test_reports_wait_in_the_ledger_until_acknowledged(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(acknowledging=False), fakes.Agent()
    ledger.report("pod-status", "root/ns/a", b"1")
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent),
    ):
        await waiting.until(lambda: host.reports)
        ledger.report("pod-status", "root/ns/a", b"2")
        await waiting.until(lambda: len(host.reports) == 2)
        assert [report.body for report in ledger.pending()] == [b"2"]
        host.acknowledging = True
        host.streams["n1"].cut("again")
        await waiting.until(lambda: not ledger.pending())
        assert [report.body for report in host.reports] == [b"1", b"2", b"2"]
        await waiting.until(lambda: host.beats)


@pytest.mark.parametrize(("epoch", "generation"), [(1, 100), (2, 3)])
async def test_an_older_state_is_refused(
    installation: fakes.Installation, ledger: Ledger, epoch: int, generation: int
) -> None:
    known = messages.Update("pods", messages.Position("here", 2, 50), (fakes.desired("pods", "root/ns/a", "9"),))
    assert isinstance(ledger.apply(known), messages.Applied)
    host, agent = fakes.Host(fakes.View("here", epoch, generation)), fakes.Agent()
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent),
    ):
        await waiting.until(lambda: [r for r in host.receipts if r.problem and r.kind == "pods"])
        [receipt] = [r for r in host.receipts if r.problem and r.kind == "pods"]
        assert receipt.problem is not None
        assert "refused" in receipt.problem.message
        assert [item.name for item in ledger.all("pods")] == ["root/ns/a"]
        assert not [entry for entry in agent.in_force if entry[0] == "pods"]
        assert ("pods", receipt.problem.message) in agent.refused


async def test_an_empty_state_needs_confirmation(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(fakes.View(generation=10)), fakes.Agent()
    put = tuple(fakes.desired("pods", f"root/ns/{name}", "2") for name in "abc")
    ledger.apply(messages.Update("pods", messages.Position("here", 1, 5), put))
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent),
    ):
        await waiting.until(lambda: [r for r in host.receipts if r.unconfirmed])
        assert len(ledger.all("pods")) == 3
        doubted = next(r.unconfirmed for r in host.receipts if r.unconfirmed)
        host.streams["n1"].serving.confirm("pods", doubted)
        host.streams["n1"].wake()
        await waiting.until(lambda: not ledger.all("pods"))


async def test_a_foreign_certificate_is_turned_away(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent()
    for user in ("system:node:other", "bascule:api"):
        credentials = installation.node("n1", user=user)
        async with (
            fakes.control_end(host, installation) as (_, address),
            fakes.node_end(address, credentials, ledger, agent) as node,
        ):
            await waiting.until(lambda node=node: "certificate" in node.status.problem)
    assert not ledger.all("pods")


async def test_tunnels(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(), fakes.Agent()
    where = {"cluster": "root", "namespace": "ns", "pod": "p"}
    async with (
        fakes.control_end(host, installation) as (end, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent),
    ):
        with pytest.raises(tunnels.TunnelError) as absent:
            await end.tunnels.open("n2", "exec", **where)
        assert absent.value.code == 503
        await waiting.until(lambda: end.tunnels.connected("n1"))
        tunnel = await end.tunnels.open("n1", "exec", **where, query={"command": ["sh"]})
        await tunnel.send(b"hello")
        assert await tunnel.receive() == b"HELLO"
        big = b"x" * (5 << 20)
        await tunnel.send(big)
        assert await tunnel.receive() == big.upper()
        await tunnel.close_sending()
        assert await tunnel.receive() is None
        tunnel.finish()
        for verb, code in (("logs", 404), ("fail", 500)):
            with pytest.raises(tunnels.TunnelError) as refused:
                await end.tunnels.open("n1", verb, **where)
            assert refused.value.code == code


async def test_a_closed_bridge_says_why_and_opens_again(installation: fakes.Installation, ledger: Ledger) -> None:
    host, agent = fakes.Host(closed_for="the bridge is raised"), fakes.Agent()
    host.state.put("pods", "root/ns/a")
    async with (
        fakes.control_end(host, installation) as (_, address),
        fakes.node_end(address, installation.node("n1"), ledger, agent) as node,
    ):
        await waiting.until(lambda: "the bridge is raised" in node.status.problem)
        host.closed_for = None
        await fakes.in_force(ledger, host.state, "pods")
