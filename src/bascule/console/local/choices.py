"""What a first ``up`` chooses, and what a later one may not change: runtime, ports, ranges, nodes."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from bascule.console.local import hostnet, machine
from bascule.console.local.layout import Installation, Layout, Node

API_PORT = 6443
PORTS = range(20_000, 30_000)
"""Below node ports (30000) and below what the kernel gives to outgoing connections (32768)."""
RUNTIMES = ("containerd", "process", "hollow")


class BringUpError(Exception):
    """The platform did not come up; the message says what happened and what to do."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for; None means choose."""

    data_dir: Path
    nodes: int | None = None
    zones: int | None = None
    runtime: str | None = None
    port: int | None = None
    offline_grace: str | None = None


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def any_port(*, count: int = 1) -> int:
    """The first of ``count`` free neighbours, in a range the kernel gives to nobody else.

    A port chosen now must still be free when its server starts, and whenever it starts again.
    """
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS) - count)
        if all(is_free(port + offset) for offset in range(count)):
            return port


def choose(wishes: Wishes, layout: Layout) -> Installation:
    """The installation for a first ``up``. Raises BringUpError for what this machine cannot give."""
    runtime = wishes.runtime or ("containerd" if machine.containerd_ready() else "process")
    if runtime == "containerd" and not machine.containerd_ready():
        lacks = [f.name for f in machine.findings() if not f.present and f.name not in ("envoy", "kubectl")]
        raise BringUpError(
            f"the runtime containerd cannot be used here: {', '.join(lacks)} missing. "
            "Run bascule doctor, or use --runtime process."
        )
    port = wishes.port or (any_port() if wishes.port == 0 or not is_free(API_PORT) else API_PORT)
    if not is_free(port):
        raise BringUpError(
            f"port {port} is in use on 127.0.0.1. Stop what uses it, or choose another with --port (0 picks one)."
        )
    count, zones = wishes.nodes or 1, wishes.zones or 1
    if count < 1 or zones < 1:
        raise BringUpError("--nodes and --zones must be at least 1")
    isolated = runtime == "containerd"
    subnet = hostnet.free_subnet() if isolated else None
    service_cidr = hostnet.service_range(subnet) if subnet else "127.96.0.0/16"
    cluster_cidr = "10.244.0.0/16" if isolated else "127.128.0.0/10"
    pod_ranges = list(ipaddress.ip_network(cluster_cidr).subnets(new_prefix=24)) if isolated else []
    if isolated and count > len(pod_ranges):
        raise BringUpError(f"--nodes {count} is more than the {len(pod_ranges)} pod ranges of {cluster_cidr}")
    names = ["hollow"] if runtime == "hollow" else [f"node-{number + 1}" for number in range(count)]
    nodes = tuple(
        Node(
            name,
            f"zone-{number % zones + 1}",
            hostnet.node_address(subnet, number) if subnet else "127.0.0.1",
            hostnet.namespace_name(layout.tag, name) if subnet else "",
            str(pod_ranges[number]) if subnet else "",
        )
        for number, name in enumerate(names)
    )
    if runtime == "hollow":
        nodes = tuple(Node("hollow", f"zone-{number + 1}") for number in range(zones))
    return Installation(
        runtime=runtime,
        nodes=nodes,
        api_port=port,
        admin_ports={name: any_port() for name in ("controllers", "scheduler", "bridgehead")},
        bridge_port=any_port(count=2),
        tunnel_port=any_port(),
        service_cidr=service_cidr,
        cluster_cidr=cluster_cidr,
        dns_address=str(ipaddress.IPv4Network(service_cidr)[10]) if isolated else "127.0.0.1",
        dns_port=53 if isolated else any_port(),
        gateway=str(subnet[1]) if subnet else "",
        link=hostnet.link_name(layout.tag) if subnet else "",
        hollow_count=count if runtime == "hollow" else 0,
        offline_grace=wishes.offline_grace or "7d",
    )


def refuse_changes(wishes: Wishes, installation: Installation) -> None:
    have = {
        "nodes": installation.hollow_count or len(installation.nodes),
        "zones": len({node.zone for node in installation.nodes}),
        "runtime": installation.runtime,
        "port": installation.api_port,
        "offline_grace": installation.offline_grace,
    }
    for name, value in have.items():
        wish = getattr(wishes, name)
        if wish not in (None, value) and not (name == "port" and wish == 0):
            raise BringUpError(
                f"this installation has --{name.replace('_', '-')} {value}, not {wish}. Leave the option out to "
                "start it as it is, or make another one with --data-dir."
            )
