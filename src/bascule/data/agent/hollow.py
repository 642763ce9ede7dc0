"""`python -m bascule.data.agent.hollow`: many nodes without workloads in one process, for tests of scale."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal

from bascule.data.agent import __main__ as agent
from bascule.data.agent import jsonlog, network, node_status, options
from bascule.data.agent.events import Events
from bascule.data.agent.host import Host
from bascule.data.agent.node import Node
from bascule.data.agent.tunnel import Tunnels
from bascule.data.ledger.ledger import Ledger
from bascule.data.runtime.hollow.driver import HollowRuntime
from bascule.vocabulary import clock as clocks

JOINING_AT_ONCE = 16


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser("bascule hollow", description=__doc__)
    options.add_bridge(out)
    out.add_argument("--nodes", type=int, default=100)
    out.add_argument("--zones", type=int, default=1)
    out.add_argument("--prefix", default="hollow")
    return out


def build(chosen: argparse.Namespace, number: int, ledger: Ledger) -> Node:
    """Addresses are made up: 10.x.y.0/24 for the n-th node's pods."""
    name = f"{chosen.prefix}-{number}"
    clock = clocks.SystemClock()
    cidr = f"10.{128 + number // 256 % 127}.{number % 256}.0/24"
    host_ip = f"172.{16 + number // 65536 % 16}.{number // 256 % 256}.{number % 256}"
    capacity = {"cpu": "32", "memory": "128Gi", "pods": "110"} | chosen.capacity
    profile = node_status.Profile(capacity, chosen.labels, zone=f"zone-{number % chosen.zones + 1}", boot_id=name)
    host = Host(
        node=name,
        host_ip=host_ip,
        directory=chosen.data_dir.resolve() / "nodes" / name,
        runtime=HollowRuntime(prefix=name),
        ledger=ledger,
        network=network.LoopbackNetwork(host_ip, network.Names(), cidr, ledger),
        events=Events(ledger, name, clock),
        clock=clock,
        memory_bytes=node_status.memory_bytes(profile),
    )
    return Node(host, profile)


async def live(chosen: argparse.Namespace, number: int, gate: asyncio.Semaphore) -> None:
    from bascule.data.agent import joining

    directory = chosen.data_dir.resolve() / "nodes" / f"{chosen.prefix}-{number}"
    directory.mkdir(parents=True, exist_ok=True)
    ledger = Ledger.open(directory / "ledger.db")
    node = build(chosen, number, ledger)
    running = asyncio.create_task(node.run())
    try:
        if chosen.bridge:
            async with gate:
                await joining.join_once(chosen, node.host.node, directory)
            await joining.follow(chosen, node.host.node, directory, ledger, node, Tunnels(node).serve)
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        ledger.close()


async def run(chosen: argparse.Namespace) -> None:
    gate = asyncio.Semaphore(JOINING_AT_ONCE)
    tasks = [asyncio.create_task(live(chosen, number, gate)) for number in range(chosen.nodes)]
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(json.dumps({"ready": "hollow", "nodes": chosen.nodes}), flush=True)
    await agent.until_stopped(tasks, stopping)


def main() -> None:
    chosen = parser().parse_args()
    jsonlog.begin(chosen.log_level)
    asyncio.run(run(chosen))


if __name__ == "__main__":
    main()
