"""The bridge raised for longer than a node may be silent, then lowered: the node stands again as before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bascule.console.demo import harm, workload, world
from bascule.console.local import bridge, machine
from bascule.vocabulary import builtins, conditions, errors, objects
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
