"""Probes: what a try says, how tries are counted, which probe holds back which, what a failure costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.data.agent.pods import model, probers
from bascule.data.agent.pods.probing import Probing, Tally
from bascule.data.runtime import contract
from bascule.data.runtime.hollow.driver import HollowRuntime
from bascule.vocabulary import clock as clocks
from tests.unit.data.agent.world import World, make_pod

START = datetime(2026, 1, 1, tzinfo=UTC)


class Scripted(HollowRuntime):
    """Exec answers as `code` says; `asked` are the commands' first words in the order they came."""

    def __init__(self) -> None:
        super().__init__()
        self.code: dict[str, int] = {}
        self.asked: list[str] = []

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> contract.ExecResult:
        self.asked.append(command[0])
        return contract.ExecResult(self.code.get(command[0], 0), b"seen", b"")


def probe(kind: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"command": [kind]}, "periodSeconds": 10} | more


@asynccontextmanager
async def probing(**probes: Any) -> AsyncIterator[tuple[Scripted, clocks.ManualClock, model.Health, list[str]]]:
    clock, runtime, health = clocks.ManualClock(START), Scripted(), model.Health()
    said: list[str] = []
    run = contract.Container(
        "c1", "box", "u", "main", 0, "img", "img", contract.State.RUNNING, created_at=START, started_at=START
    )
    spec = {"name": "main"} | probes
    made = Probing(spec, run, health, runtime, "127.0.0.1", clock, lambda: None, lambda title, _: said.append(title))
    try:
        await clock.advance(0)
        yield runtime, clock, health, said
    finally:
        await made.close()


def test_thresholds_count_in_a_row() -> None:
    tally = Tally({"successThreshold": 2, "failureThreshold": 3})
    answers = [tally.add(healthy) for healthy in (False, False, True, False, False, False, True, True)]
    assert answers == [None, None, None, None, None, False, None, True]


async def test_without_probes_a_container_is_started_and_ready() -> None:
    async with probing() as (runtime, _, health, _):
        assert (health.started, health.ready) == (True, True)
        assert not runtime.asked


async def test_readiness_begins_after_its_delay_and_needs_its_successes() -> None:
    wanted = probe("r", initialDelaySeconds=5, successThreshold=2)
    async with probing(readinessProbe=wanted) as (runtime, clock, health, _):
        await clock.advance(4)
        assert (runtime.asked, health.started, health.ready) == ([], True, None)
        await clock.advance(1)
        assert (runtime.asked, health.ready) == (["r"], None)
        await clock.advance(10)
        assert health.ready is True


async def test_readiness_is_lost_after_its_failures_and_comes_back() -> None:
    async with probing(readinessProbe=probe("r", failureThreshold=2)) as (runtime, clock, health, said):
        assert health.ready is True
        runtime.code["r"] = 1
        await clock.advance(10)
        assert health.ready is True
        await clock.advance(10)
        assert (health.ready, said, health.unhealthy) == (False, ["Readiness", "Readiness"], "")
        runtime.code["r"] = 0
        await clock.advance(10)
        assert health.ready is True


async def test_a_startup_probe_holds_the_others_back() -> None:
    probes = {"startupProbe": probe("s"), "readinessProbe": probe("r"), "livenessProbe": probe("l")}
    async with probing(**probes) as (runtime, clock, health, _):
        runtime.code["s"] = 0
        assert runtime.asked[:1] == ["s"]
        await clock.advance(10)
        assert health.started is True
        assert {"r", "l"} <= set(runtime.asked)
        assert health.ready is True


async def test_a_startup_probe_that_keeps_failing_condemns_the_container() -> None:
    clock, runtime, health = clocks.ManualClock(START), Scripted(), model.Health()
    runtime.code["s"] = 1
    run = contract.Container("c1", "box", "u", "main", 0, "img", "img", contract.State.RUNNING, created_at=START)
    spec = {"name": "main", "startupProbe": probe("s", failureThreshold=2), "livenessProbe": probe("l")}
    made = Probing(spec, run, health, runtime, "127.0.0.1", clock, lambda: None, lambda *_: None)
    await clock.advance(10)
    assert health.unhealthy == "Container main failed startup probe, will be restarted"
    assert (health.started, runtime.asked) == (None, ["s", "s"])
    await made.close()


async def test_liveness_condemns_after_its_failures() -> None:
    async with probing(livenessProbe=probe("l")) as (runtime, clock, health, _):
        runtime.code["l"] = 1
        await clock.advance(20)
        assert health.unhealthy == ""
        await clock.advance(10)
        assert str(health.unhealthy) == "Container main failed liveness probe, will be restarted"
        assert health.ready is True


def test_a_condemned_container_gets_the_grace_of_the_probe_that_failed() -> None:
    world = World(make_pod("web"))
    container = world.pod["spec"]["containers"][0]
    container["livenessProbe"] = {"terminationGracePeriodSeconds": 3}
    container["startupProbe"] = {"terminationGracePeriodSeconds": 60}
    world.settle()
    health = world.memory.health_of(world.run_named("web"))
    health.unhealthy = "Container web failed liveness probe, will be restarted"
    (kill,) = world.look().actions
    assert isinstance(kill, model.KillContainer)
    assert kill.grace_seconds == 3


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "healthy", "seen"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", True, ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", True, ""),
        (b"HTTP/1.1 503 No\r\n\r\n", False, "HTTP probe failed with statuscode: 503"),
        (b"nonsense\r\n\r\n", False, "the answer is not HTTP"),
    ],
)
async def test_http(answer: bytes, healthy: bool, seen: str) -> None:
    async with answering(answer) as port:
        container = {"name": "main", "ports": [{"name": "web", "containerPort": port}]}
        wanted = {"httpGet": {"path": "/healthz", "port": "web"}}
        found = await probers.check(wanted, container, "c1", Scripted(), "127.0.0.1")
    assert found[0] is healthy
    assert healthy or found[1] == seen


async def test_tcp_and_a_closed_port() -> None:
    async with answering(b"") as port:
        wanted = {"tcpSocket": {"port": port}}
        assert (await probers.check(wanted, {"name": "main"}, "c1", Scripted(), "127.0.0.1"))[0]
    healthy, seen = await probers.check(wanted, {"name": "main"}, "c1", Scripted(), "127.0.0.1")
    assert not healthy
    assert seen


async def test_exec_says_what_the_command_said() -> None:
    runtime = Scripted()
    runtime.code["check"] = 2
    assert await probers.check({"exec": {"command": ["check"]}}, {"name": "main"}, "c1", runtime, "") == (False, "seen")


async def test_an_unknown_port_is_a_failure_in_words() -> None:
    wanted = {"tcpSocket": {"port": "nosuch"}}
    healthy, seen = await probers.check(wanted, {"name": "main"}, "c1", Scripted(), "127.0.0.1")
    assert (healthy, seen) == (False, "the container has no port named 'nosuch'")


@pytest.mark.parametrize(("answer", "healthy"), [(b"\x08\x01", True), (b"\x08\x02", False)])
async def test_grpc_by_the_health_protocol(answer: bytes, healthy: bool) -> None:
    import grpc

    asked: list[bytes] = []

    async def check(request: bytes, _: Any) -> bytes:
        asked.append(request)
        return answer

    server = grpc.aio.server()
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        wanted = {"grpc": {"port": port, "service": "shop"}, "timeoutSeconds": 5}
        assert (await probers.check(wanted, {"name": "main"}, "c1", Scripted(), "127.0.0.1"))[0] is healthy
    finally:
        await server.stop(None)
    assert asked == [b"\x0a\x04shop"]
