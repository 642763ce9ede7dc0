"""Logs, exec and port-forward as the control side asks for them, on real processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bascule.bridge import messages
from bascule.data.agent.tunnel import Tunnels
from bascule.data.runtime.process.driver import ProcessRuntime
from tests.unit.data.agent.kit import Bench, pod, running

SCRIPT = "echo one; echo two >&2; echo three; trap 'exit 0' TERM; while :; do sleep 0.1; done"


class Stream:
    """The node's end of a tunnel; `inbox` is what the client sends, None its end."""

    def __init__(self, *sent: bytes | None) -> None:
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        for item in sent:
            self.inbox.put_nowait(item)
        self.heard: list[bytes] = []
        self.refused: tuple[int, str] | None = None
        self.arrived = asyncio.Event()

    async def accept(self) -> None:
        return None

    async def refuse(self, code: int, message: str) -> None:
        self.refused = (code, message)

    async def receive(self) -> bytes | None:
        return await self.inbox.get()

    async def send(self, data: bytes) -> None:
        self.heard.append(data)
        self.arrived.set()

    async def close(self) -> None:
        return None

    def channel(self, number: int) -> bytes:
        return b"".join(message[1:] for message in self.heard if message[0] == number)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    runtime = ProcessRuntime(tmp_path / "process")
    async with running(runtime, tmp_path) as bench:
        talks = {"name": "main", "image": "i", "command": ["/bin/sh", "-c", SCRIPT]}
        await bench.tell("pods", pod(containers=[talks]))
        await bench.until(lambda: bench.status().get("phase") == "Running")
        log = tmp_path / "logs" / "shop_web_uid-web" / "main" / "0.log"
        await bench.until(lambda: log.exists() and b"three" in log.read_bytes() and b"two" in log.read_bytes())
        yield bench
        for sandbox in (await runtime.observe()).sandboxes:
            await runtime.remove_sandbox(sandbox.id)


def opening(verb: str, **query: str | list[str]) -> messages.TunnelOpen:
    lists = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return messages.TunnelOpen("t", verb, "root", "shop", "web", "uid-web", "main", lists)


async def test_logs_of_a_window(bench: Bench) -> None:
    stream = Stream()
    await Tunnels(bench.node).serve(opening("logs", limitBytes="8", stream="Stdout"), stream)
    assert b"".join(stream.heard) == b"one\nthre"


async def test_followed_logs_end_with_the_container(bench: Bench) -> None:
    stream = Stream()
    task = asyncio.create_task(Tunnels(bench.node).serve(opening("logs", follow="true"), stream))
    await stream.arrived.wait()
    doomed = json.loads(json.dumps(bench.node.workers["uid-web"].pod))
    doomed["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await bench.tell("pods", doomed)
    async with asyncio.timeout(10):
        await task
    assert sorted(b"".join(stream.heard).split()) == [b"one", b"three", b"two"]


async def test_exec_carries_streams_and_the_exit_code(bench: Bench) -> None:
    stream = Stream(b"\x00hello", b"\xff\x00")
    command = ["/bin/sh", "-c", "cat; echo oops >&2; exit 4"]
    await Tunnels(bench.node).serve(opening("exec", command=command, stdin="true"), stream)
    assert (stream.channel(1), stream.channel(2)) == (b"hello", b"oops\n")
    final = json.loads(stream.channel(3))
    assert (final["status"], final["reason"]) == ("Failure", "NonZeroExitCode")
    assert final["details"]["causes"] == [{"reason": "ExitCode", "message": "4"}]


REPEATS = "while read line; do echo heard $line; done; echo over; sleep 1000"


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Callable[[bool], Awaitable[Bench]]]:
    """Makes the pod, whose container listens; the argument is its `stdinOnce`."""
    runtime = ProcessRuntime(tmp_path / "process")
    async with running(runtime, tmp_path) as bench:

        async def made(once: bool) -> Bench:
            listens = {"name": "main", "image": "i", "command": ["/bin/sh", "-c", REPEATS], "stdin": True}
            await bench.tell("pods", pod(containers=[listens | {"stdinOnce": once}]))
            await bench.until(lambda: bench.status().get("phase") == "Running")
            return bench

        yield made
        for sandbox in (await runtime.observe()).sandboxes:
            await runtime.remove_sandbox(sandbox.id)


