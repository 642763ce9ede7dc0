"""`--tear-down`: stop every pod of this node and take its network away, for `bascule down`. The data stays.

The ledger is not touched: the next start brings the same pods back, as after a reboot.
"""

from __future__ import annotations

import argparse
import logging
import subprocess
from pathlib import Path

from bascule.data.runtime import cgroups

_log = logging.getLogger(__name__)


async def tear_down(chosen: argparse.Namespace, directory: Path, cgroup_parent: str) -> None:
    if chosen.runtime == "containerd":
        from bascule.data.runtime.containerd.engine import Engine

        await Engine(directory / "containerd", "", cgroup_parent=cgroup_parent).destroy()
    elif chosen.runtime == "process":
        await _stop_processes(directory / "process", cgroup_parent)
    await _remove_network(chosen, directory)
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):  # noqa: ASYNC240 - procfs
        point = line.split(" ")[1]
        if point.startswith(f"{directory}/pods/"):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)  # noqa: ASYNC221 - at once


async def _stop_processes(root: Path, cgroup_parent: str) -> None:
    from bascule.data.runtime.process.driver import ProcessRuntime

    runtime = ProcessRuntime(root, cgroup_parent=cgroup_parent)
    await runtime.start()
    for sandbox in (await runtime.observe()).sandboxes:
        await runtime.remove_sandbox(sandbox.id)
    await runtime.close()
    await cgroups.remove_wholly(cgroup_parent)


async def _remove_network(chosen: argparse.Namespace, directory: Path) -> None:
    from bascule.data.agent import wiring
    from bascule.data.network import host
    from bascule.data.network.contract import EngineError

    try:
        engine = wiring.service_engine(chosen, directory, "0.0.0.0/0")
        if engine is not None:
            await engine.remove()
        if chosen.runtime == "containerd":
            await host.release(chosen.service_cidr, chosen.dns_address or "127.0.0.1")
    except EngineError as error:
        _log.warning("the node's rules are still there", extra={"error": str(error)})
