"""A whole platform for one scenario: brought up in a temporary directory, looked at, and gone afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bascule.client.api import Client
from bascule.console.demo import workload, world
from bascule.console.demo.load import Load
from bascule.console.local import access, bringup, choices, plan, putdown, supervisor
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary import builtins, conditions
from bascule.vocabulary.objects import Object
from tests import waiting


class Platform:
    def __init__(self, data_dir: Path, installation: Installation) -> None:
        self.data_dir = data_dir
        self.installation = installation
        self.layout = Layout(data_dir)
        self.control = plan.control_tower(installation, self.layout)
        self.data = plan.data_tower(installation, self.layout)

    def client(self) -> Client:
        return access.client_of(self.layout)

    async def back(self) -> None:
        """Brings up what is missing."""
        await bringup.up(choices.Wishes(self.data_dir), lambda _: None)

    async def deploy(self) -> str:
        """The demo's three replicas and Service; the Service's address once it answers."""
        await workload.provide_image(self.installation, self.layout)
        async with self.client() as api:
            await world.deploy(api, workload.manifests(self.installation, self.layout))
            await waiting.until(lambda: world.rolled_out(api), timeout_seconds=60, what="the rollout")
            address = await world.service_address(api)
        await self.serving(address)
        return address

    async def serving(self, address: str, *, timeout_seconds: float = 30) -> float:
        """How long it took until the Service answered."""
        return await world.until(
            lambda: world.answers(address), timeout_seconds=timeout_seconds, what=f"an answer from {address}"
        )

    def load(self, address: str, rate_per_second: float = 200) -> Load:
        return Load(address, workload.PORT, rate_per_second, path="/index.html")

    async def pods(self) -> dict[str, Object]:
        async with self.client() as api:
            return await world.pods(api)

    async def node_is(self, name: str, *, ready: bool) -> bool:
        async with self.client() as api:
            return conditions.is_true(await api.get(builtins.NODES, name), "Ready") is ready

    def process(self, name: str) -> int | None:
        """The pid of one process of either tower, or None."""
        for tower in (self.control, self.data):
            identity = supervisor.read_state(tower.state_file).get(name)
            if identity is not None and identity.alive:
                return identity.pid
        return None


@asynccontextmanager
async def running(tmp_path: Path, *, runtime: str, nodes: int = 1, zones: int = 1) -> AsyncIterator[Platform]:
    """Up at entry, down at exit whatever happened in between."""
    data_dir = tmp_path / "b"
    try:
        wishes = choices.Wishes(data_dir, nodes=nodes, zones=zones, runtime=runtime, port=0)
        yield Platform(data_dir, await bringup.up(wishes, print))
    finally:
        await putdown.down(data_dir, print)
