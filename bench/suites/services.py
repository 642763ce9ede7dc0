"""10,000 Services of 3 endpoints each in nftables: our maps against a chain for each service and endpoint. Needs root.

Each load happens in a network namespace of its own, which is gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Sequence

from bascule.data.network import plan as plans
from bascule.data.network.nftables import layout
from bench import figures, plan

SERVICES = 10_000
ENDPOINTS = 3
_TABLE = "bench"


async def run(wanted: plan.Plan) -> Sequence[figures.Figure]:
    if os.geteuid() or not shutil.which("nft") or not shutil.which("unshare"):
        print("  left out: needs root, nft and unshare", file=sys.stderr)
        return []
    addresses = layout.Addresses("10.244.1.0/24", "10.244.0.0/16")
    maps = layout.full(_TABLE, _plan(SERVICES), layout.Ids(), addresses)
    seconds = [await _load(maps) for _ in range(wanted.rounds)]
    size = SERVICES // 10 if wanted.quick else SERVICES
    chained = await _load(_chains(size))
    name = f"nftables: a chain for each of {size:,} services"
    return [
        figures.median(f"nftables: {SERVICES:,} services as maps", seconds, "s"),
        figures.median(name, [chained], "s"),
    ]


def _service(number: int) -> tuple[str, list[str]]:
    high, low = divmod(number, 250)
    return f"10.96.{high}.{low + 1}", [f"10.{200 + copy}.{high}.{low + 1}" for copy in range(ENDPOINTS)]


def _plan(count: int) -> plans.Plan:
    targets = {}
    for number in range(count):
        address, backends = _service(number)
        targets[f"root/bench/s-{number}:http"] = plans.Target(
            (plans.Frontend(address, "tcp", 80),), tuple(plans.Backend(backend, 8080) for backend in backends)
        )
    return plans.Plan(targets)


def _chains(count: int) -> str:
    """The layout of kube-proxy: a verdict map to a chain for each service, and from it to one for each endpoint."""
    lines = [f"table ip {_TABLE} {{"]
    verdicts = []
    for number in range(count):
        address, backends = _service(number)
        for copy, backend in enumerate(backends):
            lines.append(f"  chain e-{number}-{copy} {{ ip saddr {backend} meta mark set 0x4000")
            lines.append(f"    meta l4proto tcp dnat to {backend}:8080\n  }}")
        jumps = ", ".join(f"{copy} : goto e-{number}-{copy}" for copy in range(ENDPOINTS))
        lines.append(f"  chain s-{number} {{ numgen random mod {ENDPOINTS} vmap {{ {jumps} }}\n  }}")
        verdicts.append(f"{address} . tcp . 80 : goto s-{number}")
    lines.append("  map services { type ipv4_addr . inet_proto . inet_service : verdict;")
    lines.append(f"    elements = {{ {', '.join(verdicts)} }}\n  }}")
    lines.append("  chain prerouting { type nat hook prerouting priority dstnat;")
    lines.append("    ip daddr . meta l4proto . th dport vmap @services\n  }\n}\n")
    return "\n".join(lines)


async def _load(rules: str) -> float:
    """Seconds of one nft transaction in a fresh namespace."""
    began = time.perf_counter()
    command = await asyncio.create_subprocess_exec(
        "unshare", "--net", "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await command.communicate(rules.encode())
    if command.returncode:
        raise RuntimeError(f"nft refused the rules: {errors.decode()[:500]}")
    return time.perf_counter() - began
