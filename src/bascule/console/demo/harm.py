"""What the demo kills, with SIGKILL and one process at a time by its id: a container, the agent, the control tower."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from bascule.console.demo.workload import MARK
from bascule.console.local import processes, supervisor
from bascule.console.local.layout import Layout


def _command_line(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (OSError, UnicodeDecodeError):
        return []


def servers(layout: Layout) -> list[processes.Identity]:
    """The demo's web servers, found by their command line and by the ROUND in their environment."""
    return sorted(_servers(layout), key=lambda identity: identity.pid)


def _servers(layout: Layout) -> Iterator[processes.Identity]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        words = _command_line(entry.name)
        if any(MARK in word for word in words) and not any("bascule.data" in word for word in words):
            identity = processes.Identity.of(int(entry.name))
            if identity is not None and _is_server(entry, words):
                yield identity


def _is_server(entry: Path, words: list[str]) -> bool:
    """Not a shim that merely carries the server's command line, but the server."""
    try:
        environment = (entry / "environ").read_bytes()
    except OSError:
        return False
    return b"ROUND=" in environment and ("httpd" in words or "http.server" in words)


def kill(identity: processes.Identity) -> None:
    processes.send(identity, signal.SIGKILL)


async def kill_tower(tower: supervisor.Tower) -> int:
    """Kills every process of a tower, its supervisor first so that nothing repairs it. How many were killed."""
    known = supervisor.read_state(tower.state_file)
    order = ["supervisor", *(name for name in known if name != "supervisor")]
    killed = 0
    for name in order:
        identity = known.get(name)
        if identity is not None and processes.send(identity, signal.SIGKILL):
            await processes.wait_gone(identity)
            killed += 1
    return killed
