"""One suite over every runtime driver: what the agent relies on."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bascule.data.runtime import contract, logs
from bascule.data.runtime.hollow.driver import HollowRuntime, Outcome
from bascule.data.runtime.process.driver import ProcessRuntime
from tests import waiting

IMAGE = "bascule.test/busybox:1"
SLEEP = ("/bin/sleep", "1000")


def _root_only() -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("containerd", "runc", "ctr", "busybox"))):
        pytest.skip("NOT TESTED: containerd needs root, containerd, runc and busybox-static")


@pytest.fixture(params=["hollow", "process", pytest.param("containerd", marks=[pytest.mark.root, pytest.mark.slow])])
async def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[contract.Runtime]:
    if request.param == "containerd":
        _root_only()
        from tests.contracts.data.runtime import containerd_node

        async with containerd_node.started(tmp_path) as driver:
            yield driver
        return
    driver = ProcessRuntime(tmp_path) if request.param == "process" else HollowRuntime(script=_script)
    await driver.start()
    yield driver
    for sandbox in (await driver.observe()).sandboxes:
        await driver.remove_sandbox(sandbox.id)
    await driver.close()


def _script(spec: contract.ContainerSpec) -> Outcome:
    """Hollow containers do what these tests' commands would do."""
    if spec.command[0].endswith("absent"):
        return Outcome(start_error="no such file or directory")
    return Outcome() if spec.command == SLEEP or "trap" in str(spec.command) else Outcome(0, 3)


def pod(tmp_path: Path, **changes: object) -> contract.SandboxSpec:
    values: dict[str, object] = {
        "uid": "uid-1",
        "name": "web",
        "namespace": "shop",
        "cluster": "north",
        "log_directory": str(tmp_path / "logs"),
        "security": contract.Security(host_network=True),
    }
    return contract.SandboxSpec(**(values | changes))  # type: ignore[arg-type]


def container(*command: str, **changes: object) -> contract.ContainerSpec:
    values: dict[str, object] = {
        "name": "main",
        "image": IMAGE,
        "command": command or SLEEP,
        "log_path": "main/0.log",
        "security": contract.Security(host_network=True),
    }
    return contract.ContainerSpec(**(values | changes))  # type: ignore[arg-type]


async def until(runtime: contract.Runtime, holds: Callable[[contract.Observation], bool]) -> contract.Observation:
    """Wait as the agent does: look, then sleep until something may have changed."""
    async with asyncio.timeout(20):
        while not holds(seen := await runtime.observe()):
            await runtime.wait_changed()
        return seen


async def run(runtime: contract.Runtime, tmp_path: Path, *command: str, **changes: object) -> str:
    sandbox = await runtime.create_sandbox(pod(tmp_path))
    container_id = await runtime.create_container(sandbox.id, container(*command, **changes))
    await runtime.start_container(container_id)
    return container_id


async def test_a_sandbox_is_found_again_with_its_names(runtime: contract.Runtime, tmp_path: Path) -> None:
    made = await runtime.create_sandbox(pod(tmp_path, attempt=2))
    (seen,) = (await runtime.observe()).sandboxes
    assert (seen.id, seen.uid, seen.cluster, seen.namespace, seen.name, seen.attempt, seen.ready) == (
        made.id,
        "uid-1",
        "north",
        "shop",
        "web",
        2,
        True,
    )
    await runtime.stop_sandbox(made.id)
    await runtime.stop_sandbox(made.id)
    assert not (await runtime.observe()).sandboxes[0].ready
    await runtime.remove_sandbox(made.id)
    await runtime.remove_sandbox(made.id)
    assert (await runtime.observe()) == contract.Observation()


async def test_a_container_runs_until_it_is_stopped(runtime: contract.Runtime, tmp_path: Path) -> None:
    container_id = await run(runtime, tmp_path, attempt=4)
    seen = await until(runtime, lambda o: o.containers[0].state is contract.State.RUNNING)
    (running,) = seen.containers
    assert (running.id, running.name, running.attempt, running.uid) == (container_id, "main", 4, "uid-1")
    assert running.started_at is not None
    await runtime.stop_container(container_id, 0)
    seen = await until(runtime, lambda o: o.containers[0].state is contract.State.EXITED)
    assert seen.containers[0].exit_code == 137
    assert seen.containers[0].finished_at is not None
    await runtime.remove_container(container_id)
    await runtime.remove_container(container_id)
    assert (await runtime.observe()).containers == ()


async def test_an_exit_is_reported_with_its_code(runtime: contract.Runtime, tmp_path: Path) -> None:
    await run(runtime, tmp_path, "/bin/sh", "-c", "exit 3")
    seen = await until(runtime, lambda o: bool(o.containers) and o.containers[0].state is contract.State.EXITED)
    assert (seen.containers[0].exit_code, seen.containers[0].reason) == (3, "Error")


async def test_a_command_that_is_not_there_is_a_start_error(runtime: contract.Runtime, tmp_path: Path) -> None:
    with pytest.raises(contract.RuntimeFault, match=r"(?i)no such file or directory"):
        await run(runtime, tmp_path, "/bin/absent")


async def test_term_is_given_its_grace(runtime: contract.Runtime, tmp_path: Path) -> None:
    ready = tmp_path / "logs" / "main" / "0.log"
    script = "trap 'echo bye; exit 143' TERM; echo up; while :; do sleep 0.05; done"
    container_id = await run(runtime, tmp_path, "/bin/sh", "-c", script)
    if runtime.name != "hollow":
        await waiting.until(lambda: ready.exists() and b" up" in ready.read_bytes(), what="its first word")
    await runtime.stop_container(container_id, 10)
    seen = await until(runtime, lambda o: o.containers[0].state is contract.State.EXITED)
    assert seen.containers[0].exit_code == 143


