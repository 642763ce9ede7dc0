"""The bridge raised for longer than a node may be silent, then lowered: the node stands again as before."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bascule.bridge.identity import authority, files, nodes, pki, requests
from bascule.console.demo import harm, workload, world
from bascule.console.local import access, bridge, machine, plan, processes, supervisor
from bascule.vocabulary import builtins, conditions, errors, objects
from bascule.vocabulary import clock as clocks
from bascule.vocabulary.objects import Object
from tests import waiting
from tests.scenarios import platform

RETURNED_SECONDS = 3

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(300)]


def _taints(node: Object) -> list[str]:
    return [taint["key"] for taint in (node.get("spec") or {}).get("taints") or ()]


@pytest.mark.skipif(machine.envoy_binary() is None, reason="SKIPPED LOUDLY: needs Envoy")
async def test_a_node_that_was_taken_for_lost_is_itself_again(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with platform.running(tmp_path, runtime="process") as up:
        await up.deploy()
        servers = harm.servers(up.layout)
        async with up.client() as api:

            async def node() -> Object:
                return await api.get(builtins.NODES, "node-1")

            async def lost() -> bool:
                seen = await node()
                return not conditions.is_true(seen, "Ready") and bool(_taints(seen))

            async def returned() -> bool:
                try:
                    seen = await node()
                except errors.StatusError:  # deleted, for the moment
                    return False
                return conditions.is_true(seen, "Ready") and not _taints(seen)

            await bridge.ask(up.layout, up.installation, "raise")
            await waiting.until(lost, timeout_seconds=20, what="the silent node to be taken for lost")
            began = loop.time()
            await bridge.ask(up.layout, up.installation, "lower")
            await waiting.until(returned, timeout_seconds=20, what="the node to be itself again")
            took = loop.time() - began
            assert harm.servers(up.layout) == servers, "the bridge touched a pod"

            before = objects.uid(await node())
            await api.delete(builtins.NODES, "node-1")
            await waiting.until(returned, timeout_seconds=10, what="a deleted node to register again")
            assert objects.uid(await node()) != before

            await world.deploy(api, workload.manifests(up.installation, up.layout, round_number=2))
            await waiting.until(lambda: world.rolled_out(api), timeout_seconds=60, what="a rollout after the return")
    print(f"\nready and without taints {took:.1f} s after the bridge was lowered")
    assert took < RETURNED_SECONDS


@pytest.mark.skipif(machine.envoy_binary() is None, reason="SKIPPED LOUDLY: needs Envoy")
async def test_a_node_whose_certificate_expired_runs_on_and_joins_again(tmp_path: Path) -> None:
    async with platform.running(tmp_path, runtime="process") as up:
        address = await up.deploy()
        servers = harm.servers(up.layout)
        directory = up.layout.node("node-1")
        token = plan.token_file(up.layout, "node-1")
        token.write_text("nothing.yet")
        state = supervisor.read_state(up.data.state_file)
        for name in ("supervisor", "agent-node-1"):
            harm.kill(state[name])
            await processes.wait_gone(state[name])
        _expire(up.layout.data_dir, directory)
        supervisor.start(up.data)
        log = up.layout.logs / "agent-node-1.log"
        await waiting.until(lambda: "expired on" in log.read_text(), timeout_seconds=30, what="the expiry to be said")
        async with up.load(address) as load:
            await asyncio.sleep(3)
        assert load.total.failed == 0, load.total
        async with up.client() as api:
            await waiting.until(lambda: up.node_is("node-1", ready=False), timeout_seconds=20, what="silence to show")
            secret, fresh = access.bootstrap_token("for the return of node-1")
            await api.create(builtins.SECRETS, secret)
            token.write_text(fresh)
            await waiting.until(lambda: up.node_is("node-1", ready=True), timeout_seconds=20, what="the node's return")
        assert harm.servers(up.layout) == servers, "a certificate touched a pod"


def _expire(data_dir: Path, directory: Path) -> None:
    """The node's own key, with a certificate that ended yesterday."""
    past = clocks.ManualClock(clocks.SystemClock().now() - timedelta(days=2))
    ca = pki.layout(data_dir).load_authority()
    request = requests.load(nodes.request(nodes.ensure_key(directory), "node-1"))
    expired = authority.sign(ca, request, usages=["client"], lifetime_seconds=86_400, clock=past)
    files.write(directory / "node.crt", expired)
