"""Services through a real Envoy: balanced, moved, emptied, and alive again after kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bascule.console.local import machine
from bascule.data.network.plan import Backend, Frontend, Plan, Target
from bascule.data.proxy.engine import ProxyEngine
from tests import waiting

pytestmark = [pytest.mark.slow, pytest.mark.scenario]

BACKENDS = [f"127.77.0.{number}" for number in (1, 2, 3)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PORT, SERVED = free_port(), free_port()


async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(writer.get_extra_info("sockname")[0].encode())
    writer.close()


@pytest.fixture
async def servers() -> AsyncIterator[None]:
    running = [await asyncio.start_server(answer, address, SERVED) for address in BACKENDS]
    yield
    for server in running:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[ProxyEngine]:
    binary = machine.envoy_binary()
    if binary is None:
        pytest.skip("SKIPPED LOUDLY: Envoy is not installed; bascule doctor --install")
    made = ProxyEngine(binary, tmp_path / "proxy", "n1")
    yield made
    await made.remove()


def plan(*addresses: str) -> Plan:
    """The Service under test, and another beside it that has no backends."""
    backends = tuple(Backend(address, SERVED) for address in addresses)
    other = Target((Frontend("127.77.1.2", "tcp", PORT),), ())
    return Plan({"root/d/a:80": Target((Frontend("127.77.1.1", "tcp", PORT),), backends), "root/d/b:80": other})


async def dial() -> str:
    try:
        reader, writer = await asyncio.open_connection("127.77.1.1", PORT)
        text = (await reader.read()).decode()
        writer.close()
    except OSError:
        return ""
    return text


async def dialled(times: int = 12) -> set[str]:
    return {await dial() for _ in range(times)}


async def test_a_service_is_balanced_moves_and_survives_the_death_of_envoy(engine: ProxyEngine, servers: None) -> None:
    await engine.enforce(plan(*BACKENDS))

    async def all_seen() -> bool:
        return await dialled() == set(BACKENDS)

    await waiting.until(all_seen, what="every backend to answer")
    await engine.enforce(plan(BACKENDS[1]))

    async def moved() -> bool:
        return await dialled() == {BACKENDS[1]}

    await waiting.until(moved, what="the one backend that is left to answer")
    guard = asyncio.create_task(engine.run())
    await asyncio.sleep(0)
    before = engine._envoy.process_id()
    assert before is not None
    os.kill(before, signal.SIGKILL)

    async def again() -> bool:
        return engine._envoy.process_id() not in (None, before) and await dial() == BACKENDS[1]

    await waiting.until(again, what="Envoy to serve again from its files")
    guard.cancel()
    await asyncio.gather(guard, return_exceptions=True)


async def test_a_second_agent_finds_the_envoy_of_the_first(engine: ProxyEngine, servers: None, tmp_path: Path) -> None:
    await engine.enforce(plan(BACKENDS[0]))
    first = engine._envoy.process_id()
    binary = machine.envoy_binary()
    assert binary is not None
    second = ProxyEngine(binary, tmp_path / "proxy", "n1")
    await second.enforce(plan(BACKENDS[0]))
    assert second._envoy.process_id() == first
