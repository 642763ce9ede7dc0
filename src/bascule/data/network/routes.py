"""Routes to the pods of other nodes on the same network: pure, from the ledger's ``routes`` (a node's name, pod ranges
and addresses each); applied by ``host``.

A node that is not reachable in one hop is somebody else's business (an underlay, later a tunnel): its route is simply
the next hop its address says. A node that vanished from the ledger by explicit removal loses its route.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

Routes = dict[str, str]
"""Pod range → address of the node that has it."""


def compile(nodes: Iterable[Object], *, own_name: str) -> Routes:
    """The routes this node needs; malformed ranges and addresses are passed over."""
    routes: Routes = {}
    for node in nodes:
        if objects.name(node) == own_name:
            continue
        addresses = (node.get("status") or {}).get("addresses") or ()
        via = next((a.get("address") for a in addresses if a.get("type") == "InternalIP"), None)
        spec = node.get("spec") or {}
        for cidr in spec.get("podCIDRs") or [spec.get("podCIDR")]:
            try:
                if ipaddress.ip_network(cidr).version == 4 and not ipaddress.IPv4Address(via).is_loopback:
                    routes[str(ipaddress.IPv4Network(cidr))] = str(via)
            except (ValueError, TypeError):
                continue
    return routes
