"""Which runtime and which network a node has, by its options. Drivers are imported only where used."""

from __future__ import annotations

import argparse
from pathlib import Path

from bascule.data.agent import network
from bascule.data.ledger.ledger import Ledger
from bascule.data.network.contract import Engine
from bascule.data.runtime import contract


def runtime(name: str, directory: Path, pod_cidr: str, cgroup_parent: str) -> contract.Runtime:
    if name == "containerd":
        from bascule.data.runtime.containerd.driver import ContainerdRuntime
        from bascule.data.runtime.containerd.engine import Engine

        return ContainerdRuntime(Engine(directory / "containerd", pod_cidr, cgroup_parent=cgroup_parent))
    if name == "hollow":
        from bascule.data.runtime.hollow.driver import HollowRuntime

        return HollowRuntime()
    from bascule.data.runtime.process.driver import ProcessRuntime

    return ProcessRuntime(directory / "process", cgroup_parent=cgroup_parent)


def pod_network(
    chosen: argparse.Namespace, directory: Path, pod_cidr: str, names: network.Names, ledger: Ledger
) -> network.Network:
    routed = chosen.runtime == "containerd"
    addresses = (
        network.NamesOnly(chosen.node_address, names)
        if routed
        else network.LoopbackNetwork(chosen.node_address, names, pod_cidr, ledger)
    )
    engine = service_engine(chosen, directory, pod_cidr)
    if engine is None:
        return addresses
    from bascule.data.agent.serviced import ServicedNetwork
    from bascule.data.network.services import Settings

    settings = Settings(
        node_name=chosen.node_name,
        node_address=chosen.node_address,
        service_cidr=chosen.service_cidr,
        dns_address=chosen.dns_address,
        routed=routed,
    )
    return ServicedNetwork(addresses, ledger, engine, settings)


def service_engine(chosen: argparse.Namespace, directory: Path, pod_cidr: str) -> Engine | None:
    """What carries the node's Services: its own nftables table, Envoy for plain processes, nothing for hollow pods."""
    if chosen.runtime == "process":
        if not chosen.envoy:
            return None
        from bascule.data.proxy.engine import ProxyEngine

        return ProxyEngine(chosen.envoy, directory / "proxy", chosen.node_name, any_address=chosen.node_address)
    if chosen.runtime != "containerd":
        return None
    from bascule.data.network.nftables.engine import NftablesEngine
    from bascule.data.network.nftables.layout import Addresses

    table = "bascule_" + "".join(letter if letter.isalnum() else "_" for letter in chosen.node_name)
    return NftablesEngine(table, Addresses(pod_cidr=pod_cidr, cluster_cidr=chosen.cluster_cidr))
