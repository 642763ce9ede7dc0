"""How long others wait while one request is large: a small GET, asked again and again from a process of its own."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from multiprocessing import connection as pipes
from typing import Any, NamedTuple

from bench import figures, load, plan, samples, target, wire
from bench.suites import defining

PODS = 20_000
_REPEATED = 3
_PAUSE_SECONDS = 0.001
_CORE = samples.CORE
_PODS, _MAPS = f"{_CORE}/pods", f"{_CORE}/configmaps"
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_BODY_BYTES = 3 * 1024 * 1024
JSON, YAML = "application/json", "application/yaml"


class Large(NamedTuple):
    name: str
    method: str
    path: str
    body: bytes = b""
    media: str = JSON
    accept: str = "*/*"
    each: tuple[bytes, ...] = ()
    """The bodies, where each time it is another."""


async def run(wanted: plan.Plan, to: target.Target) -> Sequence[figures.Figure]:
    await plan.prepare(to)
    pods = PODS // 10 if wanted.quick else PODS
    await load.run(to, (to.request("POST", _PODS, samples.encode(samples.pod(f"h-{n}", n % 100))) for n in range(pods)))
    for name in ("small", "keys"):
        await wire.expect(to, to.request("POST", _MAPS, samples.encode(samples.config_map(name))), 409)
    found = [_figure("others' GET: nothing else", await _waits(to, None), to)]
    for large in requests(pods):
        found.append(_figure(f"others' GET: {large.name}", await _waits(to, large), to))
    async for large in definitions(wanted, to):
        found.append(_figure(f"others' GET: {large.name}", await _waits(to, large), to))
    return found


def requests(pods: int) -> Iterator[Large]:
    """The largest bodies that are taken, and the dearest questions; some are refused."""
    keys = {f"key-{number}": "value" for number in range(60_000)}
    full = samples.config_map("full") | {"data": {"a": "x" * (_BODY_BYTES - 1000)}}
    yield Large("a body of 3 MiB", "POST", _MAPS, samples.encode(full))
    many = samples.config_map("many") | {"data": keys}
    yield Large("60,000 keys created", "POST", f"{_MAPS}?dryRun=All", samples.encode(many))
    yield Large("60,000 keys merged", "PATCH", f"{_MAPS}/small?dryRun=All", _patch({"data": keys}), _merge)
    wanted = samples.config_map("keys") | {"data": keys}
    tail = "?fieldManager=large&force=true&dryRun=All"
    yield Large("60,000 keys applied", "PATCH", f"{_MAPS}/keys{tail}", _patch(wanted), "application/apply-patch+yaml")
    operations = [{"op": "add", "path": f"/data/k{number}", "value": "v"} for number in range(10_000)]
    media = "application/json-patch+json"
    yield Large("10,000 operations", "PATCH", f"{_MAPS}/small?dryRun=All", _patch(operations), media)
    deep: Any = "x"
    for _ in range(190):
        deep = {"a": deep}
    yield Large("a deep patch", "PATCH", f"{_MAPS}/small?dryRun=All", _patch({"data": deep}), _merge)
    text = "\n".join(
        ["kind: ConfigMap", "metadata: {name: yaml}", "data:", *(f"  {k}: v" for k in list(keys)[:20_000])]
    )
    yield Large("20,000 lines of YAML", "POST", f"{_MAPS}?dryRun=All", text.encode(), YAML)
    terms = ",".join(f"!a{number}" for number in range(1_000))
    yield Large("a selector of 1,000 terms", "GET", f"{_PODS}?labelSelector={terms}")
    terms = ",".join(f"!a{number}" for number in range(100))
    yield Large("a selector of 100 terms", "GET", f"{_PODS}?labelSelector={terms}")
    yield Large(f"a list of {pods:,} pods", "GET", _PODS)
    yield Large(f"a Table of {pods:,} pods", "GET", _PODS, accept=_TABLE)


async def definitions(wanted: plan.Plan, to: target.Target) -> AsyncIterator[Large]:
    """Of custom resources."""
    each = tuple(defining.large(number) for number in range(_REPEATED))
    yield Large(f"a definition of {defining.FIELDS:,} fields", "POST", defining.DEFINED, each=each)
    count = await defining.define_many(wanted, to)
    for name, path, accept in (
        ("OpenAPI v2", "/openapi/v2", "*/*"),
        ("OpenAPI v2 as protobuf", "/openapi/v2", defining.PROTOBUF),
        ("OpenAPI v3", "/openapi/v3/apis/g1.example.com/v1", "*/*"),
        ("discovery", "/apis", defining.AGGREGATED),
        ("a list", defining.DEFINED, "*/*"),
    ):
        yield Large(f"{name} of {count} definitions", "GET", path, accept=accept)
    count = await defining.use_one(wanted, to)
    yield Large(f"{count:,} custom resources after a change of their schema", "GET", defining.WIDGETS)
    yield Large(f"a Table of {count:,} custom resources", "GET", defining.WIDGETS, accept=_TABLE)


_merge = "application/merge-patch+json"
_patch = samples.encode


async def _waits(to: target.Target, large: Large | None) -> list[float]:
    """How long each small GET took, in ms, in order, while the large request was answered a few times."""
    ours, theirs = multiprocessing.Pipe()
    asking = multiprocessing.get_context("fork").Process(target=_ask, args=(to, theirs), daemon=True)
    asking.start()
    try:
        ours.recv()
        for number in range(_REPEATED):
            if large is None:
                await wire.ask(to, to.request("GET", f"{_MAPS}/small"))
            else:
                body = large.each[number] if large.each else large.body
                sent = to.request(large.method, large.path, body, media=large.media, accept=large.accept)
                await wire.ask(to, sent)
        ours.send(None)
        return sorted(ours.recv())
    finally:
        asking.kill()
        asking.join()


def _ask(to: target.Target, told: pipes.Connection) -> None:
    """In a process of its own, as reading a large answer would delay its clock."""
    plain = socket.create_connection((to.host, to.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    held = to.tls.wrap_socket(plain, server_hostname=to.host) if to.tls is not None else plain
    request = to.request("GET", f"{_MAPS}/small")
    taken: list[float] = []
    told.send(None)
    while not told.poll():
        began = time.perf_counter()
        held.sendall(request)
        answer = held.recv(65536)
        while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
            answer += held.recv(65536)
        taken.append((time.perf_counter() - began) * 1e3)
        time.sleep(_PAUSE_SECONDS)
    told.send(taken)


def _figure(name: str, waits: list[float], to: target.Target) -> figures.Figure:
    more = {"p50_ms": waits[len(waits) // 2], "p99_ms": waits[len(waits) * 99 // 100], "asked": float(len(waits))}
    return figures.Figure(name, waits[-1], "ms, longest", more=more)
