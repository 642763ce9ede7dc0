"""Containers of the process runtime outlive the driver that started them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bascule.data.runtime import contract
from bascule.data.runtime.process import records
from bascule.data.runtime.process.driver import ProcessRuntime


async def test_another_driver_adopts_what_runs_and_hears_its_end(tmp_path: Path) -> None:
    first = ProcessRuntime(tmp_path)
    await first.start()
    sandbox = await first.create_sandbox(
        contract.SandboxSpec(uid="u", name="p", namespace="n", log_directory=str(tmp_path / "logs"))
    )
    spec = contract.ContainerSpec(name="c", image="i", command=("/bin/sh", "-c", "echo $$; exec sleep 1000"))
    container_id = await first.create_container(sandbox.id, spec)
    await first.start_container(container_id)
    before = (await first.observe()).containers
    await first.close()

    second = ProcessRuntime(tmp_path)
    await second.start()
    assert (await second.observe()).containers == before
    assert before[0].state is contract.State.RUNNING
    await first.observe()
    await second.stop_container(container_id, 5)
    async with asyncio.timeout(10):
        await second.wait_changed()
    (after,) = (await second.observe()).containers
    assert (after.state, after.exit_code) == (contract.State.EXITED, 143)
    await second.remove_sandbox(sandbox.id)
    assert (await second.observe()) == contract.Observation()
    await second.close()


async def test_a_container_whose_shim_was_killed_counts_as_killed(tmp_path: Path) -> None:
    import os
    import signal

    runtime = ProcessRuntime(tmp_path)
    await runtime.start()
    sandbox = await runtime.create_sandbox(contract.SandboxSpec(uid="u", name="p", namespace="n"))
    spec = contract.ContainerSpec(name="c", image="i", command=("/bin/sleep", "1000"))
    container_id = await runtime.create_container(sandbox.id, spec)
    await runtime.start_container(container_id)
    await runtime.observe()
    state = records.read(tmp_path / "containers" / container_id / "state.json")
    assert state is not None
    started = records.start_time(state["pid"])
    assert started is not None
    os.kill(state["shim"], signal.SIGKILL)
    async with asyncio.timeout(10):
        await runtime.wait_changed()
    (seen,) = (await runtime.observe()).containers
    assert (seen.state, seen.exit_code) == (contract.State.EXITED, 137)
    await runtime.remove_sandbox(sandbox.id)
    assert not records.is_alive(state["pid"], started)
    await runtime.close()
