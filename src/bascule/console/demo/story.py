"""The acts: deploy, raise the bridge, kill, lower, roll out; then kill the whole control tower and bring it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bascule.client.api import Client
from bascule.console.demo import harm, workload, world
from bascule.console.demo.load import Load
from bascule.console.demo.promises import Promises
from bascule.console.local import access, bridge, bringup, choices, plan, processes, supervisor
from bascule.console.local.layout import Installation, Layout
from bascule.vocabulary.objects import Object

RATE_PER_SECOND = 200.0
RESTARTED_SECONDS = 15.0
CONVERGED_SECONDS = 5.0
QUIET_SECONDS = 5.0

Say = Callable[[str], None]


class Story:
    def __init__(self, data_dir: Path, say: Say, *, dark_seconds: float) -> None:
        self._layout = Layout(data_dir)
        self._say = say
        self._dark_seconds = dark_seconds
        self._wishes = choices.Wishes(data_dir)
        self.promises = Promises()

    async def tell(self) -> Promises:
        """Leaves the platform up and the demo's namespace removed."""
        installation = await bringup.up(self._wishes, self._say)
        await bridge.ask(self._layout, installation, "lower")
        async with access.client_of(self._layout) as api:
            address = await self._deploy(api, installation)
        try:
            async with (
                Load(address, workload.PORT, RATE_PER_SECOND, path="/index.html") as load,
                self._counting(load),
            ):
                await self._act_bridge(load, installation)
                await self._act_control(load, installation)
        finally:
            await self._tidy(installation)
        return self.promises

    async def _tidy(self, installation: Installation) -> None:
        """Leaves things as they were, however the story ended."""
        await bringup.up(self._wishes, lambda _: None)
        await bridge.ask(self._layout, installation, "lower")
        async with access.client_of(self._layout) as api:
            await world.remove(api)

    async def _deploy(self, api: Client, installation: Installation) -> str:
        self._title("a Deployment of three and a Service")
        await workload.provide_image(installation, self._layout)
        await world.until(lambda: world.cleared(api), timeout_seconds=60, what="an earlier demo's namespace is gone")
        await world.deploy(api, workload.manifests(installation, self._layout))
        took = await world.until(lambda: world.rolled_out(api), timeout_seconds=60, what="the Deployment is available")
        address = await world.service_address(api)
        took += await world.until(
            lambda: world.answers(address), timeout_seconds=20, what=f"the Service answers on {address}:{workload.PORT}"
        )
        self._say(f"  three replicas serve on {address}:{workload.PORT} after {took:.1f} s")
        return address

    async def _act_bridge(self, load: Load, installation: Installation) -> None:
        self._title("act one: the bridge is raised")
        await asyncio.sleep(1)
        load.take()
        async with access.client_of(self._layout) as api:
            before = await world.pods(api)
        await bridge.ask(self._layout, installation, "raise")
        self._say("  raised: no node hears from the control tower")
        await asyncio.sleep(QUIET_SECONDS)
        self._none_failed(load, "bridge raised")
        await self._kill_container(load, "bridge raised")
        await self._kill_agent(load, installation, "bridge raised")
        await bridge.ask(self._layout, installation, "lower")
        self._say("  lowered; now the Deployment changes")
        async with access.client_of(self._layout) as api:
            await self._unharmed(api, before, restarted=1, case="bridge lowered")
            await world.deploy(api, workload.manifests(installation, self._layout, round_number=2))
            took = await world.until(lambda: world.rolled_out(api), timeout_seconds=60, what="the rollout")
        self._say(f"  rolled out in {took:.1f} s")
        part = load.take()
        self.promises.check(
            "rollout under load", "0 failed requests", f"{part.failed} of {part.sent} failed", kept=part.failed == 0
        )

    async def _act_control(self, load: Load, installation: Installation) -> None:
        self._title("act two: kill -9 of every control process")
        async with access.client_of(self._layout) as api:
            before = await world.pods(api)
        load.take()
        killed = await harm.kill_tower(plan.control_tower(installation, self._layout))
        self._say(f"  {killed} processes killed; the control tower is gone")
        await asyncio.sleep(self._dark_seconds)
        self._none_failed(load, f"control tower killed, {self._dark_seconds:g} s")
        await self._kill_container(load, "control tower gone")
        await self._kill_agent(load, installation, "control tower gone")
        self._say("  the control tower comes back")
        await bringup.up(self._wishes, lambda _: None)
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with access.client_of(self._layout) as api:
            await self._unharmed(api, before, restarted=1, case="control tower back")
        took = loop.time() - began
        self.promises.check(
            "control tower back",
            f"converged in {CONVERGED_SECONDS:g} s",
            f"{took:.1f} s",
            kept=took <= CONVERGED_SECONDS,
        )
        self._none_failed(load, "control tower back")

    async def _kill_container(self, load: Load, case: str) -> None:
        load.take()
        before = harm.servers(self._layout)
        harm.kill(before[0])
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def back() -> bool:
            now = harm.servers(self._layout)
            return before[0] not in now and len(now) >= len(before)

        await world.until(back, timeout_seconds=RESTARTED_SECONDS * 2, what="the killed container runs again")
        took = loop.time() - began
        part = load.take()
        self._say(f"  a container killed: back in {took:.1f} s; {part.failed} of {part.sent} requests met the dead one")
        self.promises.check(
            f"{case}: a container is killed",
            f"restarted within {RESTARTED_SECONDS:g} s",
            f"{took:.1f} s",
            kept=took <= RESTARTED_SECONDS,
        )
        await asyncio.sleep(2)  # its readiness; what fails until then belongs to the container's death
        load.take()

    async def _kill_agent(self, load: Load, installation: Installation, case: str) -> None:
        load.take()
        data = plan.data_tower(installation, self._layout)
        agents = {n: i for n, i in supervisor.read_state(data.state_file).items() if n.startswith("agent-")}
        running = harm.servers(self._layout)
        for identity in agents.values():
            harm.kill(identity)
            await processes.wait_gone(identity)

        async def back() -> bool:
            states = supervisor.states(data)
            return all(states[name]["ready"] and states[name]["pid"] != old.pid for name, old in agents.items())

        took = await world.until(back, timeout_seconds=30, what="the agent is back")
        await asyncio.sleep(QUIET_SECONDS)
        part = load.take()
        same = running == harm.servers(self._layout)
        self._say(f"  the agent killed: back in {took:.1f} s; {part.failed} of {part.sent} requests failed meanwhile")
        self.promises.check(
            f"{case}: the agent is killed",
            "no pod restarts, 0 failed requests",
            f"{'no pod restarted' if same else 'pods restarted'}, {part.failed} of {part.sent} failed",
            kept=same and part.failed == 0,
        )

    def _none_failed(self, load: Load, case: str) -> None:
        part = load.take()
        reasons = "".join(f", {count} x {reason}" for reason, count in part.reasons.items())
        self.promises.check(
            case, "0 failed requests", f"{part.failed} of {part.sent} failed{reasons}", kept=part.failed == 0
        )

    async def _unharmed(self, api: Client, before: dict[str, Object], *, restarted: int, case: str) -> None:
        """The same pods, restarted as often as containers were killed, and their status says so."""

        async def told() -> bool:
            return world.restarts(await world.pods(api)) >= world.restarts(before) + restarted

        took = await world.until(told, timeout_seconds=30, what="the restart is reported")
        now = await world.pods(api)
        count = world.restarts(now) - world.restarts(before)
        same = now.keys() == before.keys()
        self.promises.check(
            case,
            f"same pods, {restarted} restart, reported",
            f"{'same pods' if same else 'other pods'}, {count} restart{'s' if count != 1 else ''}, after {took:.1f} s",
            kept=same and count == restarted,
        )

    @asynccontextmanager
    async def _counting(self, load: Load) -> AsyncIterator[None]:
        """Says every few seconds how many requests went and failed."""

        async def count() -> None:
            while True:
                await asyncio.sleep(5)
                total = load.total
                self._say(
                    f"    {total.sent} requests, {total.failed} failed, slowest {total.worst_seconds * 1000:.0f} ms"
                )

        task = asyncio.create_task(count())
        try:
            yield
        finally:
            task.cancel()

    def _title(self, text: str) -> None:
        self._say(f"\n{text}")
