"""The host-only network of an installation: a bridge device, and for each node a network namespace with a link to it.

Nodes of one machine are apart as machines are: own routes, own nftables, own ports; deleting the namespace is a power
cut. Nothing of it is reachable from outside the machine. Needs root; every name carries the installation's tag.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path

from bascule.console.local.layout import Installation, LayoutError, Node

SUBNETS = [f"10.88.{number}.0/24" for number in range(100)]
FIRST_NODE = 11


def _run(*command: str, acceptable: tuple[str, ...] = ()) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and not any(text in done.stderr for text in acceptable):
        raise LayoutError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def free_subnet() -> ipaddress.IPv4Network:
    """A /24 that nothing on this machine uses yet."""
    listed = json.loads(_run("ip", "-json", "-4", "address", "show") or "[]")
    used = [
        ipaddress.IPv4Network(f"{info['local']}/{info['prefixlen']}", strict=False)
        for link in listed
        for info in link.get("addr_info") or ()
    ]
    for text in SUBNETS:
        candidate = ipaddress.IPv4Network(text)
        if not any(candidate.overlaps(taken) for taken in used):
            return candidate
    raise LayoutError("no free network of 10.88.0.0/16 is left; stop another installation with bascule down")


def service_range(subnet: ipaddress.IPv4Network) -> str:
    """A Service range of the installation's own, so that this machine can route to several installations' Services."""
    return f"10.{96 + subnet.network_address.packed[2]}.0.0/16"


def link_name(tag: str) -> str:
    return f"bsc{tag}"


def namespace_name(tag: str, node: str) -> str:
    return f"bascule-{tag}-{node}"


def _veth(tag: str, number: int) -> str:
    return f"b{tag}n{number}"


def node_address(subnet: ipaddress.IPv4Network, number: int) -> str:
    return str(subnet[FIRST_NODE + number])


def raise_links(installation: Installation, tag: str) -> None:
    """Makes the bridge device and every node's namespace and link, where missing."""
    subnet = ipaddress.IPv4Network(f"{installation.gateway}/24", strict=False)
    exists = ("File exists", "already assigned")
    _run("ip", "link", "add", installation.link, "type", "bridge", acceptable=exists)
    _run(
        "ip",
        "address",
        "add",
        f"{installation.gateway}/{subnet.prefixlen}",
        "dev",
        installation.link,
        acceptable=exists,
    )
    _run("ip", "link", "set", installation.link, "up")
    for number, node in enumerate(installation.nodes):
        raise_node(installation, tag, node, number)
    first = next(iter(installation.nodes))
    # From the machine itself, Services are reached through the first node.
    _run("ip", "route", "add", installation.service_cidr, "via", first.address, acceptable=exists)
    _run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    _masquerade(tag, str(subnet))


def raise_node(installation: Installation, tag: str, node: Node, number: int) -> None:
    """One node's namespace and link; all there already is fine."""
    namespace, veth = node.namespace, _veth(tag, number)
    if namespace not in namespaces():
        _run("ip", "netns", "add", namespace)
        _run("ip", "link", "del", veth, acceptable=("Cannot find",))
        _run("ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _run("ip", "link", "set", veth, "master", installation.link, "up")
        _run("ip", "-n", namespace, "link", "set", "lo", "up")
        _run("ip", "-n", namespace, "address", "add", f"{node.address}/24", "dev", "eth0")
        _run("ip", "-n", namespace, "link", "set", "eth0", "up")
        _run("ip", "-n", namespace, "route", "add", "default", "via", installation.gateway)


def namespaces() -> set[str]:
    """The names of this machine's network namespaces; empty where there is no way to make any."""
    folder = Path("/run/netns")
    return {entry.name for entry in folder.iterdir()} if folder.exists() else set()


def cut_node(node: Node) -> None:
    """A power cut of the network: the namespace goes, with routes, rules and links."""
    _run("ip", "netns", "del", node.namespace, acceptable=("No such file",))


def lower_links(installation: Installation, tag: str) -> None:
    """Takes all of it away again."""
    for node in installation.nodes:
        if node.namespace:
            cut_node(node)
    gone = ("Cannot find", "No such process")
    if installation.nodes:
        via = installation.nodes[0].address
        _run("ip", "route", "del", installation.service_cidr, "via", via, acceptable=gone)
    if installation.link:
        _run("ip", "link", "del", installation.link, acceptable=gone)
    _run("nft", "delete", "table", "ip", f"bascule_{tag}", acceptable=("No such file",))


def _masquerade(tag: str, subnet: str) -> None:
    """Lets nodes pull images: their packets leave the machine under its own address."""
    table = f"bascule_{tag}"
    rules = (
        f"add table ip {table}\ndelete table ip {table}\ntable ip {table} {{\n"
        "  chain out { type nat hook postrouting priority srcnat; policy accept;\n"
        f"    ip saddr {subnet} ip daddr != {{ {subnet}, 10.0.0.0/8 }} masquerade\n  }}\n}}\n"
    )
    done = subprocess.run(["nft", "-f", "-"], input=rules, capture_output=True, text=True)
    if done.returncode:
        raise LayoutError(f"nft refused the nodes' way out: {done.stderr.strip()}")
