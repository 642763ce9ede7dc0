"""What the node's kernel must be told once, beside nftables: forwarding, a route to the Service range, the DNS address.

Idempotent; every command is a line of ``ip`` or a sysctl file. Needs root.
"""

from __future__ import annotations

import asyncio
import ipaddress
from pathlib import Path

from bascule.data.network.contract import EngineError

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
LOOSE_REVERSE_PATH = Path("/proc/sys/net/ipv4/conf/all/rp_filter")


async def _ip(*arguments: str, acceptable: tuple[str, ...] = ()) -> str:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec("ip", *arguments, stdout=pipe, stderr=pipe)
    except OSError as error:
        raise EngineError(f"cannot run ip: {error}; install the package iproute2") from error
    output, errors = await process.communicate()
    message = errors.decode().strip()
    if process.returncode and not any(text in message for text in acceptable):
        raise EngineError(f"ip {' '.join(arguments)} failed: {message}")
    return output.decode()


def enable_forwarding() -> None:
    """Pods' packets cross this machine; replies to rewritten addresses may come by another link."""
    for path, value in ((FORWARDING, "1"), (LOOSE_REVERSE_PATH, "0")):
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except OSError as error:
            raise EngineError(f"cannot write {path}: {error}; the node needs root to route its pods") from error


async def route_services(service_cidr: str, node_address: str) -> None:
    """Lets processes of the node itself dial Services where no default route would carry the packet to nftables."""
    await _ip("route", "replace", service_cidr, "dev", "lo", "src", node_address)


async def route(cidr: str, via: str) -> None:
    """Sends packets for another node's pods to that node."""
    await _ip("route", "replace", cidr, "via", via)


async def unroute(cidr: str) -> None:
    await _ip("route", "del", cidr, acceptable=("No such process",))


async def hold_address(address: str) -> None:
    """Puts a Service address (the DNS one) on the node's loopback, so that a server here can bind it."""
    ipaddress.IPv4Address(address)
    await _ip("address", "add", f"{address}/32", "dev", "lo", acceptable=("File exists", "already assigned"))


async def release(service_cidr: str, address: str) -> None:
    """Undoes the two above."""
    gone = ("No such process", "Cannot assign", "not found", "Cannot find")
    await _ip("route", "del", service_cidr, "dev", "lo", acceptable=gone)
    await _ip("address", "del", f"{address}/32", "dev", "lo", acceptable=gone)
