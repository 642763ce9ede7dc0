"""As many idle watches as one server may hold, up to 100,000: what each costs in memory, and one event to all of them.

Asked for by name only (`--only many`): it takes minutes and gigabytes. What bounds it is the number of files that the
system allows a process, and the server's own bound of connections; the figure's name says how many there were.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from multiprocessing import connection as pipes
from pathlib import Path

from bench import figures, load, plan, processes, samples, target, wire

WATCHES = 100_000
_CLIENTS = 4
_KEPT_FILES = 1100
"""Of the server's and of each client's, for other ends; the server takes as many back."""
_SERVER_MAX = 20_000
_MAPS = f"{samples.CORE}/configmaps"
_EVENTS = 3
_PATIENCE_SECONDS = 900


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    await wire.expect(to, to.request("POST", _MAPS, samples.encode(samples.config_map("before"))), 409)
    count = min(WATCHES // 20 if wanted.quick else WATCHES, _affordable(to))
    path = f"{_MAPS}?watch=true&timeoutSeconds=3600&resourceVersion=" + await plan.version(to, f"{_MAPS}?limit=1")
    before, used, began = processes.resident_mb(to.pids), processes.cpu_seconds(to.pids), time.perf_counter()
    clients = [_Client(to, path, number, count // _CLIENTS) for number in range(_CLIENTS)]
    count = count // _CLIENTS * _CLIENTS
    try:
        for client in clients:
            await client.heard()
        opened = time.perf_counter() - began
        cpu_ms = (processes.cpu_seconds(to.pids) - used) / count * 1e3
        each = (processes.resident_mb(to.pids) - before) / count * 1e3
        more = {"opened_s": opened, "open_cpu_ms": cpu_ms}
        found = [figures.Figure(f"idle watch, one of {count:,}", each, "KB", more=more)] if to.pids else []
        return [*found, await _told(to, clients, count)]
    finally:
        for client in clients:
            client.end()


def _affordable(to: target.Target) -> int:
    """What the server's process and ours have files for; a peer's bound is not known."""
    _, own = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _CLIENTS * (own - _KEPT_FILES)
    for pid in to.pids:
        lines = (Path("/proc") / str(pid) / "limits").read_text().splitlines()
        hard = next(line.split()[4] for line in lines if line.startswith("Max open files"))
        limit = min(limit, _SERVER_MAX, int(hard)) - _KEPT_FILES
    return limit


async def _told(to: target.Target, clients: list[_Client], count: int) -> figures.Figure:
    """From sending the write to the last watch's having its event."""
    taken, waits = [], []
    used = processes.cpu_seconds(to.pids)
    for number in range(_EVENTS):
        over = threading.Event()
        asking = asyncio.create_task(asyncio.to_thread(_longest_get, to, over))
        began = time.monotonic()
        await load.run(to, [to.request("POST", _MAPS, samples.encode(samples.config_map(f"many-{number}")))])
        taken.append(max([await client.heard() for client in clients]) - began)
        over.set()
        waits.append(await asking)
    cpu = processes.cpu_seconds(to.pids) - used
    more = {"others_get_ms": max(waits) * 1e3}
    if to.pids:
        more["cpu_us_each"] = cpu / (_EVENTS * count) * 1e6
    return figures.median(f"one event to {count:,} watches", taken, "s", **more)


def _longest_get(to: target.Target, over: threading.Event) -> float:
    """How long the longest small GET took meanwhile."""
    plain = socket.create_connection((to.host, to.port))
    longest = 0.0
    with to.tls.wrap_socket(plain, server_hostname=to.host) if to.tls is not None else plain as stream:
        while not over.is_set():
            began = time.monotonic()
            stream.sendall(to.request("GET", f"{_MAPS}/before"))
            answer = stream.recv(65536)
            while not answer.endswith(b"\n"):
                answer += stream.recv(65536)
            longest = max(longest, time.monotonic() - began)
    return longest


class _Client:
    """A process that holds watches, and says when all are open and when all have had one more event."""

    def __init__(self, to: target.Target, path: str, number: int, count: int) -> None:
        self._told, theirs = multiprocessing.Pipe()
        forked = multiprocessing.get_context("fork")
        self._process = forked.Process(target=_hold, args=(to, path, number, count, theirs), daemon=True)
        self._process.start()

    async def heard(self) -> float:
        """What it says next."""
        if not await asyncio.to_thread(self._told.poll, _PATIENCE_SECONDS):
            raise TimeoutError(f"watches had nothing to say within {_PATIENCE_SECONDS} s")
        said: float = self._told.recv()
        return said

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _hold(to: target.Target, path: str, number: int, count: int, told: pipes.Connection) -> None:
    """Plain sockets: an event loop's protocols would take more than the server does."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    request = to.request("GET", path)
    held = {}
    waiting = select.epoll()
    for _ in range(count):
        # Ports of one address are too few for all.
        plain = socket.create_connection((to.host, to.port), source_address=(f"127.0.0.{number + 2}", 0))
        stream = to.tls.wrap_socket(plain, server_hostname=to.host) if to.tls is not None else plain
        stream.sendall(request)
        if not stream.recv(65536).startswith(b"HTTP/1.1 200"):
            raise wire.BadAnswer("a watch was refused")
        stream.setblocking(False)
        held[stream.fileno()] = stream
        waiting.register(stream.fileno(), select.EPOLLIN | select.EPOLLET)
    told.send(count)
    seen = 0
    while True:
        for file, _ in waiting.poll():
            seen += _newlines(held[file])
        if seen >= count:
            seen -= count
            told.send(time.monotonic())


def _newlines(stream: socket.socket) -> int:
    """Of events: each ends in one of its own, which the framing's CR LF are not."""
    found = 0
    while True:
        try:
            data = stream.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return found
        if not data:
            raise wire.BadAnswer("a watch ended")
        found += data.count(b"\n") - data.count(b"\r\n")
