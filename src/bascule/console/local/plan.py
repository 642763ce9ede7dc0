"""Which processes an installation consists of, as two towers. A function of the installation, nothing else.

The flags here are the programs' own; each program can be started by hand, by systemd or in a pod with the same ones.
"""

from __future__ import annotations

from pathlib import Path

from bascule.console.local import machine
from bascule.console.local.layout import Installation, Layout, Node
from bascule.console.local.processes import python_module
from bascule.console.local.supervisor import Process, Tower

CONTROL, DATA = "control", "data"


def control_tower(installation: Installation, layout: Layout) -> Tower:
    ports = installation.admin_ports
    binds = [argument for address in installation.bind_addresses for argument in ("--bind", address)]
    api = python_module(
        "bascule.control.api",
        "--data-dir",
        str(layout.data_dir),
        "--port",
        str(installation.api_port),
        *binds,
        *(("--advertise", installation.gateway) if installation.gateway else ()),
        "--service-cidr",
        installation.service_cidr,
    )
    controllers = python_module(
        "bascule.control.controllers",
        "--kubeconfig",
        str(layout.identity("controllers")),
        "--port",
        str(ports["controllers"]),
        "--cluster-cidr",
        installation.cluster_cidr,
        *(("--allocate-node-cidrs",) if installation.runtime == "containerd" else ()),
    )
    scheduler = python_module(
        "bascule.control.scheduler",
        "--kubeconfig",
        str(layout.identity("scheduler")),
        "--port",
        str(ports["scheduler"]),
    )
    bridgehead = python_module(
        "bascule.control.bridgehead",
        "--kubeconfig",
        str(layout.identity("bridgehead")),
        "--data-dir",
        str(layout.data_dir),
        "--port",
        str(installation.bridge_port),
        "--tunnel-port",
        str(installation.tunnel_port),
        "--admin-port",
        str(ports["bridgehead"]),
        *binds,
    )
    return Tower(
        CONTROL,
        str(layout.run),
        str(layout.logs),
        (
            Process("api", api),
            Process("controllers", controllers, after=("api",)),
            Process("scheduler", scheduler, after=("api",)),
            Process("bridgehead", bridgehead, after=("api",)),
        ),
    )


def data_tower(installation: Installation, layout: Layout) -> Tower:
    if installation.hollow_count:
        return Tower(DATA, str(layout.run), str(layout.logs), (_hollow(installation, layout),))
    parts = [process for node in installation.nodes for process in _node(installation, layout, node)]
    return Tower(DATA, str(layout.run), str(layout.logs), tuple(parts))


def token_file(layout: Layout, node: str) -> Path:
    return layout.node(node) / "join-token"


def cgroup(layout: Layout, node: Node) -> str:
    """The control group of a node's pods; the installation's tag keeps two installations apart."""
    return f"bascule/{layout.tag}/{node.name}"


def inside(node: Node) -> tuple[str, ...]:
    """What to put before a command so that it runs in the node's network namespace, where it has one."""
    return ("nsenter", f"--net=/run/netns/{node.namespace}", "--") if node.namespace else ()


def agent(installation: Installation, layout: Layout, node: Node) -> tuple[str, ...]:
    """The agent's command, to be run inside the node's namespace (``inside``)."""
    return python_module(
        "bascule.data.agent",
        "--data-dir",
        str(layout.data_dir),
        "--node-name",
        node.name,
        "--zone",
        node.zone,
        "--bridge",
        installation.bridge_address,
        "--ca-file",
        str(layout.data_dir / "pki" / "ca.crt"),
        "--join-token-file",
        str(token_file(layout, node.name)),
        "--runtime",
        installation.runtime,
        "--node-address",
        node.address,
        "--service-cidr",
        installation.service_cidr,
        "--cluster-cidr",
        installation.cluster_cidr,
        "--dns-address",
        installation.dns_address,
        "--offline-grace",
        installation.offline_grace,
        "--cgroup-parent",
        cgroup(layout, node),
        *(("--pod-cidr", node.pod_cidr) if node.pod_cidr else ()),
        *_proxy(installation),
    )


def _node(installation: Installation, layout: Layout, node: Node) -> list[Process]:
    dns = (
        *inside(node),
        *python_module(
            "bascule.data.dns",
            "--ledger",
            str(layout.node(node.name) / "ledger.db"),
            "--listen",
            installation.dns_address,
            "--port",
            str(installation.dns_port),
        ),
    )
    return [
        Process(f"agent-{node.name}", (*inside(node), *agent(installation, layout, node))),
        Process(f"dns-{node.name}", dns, after=(f"agent-{node.name}",)),
    ]


def _proxy(installation: Installation) -> tuple[str, ...]:
    envoy = machine.envoy_binary() if installation.runtime == "process" else None
    return ("--envoy", envoy) if envoy else ()


def _hollow(installation: Installation, layout: Layout) -> Process:
    command = python_module(
        "bascule.data.agent.hollow",
        "--data-dir",
        str(layout.data_dir),
        "--nodes",
        str(installation.hollow_count),
        "--zones",
        str(len({node.zone for node in installation.nodes}) or 1),
        "--bridge",
        installation.bridge_address,
        "--ca-file",
        str(layout.data_dir / "pki" / "ca.crt"),
        "--join-token-file",
        str(token_file(layout, "hollow")),
    )
    return Process("hollow", command)
