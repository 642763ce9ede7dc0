"""Rollouts under load, with servers that are gone the moment they are asked to stop: clients must have left before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bascule.console.demo import workload, world
from bascule.console.local import machine
from bascule.vocabulary.objects import Object
from tests import waiting
from tests.scenarios import platform

ROLLOUTS = 3
RATE_PER_SECOND = 200

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.timeout(300)]


def manifests(up: platform.Platform, round_number: int) -> list[Object]:
    """The demo's, but SIGTERM ends the server and whatever it is doing at once."""
    out = workload.manifests(up.installation, up.layout, round_number=round_number)
    (container,) = out[1]["spec"]["template"]["spec"]["containers"]
    shell, *_ = server = container["command"]
    script = f"trap 'kill -9 $!; exit 0' TERM; {' '.join(server)} & wait"
    container["command"] = [shell, "sh", "-c", script]
    return out


@pytest.mark.root
@pytest.mark.skipif(
    not machine.containerd_ready(), reason="SKIPPED LOUDLY: needs root, containerd, runc, CNI plugins and nftables"
)
async def test_three_rollouts_under_load_fail_no_request(tmp_path: Path) -> None:
    async with platform.running(tmp_path, runtime="containerd") as up, up.client() as api:
        await workload.provide_image(up.installation, up.layout)
        await world.deploy(api, manifests(up, 1))
        await waiting.until(lambda: world.rolled_out(api), timeout_seconds=60, what="the first rollout")
        address = await world.service_address(api)
        await up.serving(address)
        async with up.load(address, RATE_PER_SECOND) as load:
            for number in range(2, 2 + ROLLOUTS):
                before = set(await up.pods())

                async def replaced(old: set[str] = before) -> bool:
                    return await world.rolled_out(api) and not old & set(await up.pods())

                await world.deploy(api, manifests(up, number))
                await waiting.until(replaced, timeout_seconds=60, what=f"rollout {number}")
            await asyncio.sleep(1)  # old pods end a little after the rollout; their last clients count
        assert load.total.sent > ROLLOUTS * RATE_PER_SECOND
        assert load.total.reasons == {}