async def test_output_is_logged_in_the_cri_format(runtime: contract.Runtime, tmp_path: Path) -> None:
    if runtime.name == "hollow":
        return
    await run(runtime, tmp_path, "/bin/sh", "-c", "echo one; echo two >&2; printf three")
    await until(runtime, lambda o: bool(o.containers) and o.containers[0].state is contract.State.EXITED)
    path = tmp_path / "logs" / "main" / "0.log"
    await waiting.until(lambda: path.read_bytes().count(b"\n") >= 3, what="three lines")
    parsed = [entry for raw in path.read_bytes().splitlines() if (entry := logs.parse(raw))]
    assert {(entry.stream, entry.text) for entry in parsed} == {
        ("stdout", b"one"),
        ("stderr", b"two"),
        ("stdout", b"three"),
    }


async def test_exec_sync_sees_the_containers_environment(runtime: contract.Runtime, tmp_path: Path) -> None:
    if runtime.name == "hollow":
        return
    container_id = await run(runtime, tmp_path, env=(("COLOUR", "green"), ("PATH", "/usr/bin:/bin")))
    result = await runtime.exec_sync(container_id, ["/bin/sh", "-c", "echo $COLOUR; echo no >&2; exit 7"], 10)
    assert result == contract.ExecResult(7, b"green\n", b"no\n")
    with pytest.raises(TimeoutError):
        await runtime.exec_sync(container_id, ["/bin/sleep", "60"], 1)


async def test_exec_streams_both_ways(runtime: contract.Runtime, tmp_path: Path) -> None:
    if runtime.name == "hollow":
        return
    container_id = await run(runtime, tmp_path)
    session = await runtime.exec(container_id, ["/bin/sh", "-c", "cat; exit 5"], tty=False, stdin=True)
    await session.write(b"over the bridge\n")
    await session.close_stdin()
    heard = b""
    async with asyncio.timeout(20):
        while (item := await session.read()) is not None:
            heard += item[1]
        assert await session.wait() == 5
    await session.close()
    assert heard == b"over the bridge\n"


async def test_a_terminal_has_the_size_it_is_given(runtime: contract.Runtime, tmp_path: Path) -> None:
    if runtime.name == "hollow":
        return
    container_id = await run(runtime, tmp_path)
    session = await runtime.exec(container_id, ["/bin/sh", "-c", "read line; stty size"], tty=True, stdin=True)
    await session.resize(97, 31)
    await session.write(b"go\n")
    heard = b""
    async with asyncio.timeout(20):
        while (item := await session.read()) is not None:
            assert item[0] == 1
            heard += item[1]
        assert await session.wait() == 0
    await session.close()
    assert b"31 97" in heard


async def test_volumes_appear_under_their_mount_paths(runtime: contract.Runtime, tmp_path: Path) -> None:
    if runtime.name == "hollow":
        return
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "greeting").write_text("hello")
    container_id = await run(runtime, tmp_path, mounts=(contract.Mount(str(volume), "/etc/greetings", read_only=True),))
    where = "etc/greetings" if runtime.name == "process" else "/etc/greetings"
    result = await runtime.exec_sync(container_id, ["/bin/cat", f"{where}/greeting"], 10)
    assert result.stdout == b"hello"


async def test_a_container_above_its_memory_limit_is_killed_for_it(runtime: contract.Runtime, tmp_path: Path) -> None:
    if isinstance(runtime, HollowRuntime):
        pytest.skip("hollow containers use no memory")
    if isinstance(runtime, ProcessRuntime):
        if not runtime.hierarchy.version:
            pytest.skip("NOT TESTED: this user may make no control groups")
        runtime.cgroup_parent = f"bascule-test-{os.getpid()}"
    limits = contract.Resources(memory_limit_bytes=16 << 20)
    await run(runtime, tmp_path, "/bin/sh", "-c", "tail /dev/zero", resources=limits)
    seen = await until(runtime, lambda o: bool(o.containers) and o.containers[0].state is contract.State.EXITED)
    assert seen.containers[0].reason == "OOMKilled"
    assert seen.containers[0].exit_code


async def test_an_attached_client_is_heard_and_hears(runtime: contract.Runtime, tmp_path: Path) -> None:
    if isinstance(runtime, HollowRuntime):
        pytest.skip("hollow containers have no streams")
    # It speaks until it is spoken to: containerd joins the streams of an attach one after the other, stdin first,
    # so an answer to input sent at once may come before anyone listens to it.
    script = """
        while :; do echo tick; sleep 0.1; done & ticker=$!
        read line; kill $ticker; wait $ticker 2>/dev/null
        echo "heard $line"; while read line; do echo "heard $line"; done; echo over"""
    container_id = await run(runtime, tmp_path, "/bin/sh", "-c", script, stdin=True, stdin_once=True)
    session = await runtime.attach(container_id, tty=False, stdin=True)
    try:
        said = b""
        async with asyncio.timeout(20):
            while b"tick\n" not in said:
                item = await session.read()
                assert item is not None
                said += item[1]
            await session.write(b"one\ntwo\n")
            await session.close_stdin()
            while (item := await session.read()) is not None:
                said += item[1]
        assert said.replace(b"tick\n", b"") == b"heard one\nheard two\nover\n"
    finally:
        await session.close()
