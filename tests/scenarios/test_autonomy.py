"""The promise: the control tower is gone, and what runs goes on. On real processes, with `kill -9`."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import dnslib
import pytest

from bascule.console.demo import harm, workload, world
from bascule.console.local import machine, processes, supervisor
from bascule.data.dns import forward
from bascule.vocabulary import builtins, conditions
from tests import waiting
from tests.scenarios import platform
from tests.scenarios.platform import Platform

DARK_SECONDS = 60
RESTARTED_SECONDS = 15
REBOOTED_SECONDS = 30
CONVERGED_SECONDS = 5

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(400)]

CONTAINERS = pytest.mark.skipif(
    not machine.containerd_ready(), reason="SKIPPED LOUDLY: needs root, containerd, runc, CNI plugins and nftables"
)
ENVOY = pytest.mark.skipif(machine.envoy_binary() is None, reason="SKIPPED LOUDLY: needs Envoy")


@pytest.fixture(
    params=[pytest.param("containerd", marks=[CONTAINERS, pytest.mark.root]), pytest.param("process", marks=ENVOY)]
)
async def up(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform.running(tmp_path, runtime=request.param) as running:
        yield running


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform.running(tmp_path, runtime="containerd", nodes=3, zones=3) as running:
        yield running


async def test_sixty_seconds_without_control_tower(up: Platform) -> None:
    address = await up.deploy()
    before = await up.pods()
    async with up.load(address) as load:
        assert await harm.kill_tower(up.control) == 5
        await asyncio.sleep(DARK_SECONDS)  # the darkness itself is what is measured
        dark = load.take()
        assert (dark.failed, dark.sent > 0.9 * 200 * DARK_SECONDS) == (0, True), dark

        servers = harm.servers(up.layout)
        harm.kill(servers[0])
        restarted = await world.until(
            _replaced(up, servers), timeout_seconds=RESTARTED_SECONDS, what="the killed container to be restarted"
        )
        await asyncio.sleep(2)  # until it is ready again, failures belong to the dead container
        load.take()

        agents = [name for name in supervisor.read_state(up.data.state_file) if name.startswith("agent-")]
        servers = harm.servers(up.layout)
        for name in agents:
            old = supervisor.read_state(up.data.state_file)[name]
            harm.kill(old)
            await processes.wait_gone(old)
            await waiting.until(lambda name=name, old=old: up.process(name) not in (None, old.pid), timeout_seconds=30)
        await asyncio.sleep(3)  # time in which a returning agent could do harm
        part = load.take()
        assert part.failed == 0, part
        assert harm.servers(up.layout) == servers, "the agent's death restarted a pod"

        began = asyncio.get_running_loop().time()
        await up.back()
        back = asyncio.get_running_loop().time() - began

        async def told() -> bool:
            return world.restarts(await up.pods()) == 1

        converged = await world.until(told, timeout_seconds=CONVERGED_SECONDS, what="the statuses to be right")
        assert (await up.pods()).keys() == before.keys()
        for pod in (await up.pods()).values():
            assert conditions.is_true(pod, "Ready"), pod["status"]
        assert load.take().failed == 0
    print(f"\nrestarted {restarted:.1f} s, control tower up {back:.1f} s, converged {converged:.1f} s")


def _replaced(up: Platform, before: list[processes.Identity]):  # type: ignore[no-untyped-def]
    async def replaced() -> bool:
        now = harm.servers(up.layout)
        return before[0] not in now and len(now) >= len(before)

    return replaced


@CONTAINERS
@pytest.mark.root
async def test_a_node_reboots_without_control_tower(tmp_path: Path) -> None:
    async with platform.running(tmp_path, runtime="containerd") as up:
        address = await up.deploy()
        before = await up.pods()
        await harm.kill_tower(up.control)
        (node,) = up.installation.nodes
        assert await harm.power_cut(up.installation, up.layout, node) > 0
        assert not harm.servers(up.layout)
        harm.power_on(up.installation, up.layout)
        took = await up.serving(address, timeout_seconds=REBOOTED_SECONDS)
        name = f"{workload.NAME}.{workload.NAMESPACE}.svc.cluster.local"
        named = await world.until(
            lambda: _resolves(up, name, address), timeout_seconds=REBOOTED_SECONDS - took, what=f"{name} to resolve"
        )
        print(f"\nserving {took:.1f} s after power on, names {named:.1f} s later")
        await up.back()

        async def same_and_ready() -> bool:
            now = await up.pods()
            return now.keys() == before.keys() and all(conditions.is_true(pod, "Ready") for pod in now.values())

        await waiting.until(same_and_ready, timeout_seconds=20, what="the same pods, ready again")


async def _resolves(up: Platform, name: str, address: str) -> bool:
    query = dnslib.DNSRecord.question(name).pack()
    try:
        answer = await forward.Forwarder([f"{up.installation.dns_address}:{up.installation.dns_port}"]).ask(query)
    except forward.Unanswered:
        return False
    return [str(rr.rdata) for rr in dnslib.DNSRecord.parse(answer).rr] == [address]


@CONTAINERS
@pytest.mark.root
async def test_one_of_three_nodes_is_lost(three: Platform) -> None:
    address = await three.deploy()
    async with three.client() as api:
        pods = await world.pods(api)
        lost = next(
            n for n in three.installation.nodes[1:] if any(p["spec"]["nodeName"] == n.name for p in pods.values())
        )
        dead = {p["status"]["podIP"] for p in pods.values() if p["spec"]["nodeName"] == lost.name}
        loop = asyncio.get_running_loop()
        began = loop.time()
        await harm.power_cut(three.installation, three.layout, lost)
        # Only that node's power is cut: the other nodes' programs go on being supervised.
        rest = tuple(p for p in three.data.processes if not p.name.endswith(lost.name))
        supervisor.start(supervisor.Tower(three.data.name, three.data.run, three.data.logs, rest))

        async def withdrawn() -> bool:
            slices = await api.list(builtins.ENDPOINT_SLICES, namespace=workload.NAMESPACE)
            ready = {
                a
                for s in slices["items"]
                for e in s.get("endpoints") or ()
                if (e.get("conditions") or {}).get("ready")
                for a in e["addresses"]
            }
            return bool(ready) and not ready & dead

        async def replaced() -> bool:
            now = [p for p in (await world.pods(api)).values() if p["spec"].get("nodeName") != lost.name]
            return sum(conditions.is_true(p, "Ready") for p in now) >= workload.REPLICAS

        await waiting.until(withdrawn, timeout_seconds=60, what="the lost node's endpoints to be withdrawn")
        after_withdrawal = loop.time() - began
        await waiting.until(replaced, timeout_seconds=120, what="replacements on the other nodes")
        after_replacement = loop.time() - began
    async with three.load(address) as load:
        await asyncio.sleep(5)
    assert load.total.failed == 0, load.total
    print(f"\nendpoints withdrawn {after_withdrawal:.1f} s, replaced {after_replacement:.1f} s after the power cut")


async def test_a_corrupt_ledger_row_costs_only_its_object(up: Platform) -> None:
    address = await up.deploy()
    servers = harm.servers(up.layout)
    await harm.kill_tower(up.control)
    state = supervisor.read_state(up.data.state_file)
    for name in ("supervisor", "agent-node-1"):
        harm.kill(state[name])
        await processes.wait_gone(state[name])
    ledger = sqlite3.connect(up.layout.node("node-1") / "ledger.db")
    (broken,) = ledger.execute("SELECT name FROM desired WHERE kind = 'pods' ORDER BY name LIMIT 1").fetchone()
    with ledger:
        ledger.execute("UPDATE desired SET body = CAST('garbage' AS BLOB) WHERE kind = 'pods' AND name = ?", (broken,))
    ledger.close()
    supervisor.start(up.data)
    await waiting.until(lambda: up.process("agent-node-1"), timeout_seconds=20, what="the agent")
    async with up.load(address) as load:
        await asyncio.sleep(5)
    assert load.total.failed == 0, load.total
    assert harm.servers(up.layout) == servers, "the row's pod, or another, was touched"
    await up.back()

    async def reported() -> bool:
        async with up.client() as api:
            events = await api.list(builtins.EVENTS, namespace="default")
        return any(broken in (event.get("message") or "") for event in events["items"])

    await waiting.until(reported, timeout_seconds=20, what="the corrupt row to be reported")
    assert harm.servers(up.layout) == servers


@pytest.mark.parametrize("state", ["older", "empty"])
async def test_an_older_or_empty_store_removes_nothing(up: Platform, state: str, tmp_path: Path) -> None:
    control = up.layout.data_dir / "control"
    saved = tmp_path / "saved"
    await harm.kill_tower(up.control)
    shutil.copytree(control, saved)
    await up.back()
    address = await up.deploy()
    servers = harm.servers(up.layout)
    await harm.kill_tower(up.control)
    for path in control.glob("state.db*"):
        path.unlink()
    if state == "older":
        for path in saved.glob("state.db*"):
            shutil.copy(path, control / path.name)
    supervisor.start(up.control)
    await waiting.until(lambda: up.process("bridgehead"), timeout_seconds=30, what="the bridgehead")
    async with up.load(address) as load:
        await asyncio.sleep(10)  # time in which an older or empty state could do harm
    assert load.total.failed == 0, load.total
    assert harm.servers(up.layout) == servers, f"the {state} store removed pods"

    def refused() -> bool:
        return "refused" in (up.layout.logs / "agent-node-1.log").read_text(errors="replace")

    await waiting.until(refused, timeout_seconds=20, what="the refusal to be reported")
    await waiting.until(lambda: _refusal_is_told(up), timeout_seconds=30, what="the refusal to stand in the API")
    if state == "older":
        # Its revisions catch up in time. What it has forgotten is then still no removal.
        async with up.client() as api:
            for number in range(200):
                await api.create(builtins.CONFIG_MAPS, {"metadata": {"name": f"n{number}", "namespace": "default"}})
            pod = {"metadata": {"name": "idle", "namespace": "default"}, "spec": {"schedulerName": "nobody"}}
            pod["spec"] |= {"containers": [{"name": "idle", "image": "idle"}]}
            await api.create(builtins.PODS, pod)
        await asyncio.sleep(8)  # longer than the bridgehead waits before it offers a refused state again
        assert harm.servers(up.layout) == servers, "an older store that caught up removed pods"


async def _refusal_is_told(up: Platform) -> bool:
    """As the Node's condition and as an Event of it."""
    async with up.client() as api:
        node = await api.get(builtins.NODES, "node-1")
        events = await api.list(builtins.EVENTS, namespace="default")
    synced = conditions.find(node["status"]["conditions"], "bascule.dev/Synced") or {}
    told = [e for e in events["items"] if e["reason"] == "DesiredStateRefused"]
    return synced.get("status") == "False" and any(e["involvedObject"]["name"] == "node-1" for e in told)


async def test_nothing_stays_behind(tmp_path: Path) -> None:
    runtime = "containerd" if machine.containerd_ready() else "process"
    async with platform.running(tmp_path, runtime=runtime) as up:
        await up.deploy()
        tag, data_dir = up.layout.tag, str(up.data_dir.resolve())
        namespaces = [node.namespace for node in up.installation.nodes if node.namespace]
    assert not harm.servers(up.layout)
    mine = [p for p in Path("/proc").iterdir() if p.name.isdigit() and data_dir in _command_line(p)]
    assert not mine, [_command_line(p) for p in mine]
    assert data_dir not in Path("/proc/self/mounts").read_text()
    assert not [n for n in namespaces if Path("/run/netns", n).exists()]
    assert not Path(f"/sys/class/net/bsc{tag}").exists()


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text().replace("\0", " ")
    except (OSError, UnicodeDecodeError):
        return ""
