"""`python -m bascule.data.agent`: one node. Acts from its ledger at once, whether or not a bridge is there.

SIGTERM ends the agent within seconds and leaves every pod running.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import ipaddress
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from bascule.data.agent import joining, jsonlog, network, node_status, options, teardown, wiring
from bascule.data.agent.events import Events
from bascule.data.agent.host import Host
from bascule.data.agent.node import Node
from bascule.data.agent.tunnel import Tunnels
from bascule.data.ledger.ledger import Ledger
from bascule.data.ledger.schema import LedgerError
from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks

_log = logging.getLogger("bascule.data.agent")


def pod_cidr(chosen: argparse.Namespace, ledger: Ledger) -> str:
    """The node's pod addresses: as told, as its Node says, or by its name a /24 of the cluster's range."""
    if chosen.pod_cidr:
        return str(chosen.pod_cidr)
    if chosen.runtime != "containerd":  # any address of the loopback network may be bound, by anyone
        own_place = chosen.data_dir.resolve() / chosen.node_name  # two installations on one machine must not meet
        number = hashlib.blake2s(str(own_place).encode()).digest()
        return f"127.{64 + number[0] % 64}.{number[1]}.0/24"
    own = ledger.get("nodes", f"root//{chosen.node_name}")
    told = (own.object().get("spec") or {}).get("podCIDR") if own is not None else None
    if told:
        return str(told)
    blocks = list(ipaddress.ip_network(chosen.cluster_cidr).subnets(new_prefix=24))
    return str(blocks[int.from_bytes(hashlib.blake2s(chosen.node_name.encode()).digest()[:4], "big") % len(blocks)])


def cgroup_parent(chosen: argparse.Namespace) -> str:
    """The control group of the node's pods; another installation's node of the same name has another."""
    tag = hashlib.blake2s(str(chosen.data_dir.resolve()).encode(), digest_size=3).hexdigest()
    return str(chosen.cgroup_parent or f"bascule-{tag}/{chosen.node_name}")


def build(chosen: argparse.Namespace, directory: Path, ledger: Ledger) -> Node:
    cidr = pod_cidr(chosen, ledger)
    group = cgroup_parent(chosen)
    runtime = wiring.runtime(chosen.runtime, directory, cidr, group)
    names = network.Names((chosen.dns_address,) if chosen.dns_address else (), chosen.domain)
    profile = options.profile(chosen, zone=chosen.zone)
    clock = clocks.SystemClock()
    host = Host(
        node=chosen.node_name,
        host_ip=chosen.node_address,
        directory=directory,
        runtime=runtime,
        ledger=ledger,
        network=wiring.pod_network(chosen, directory, cidr, names, ledger),
        events=Events(ledger, chosen.node_name, clock),
        clock=clock,
        memory_bytes=node_status.memory_bytes(profile),
        cgroup_parent=f"/{group}",
        manages_hosts_file=chosen.runtime == "containerd",
        withdraw_seconds=chosen.withdraw_seconds,
    )
    return Node(host, profile)


async def announce(node: Node) -> None:
    """The ready line, once the runtime has been looked at for the first time."""
    while node.observer.number == 0:  # noqa: ASYNC110 - a few turns, once
        await asyncio.sleep(0.02)
    print(json.dumps({"ready": "agent", "node": node.host.node, "runtime": node.host.runtime.name}), flush=True)


async def run(chosen: argparse.Namespace) -> None:
    directory = chosen.data_dir.resolve() / "nodes" / chosen.node_name
    directory.mkdir(parents=True, exist_ok=True)
    if chosen.tear_down:
        await teardown.tear_down(chosen, directory, cgroup_parent(chosen))
        return
    ledger = Ledger.open(directory / "ledger.db")
    node = build(chosen, directory, ledger)
    tunnels = Tunnels(node)
    tasks = [asyncio.create_task(node.run()), asyncio.create_task(announce(node))]
    if chosen.bridge:
        end = joining.stay_joined(chosen, chosen.node_name, directory, ledger, node, tunnels.serve)
        tasks.append(asyncio.create_task(end))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await until_stopped(tasks, stopping)
    finally:
        ledger.close()


async def until_stopped(tasks: list[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    """Runs the tasks until `stopping` is set or one of them fails; none is left when it returns."""
    stop = asyncio.create_task(stopping.wait())
    running: set[asyncio.Task[Any]] = {stop, *tasks}
    try:
        while stop in running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in (*tasks, stop):
            task.cancel()
        await asyncio.gather(*tasks, stop, return_exceptions=True)


def main() -> None:
    chosen = options.parser().parse_args()
    jsonlog.begin(chosen.log_level)
    try:
        asyncio.run(run(chosen))
    except (LedgerError, contract.RuntimeFault) as error:
        sys.exit(f"the agent cannot start: {error}")


if __name__ == "__main__":
    main()
