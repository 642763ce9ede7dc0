"""Which runtime and which network a node has, by its options. Drivers are imported only where used."""

from __future__ import annotations

import argparse
from pathlib import Path

from bascule.data.agent import network
from bascule.data.ledger.ledger import Ledger
from bascule.data.runtime import contract


def runtime(name: str, directory: Path, pod_cidr: str, cgroup_parent: str) -> contract.Runtime:
    if name == "containerd":
        from bascule.data.runtime.containerd.driver import ContainerdRuntime
        from bascule.data.runtime.containerd.engine import Engine

        return ContainerdRuntime(Engine(directory / "containerd", pod_cidr))
    if name == "hollow":
        from bascule.data.runtime.hollow.driver import HollowRuntime

        return HollowRuntime()
    from bascule.data.runtime.process.driver import ProcessRuntime

    return ProcessRuntime(directory / "process", cgroup_parent=cgroup_parent)


def pod_network(
    runtime_name: str, host_ip: str, names: network.Names, pod_cidr: str, ledger: Ledger
) -> network.Network:
    if runtime_name == "containerd":
        return network.NamesOnly(host_ip, names)
    return network.LoopbackNetwork(host_ip, names, pod_cidr, ledger)