async def test_who_attaches_leaves_with_the_end_of_his_input_and_the_containers_stays_open(
    listener: Callable[[bool], Awaitable[Bench]],
) -> None:
    bench = await listener(False)
    for word in (b"one", b"two"):
        stream = Stream(b"\x00" + word + b"\n")
        task = asyncio.create_task(Tunnels(bench.node).serve(opening("attach", stdin="true", stdout="true"), stream))
        await bench.until(lambda word=word, stream=stream: stream.channel(1) == b"heard " + word + b"\n")
        stream.inbox.put_nowait(b"\xff\x00")
        async with asyncio.timeout(5):
            await task
        assert json.loads(stream.channel(3))["status"] == "Success"
    log = bench.node.host.log_directory("shop", "web", "uid-web") / "main" / "0.log"
    assert b"over" not in log.read_bytes()


async def test_a_visitor_who_is_gone_leaves_nothing_behind(listener: Callable[[bool], Awaitable[Bench]]) -> None:
    bench = await listener(False)
    async with asyncio.timeout(5):
        await Tunnels(bench.node).serve(opening("attach", stdin="true", stdout="true"), Stream(None))


async def test_an_input_for_once_ends_with_who_attached_and_the_output_goes_on(
    listener: Callable[[bool], Awaitable[Bench]],
) -> None:
    bench = await listener(True)
    stream = Stream(b"\x00one\n", b"\xff\x00")
    task = asyncio.create_task(Tunnels(bench.node).serve(opening("attach", stdin="true", stdout="true"), stream))
    await bench.until(lambda: stream.channel(1) == b"heard one\nover\n")
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_cannot_be_is_refused(bench: Bench) -> None:
    for asked, code in (
        (messages.TunnelOpen("t", "logs", "root", "shop", "other"), 404),
        (messages.TunnelOpen("t", "logs", "root", "shop", "web", "another-uid"), 404),
        (messages.TunnelOpen("t", "logs", "root", "shop", "web", "uid-web", "nobody"), 400),
        (opening("logs", previous="true"), 400),
        (opening("exec"), 400),
    ):
        stream = Stream()
        await Tunnels(bench.node).serve(asked, stream)
        assert stream.refused is not None
        assert stream.refused[0] == code


async def test_port_forward_reaches_the_pods_address(bench: Bench) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, bench.status()["podIP"], 0)
    port = server.sockets[0].getsockname()[1]
    stream = Stream(b"\x00ping\n")
    task = asyncio.create_task(Tunnels(bench.node).serve(opening("portforward", ports=str(port)), stream))
    await bench.until(lambda: stream.heard[-1:] == [b"\xff\x00"])
    assert stream.channel(0) == b"PING\n"
    stream.inbox.put_nowait(b"\xff\x00")
    async with asyncio.timeout(5):
        await task
    server.close()
    await server.wait_closed()


async def test_the_nodes_own_loopback_is_never_meant(bench: Bench) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = Stream()
    await Tunnels(bench.node).serve(opening("portforward", ports=str(port), loopback="true"), stream)
    assert stream.refused == (502, f"dial tcp {bench.status()['podIP']}:{port}: connect: connection refused")
    server.close()
    await server.wait_closed()


async def test_a_nodes_documents(bench: Bench) -> None:
    node = Tunnels(bench.node)
    heard = {}
    for path in ("/healthz", "/pods", "/stats/summary", "/metrics", "/logs"):
        stream = Stream()
        await node.serve(messages.TunnelOpen("t", "node", "root", "-", "-", "-", "", {"path": [path]}), stream)
        heard[path] = b"".join(stream.heard)
        assert (stream.refused is None) is (path != "/logs")
    assert heard["/healthz"] == b"ok"
    (pod,) = json.loads(heard["/pods"])["items"]
    assert (pod["metadata"]["name"], pod["status"]["phase"]) == ("web", "Running")
    (summary,) = json.loads(heard["/stats/summary"])["pods"]
    assert summary["podRef"]["name"] == "web"
    assert b'container_memory_working_set_bytes{container="main",namespace="shop",pod="web"}' in heard["/metrics"]
