"""A real agent with real processes: pods outlive it, it repairs them, a reboot is undone from the ledger."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.data.ledger.ledger import Ledger
from bascule.data.runtime import contract
from bascule.data.runtime.process import records
from tests import waiting

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

NODE = "n1"
SCRIPT = "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"


class Machine:
    """One node's directory and whatever runs on it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.directory = data_dir / "nodes" / NODE
        self.directory.mkdir(parents=True)
        self.process: asyncio.subprocess.Process | None = None
        self._generation = 0

    def tell(self, pod: dict[str, Any]) -> None:
        """As the bridge would while the agent does not run."""
        ledger = Ledger.open(self.directory / "ledger.db")
        self._generation += 1
        desired = messages.Desired("pods", "root/shop/web", str(self._generation), json.dumps(pod).encode())
        position = messages.Position("i", 1, self._generation)
        assert isinstance(ledger.apply(messages.Update("pods", position, (desired,))), messages.Applied)
        ledger.close()

    async def _agent(self, *more: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "bascule.data.agent", "--data-dir", str(self.data_dir)]
        command += ["--node-name", NODE, "--runtime", "process", *more]
        return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)

    async def tear_down(self) -> None:
        process = await self._agent("--tear-down")
        async with asyncio.timeout(20):
            assert await process.wait() == 0

    async def start(self) -> None:
        self.process = await self._agent()
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            ready = json.loads(await self.process.stdout.readline())
        assert ready["ready"] == "agent"

    async def stop(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        async with asyncio.timeout(10):
            await self.process.wait()
        self.process = None

    def containers(self) -> list[contract.Container]:
        return list(records.containers(self.directory / "process"))

    def live(self) -> list[contract.Container]:
        return [run for run in self.containers() if run.state is contract.State.RUNNING]

    def state(self, container_id: str) -> dict[str, Any]:
        found = records.read(self.directory / "process" / "containers" / container_id / "state.json")
        assert found is not None
        return found

    async def one_live(self) -> contract.Container:
        return await waiting.until(lambda: (runs := self.live()) and len(runs) == 1 and runs[0], what="one container")


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    container = {"name": "main", "image": "any:1", "command": ["/bin/sh", "-c", SCRIPT]}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1"},
        "spec": {"containers": [container], "nodeName": NODE, "restartPolicy": "Always"},
    }
    machine.tell(pod)
    yield machine
    if machine.process is not None:
        await machine.stop(signal.SIGKILL)
    await machine.tear_down()
    assert machine.containers() == []


async def test_killing_the_agent_touches_no_pod_and_killing_a_container_restarts_it(machine: Machine) -> None:
    await machine.start()
    first = await machine.one_live()
    before = machine.state(first.id)
    await machine.stop(signal.SIGKILL)
    assert [run.id for run in machine.live()] == [first.id]
    await machine.start()
    assert machine.state(first.id) == before
    assert [(run.id, run.state) for run in machine.containers()] == [(first.id, contract.State.RUNNING)]

    os.kill(before["pid"], signal.SIGKILL)
    second = await waiting.until(
        lambda: next((run for run in machine.live() if run.id != first.id), None), timeout_seconds=15, what="a restart"
    )
    assert second.attempt == 1
    await machine.stop(signal.SIGTERM)
    assert [run.id for run in machine.live()] == [second.id]


async def test_a_container_killed_while_no_agent_runs_is_restarted_by_the_next(machine: Machine) -> None:
    await machine.start()
    first = await machine.one_live()
    await machine.stop(signal.SIGKILL)
    os.kill(machine.state(first.id)["pid"], signal.SIGKILL)
    await waiting.until(lambda: not machine.live(), what="its end")
    await machine.start()
    assert (await machine.one_live()).attempt == 1


async def test_the_agent_carries_nothing_of_the_control_tower() -> None:
    code = (
        "import sys, bascule.data.agent.__main__, bascule.data.runtime.containerd.driver;"
        "bad = [m for m in sys.modules if m.startswith(('bascule.control', 'bascule.client', 'bascule.console'))];"
        "sys.exit(repr(bad) if bad else 0)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0


async def test_an_idle_agent_is_small_and_idle(machine: Machine) -> None:
    await machine.start()
    await machine.one_live()
    assert machine.process is not None
    await asyncio.sleep(0.5)  # the burst of the start is over
    stat = Path(f"/proc/{machine.process.pid}/stat")

    def ticks() -> int:
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    await asyncio.sleep(2.0)
    assert (ticks() - before) / os.sysconf("SC_CLK_TCK") <= 0.1
    status = dict(line.split(":", 1) for line in Path(f"/proc/{machine.process.pid}/status").read_text().splitlines())
    resident_kb = int(status["VmRSS"].split()[0])
    assert resident_kb < 80 * 1024, f"{resident_kb} kB"
