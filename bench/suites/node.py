"""From an endpoint's change to its being in force on a node, through API server, bridgehead and bridge.

The node is a hollow one in this process: it writes its ledger and puts things in force as a real one does, but for
the packet filter. Measured from sending the patch to the moment the node has it in force, idle and while 16 clients
create ConfigMaps as fast as they are let.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from bascule.bridge.node import Credentials, NodeEnd
from bascule.data.agent import hollow, joining
from bascule.data.agent.tunnel import Tunnels
from bascule.data.ledger.ledger import Ledger
from bench import figures, load, own, plan, samples, target, wire

_SLICES = "/apis/discovery.k8s.io/v1/namespaces/bench/endpointslices"
_PATIENCE_SECONDS = 20
_MERGE = "application/merge-patch+json"


async def run(wanted: plan.Plan) -> Sequence[figures.Figure]:
    count = 100 if wanted.quick else 400
    with own.directory() as data:
        async with own.server(data) as (to, _):
            await plan.prepare(to)
            await wire.expect(to, to.request("POST", _SLICES, samples.encode(_slice())))
            async with _node(to, data) as arrived:
                idle = await _lags(to, arrived, count, "10.1")
                busy = asyncio.create_task(load.run(to, _storm(to), connections=16))
                try:
                    stormy = await _lags(to, arrived, count, "10.2")
                finally:
                    busy.cancel()
                    await asyncio.gather(busy, return_exceptions=True)
    return [
        _figure("endpoint change → in force on the node, idle", idle),
        _figure("the same, while 16 clients create ConfigMaps", stormy),
    ]


def _figure(name: str, lags: list[float]) -> figures.Figure:
    ordered = sorted(lags)
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return figures.Figure(name, p99 * 1e3, "ms, p99", more={"p50_ms": p50 * 1e3})


async def _lags(to: target.Target, arrived: asyncio.Event, count: int, network: str) -> list[float]:
    lags = []
    for number in range(count):
        endpoints = [{"addresses": [f"{network}.{number // 250}.{number % 250 + 1}"], "conditions": {"ready": True}}]
        request = to.request("PATCH", f"{_SLICES}/web", samples.encode({"endpoints": endpoints}), media=_MERGE)
        arrived.clear()
        began = time.perf_counter()
        await wire.expect(to, request)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await arrived.wait()
        lags.append(time.perf_counter() - began)
    return lags


def _storm(to: target.Target) -> Any:
    bodies = (samples.encode(samples.config_map(f"storm-{number}")) for number in itertools.count())
    return (to.request("POST", f"{samples.CORE}/configmaps", body) for body in bodies)


@contextlib.asynccontextmanager
async def _node(to: target.Target, data: Path) -> AsyncIterator[asyncio.Event]:
    """A bridgehead and a node joined to it; the event is set whenever EndpointSlices have come in force."""
    token = await _token(to)
    identity = str(data / "identities" / "bridgehead.kubeconfig")
    arguments = ("bascule.control.bridgehead", "--kubeconfig", identity, "--data-dir", str(data))
    async with own.process(*arguments, "--log-level", "WARNING", log=data / "bridgehead.log") as started:
        authority = ["--ca-file", str(data / "pki" / "ca.crt"), "--join-token", token]
        chosen = hollow.parser().parse_args(["--data-dir", str(data), "--bridge", started.ready["address"], *authority])
        directory = data / "nodes" / "hollow-0"
        directory.mkdir(parents=True)
        ledger = Ledger.open(directory / "ledger.db")
        node = hollow.build(chosen, 0, ledger)
        arrived = asyncio.Event()

        async def on_desired(kind: str, names: frozenset[str]) -> list[Any]:
            refusals = await node.on_desired(kind, names)
            if kind == "endpointslices":
                arrived.set()
            return refusals

        await joining.join_once(chosen, node.host.node, directory)
        end = NodeEnd(
            node.host.node,
            [started.ready["address"]],
            Credentials.of_node(directory),
            ledger,
            on_desired,
            Tunnels(node).serve,
        )
        running = [asyncio.create_task(end.run()), asyncio.create_task(node.run())]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await arrived.wait()
            yield arrived
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            ledger.close()


async def _token(to: target.Target) -> str:
    """A bootstrap token, as `bascule token` makes them."""
    identity, secret = secrets.token_hex(3), secrets.token_hex(8)
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"bootstrap-token-{identity}"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": identity,
            "token-secret": secret,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
        },
    }
    path = "/api/v1/namespaces/kube-system/secrets"
    await wire.expect(to, to.request("POST", path, samples.encode(manifest)))
    return f"{identity}.{secret}"


def _slice() -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    }
