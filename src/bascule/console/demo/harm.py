"""What the demo kills, with SIGKILL and one process at a time by its id: a container, the agent, the control tower."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bascule.console.demo.workload import MARK
from bascule.console.local import hostnet, plan, processes, supervisor
from bascule.console.local.layout import Installation, Layout, Node


def _command_line(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (OSError, UnicodeDecodeError):
        return []


def servers(layout: Layout) -> list[processes.Identity]:
    """The demo's web servers of this installation by pid: found by their command line and environment, without the
    children that a server forks for a request."""
    found = {identity.pid: identity for identity in _servers(layout)}
    return [found[pid] for pid in sorted(found) if _parent(pid) not in found]


def _servers(layout: Layout) -> Iterator[processes.Identity]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        words = _command_line(entry.name)
        if any(MARK in word for word in words) and not any("bascule.data" in word for word in words):
            identity = processes.Identity.of(int(entry.name))
            if identity is not None and _is_server(entry, words) and _is_ours(entry, words, layout):
                yield identity


def _is_ours(entry: Path, words: list[str], layout: Layout) -> bool:
    """Of this installation: plain processes name its directory, containers are in its control group."""
    try:
        grouped = f"/bascule/{layout.tag}/" in (entry / "cgroup").read_text()
    except OSError:
        return False
    return grouped or any(word.startswith(f"{layout.data_dir}/") for word in words)


def _is_server(entry: Path, words: list[str]) -> bool:
    """Not a shim that merely carries the server's command line, but the server."""
    try:
        environment = (entry / "environ").read_bytes()
    except OSError:
        return False
    return b"ROUND=" in environment and ("httpd" in words or "http.server" in words)


def _parent(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[1])


def kill(identity: processes.Identity) -> None:
    processes.send(identity, signal.SIGKILL)


def of_node(layout: Layout, node: Node) -> list[processes.Identity]:
    """Everything that runs on a node with a network namespace: what lives in it, and the pods' processes."""
    group = plan.cgroup(layout, node)
    try:
        namespace = os.stat(f"/run/netns/{node.namespace}").st_ino
    except OSError:
        namespace = -1
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            inside = os.stat(entry / "ns" / "net").st_ino == namespace
            grouped = f"/{group}/" in (entry / "cgroup").read_text()
        except OSError:
            continue
        identity = processes.Identity.of(int(entry.name)) if inside or grouped else None
        if identity is not None:
            found.append(identity)
    return found


async def power_cut(installation: Installation, layout: Layout, node: Node) -> int:
    """A node of ``up --runtime containerd`` loses power: its processes, namespace, mounts and runtime state are gone.

    The supervisor of the data tower dies first, so that nothing is started again; ``power_on`` brings the node back.
    """
    supervised = supervisor.read_state(plan.data_tower(installation, layout).state_file).get("supervisor")
    if supervised is not None:
        processes.send(supervised, signal.SIGKILL)
        await processes.wait_gone(supervised)
    killed = 0
    while victims := of_node(layout, node):
        for identity in victims:
            processes.send(identity, signal.SIGKILL)
        for identity in victims:
            await processes.wait_gone(identity)
        killed += len(victims)
    hostnet.cut_node(node)
    _forget(layout, node)
    return killed


def _forget(layout: Layout, node: Node) -> None:
    """What a reboot forgets: mounts, and directories in memory."""
    directories = [str(layout.node(node.name)), *_runtime_directories(layout, node)]
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        point = line.split(" ")[1]
        if any(point.startswith(f"{directory}/") for directory in directories):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    for directory in directories[1:]:
        shutil.rmtree(directory, ignore_errors=True)


def power_on(installation: Installation, layout: Layout) -> None:
    """The nodes' machines start: their networks are there, and the data tower's programs run."""
    for number, node in enumerate(installation.nodes):
        hostnet.raise_node(installation, layout.tag, node, number)
    supervisor.start(plan.data_tower(installation, layout))


def _runtime_directories(layout: Layout, node: Node) -> list[str]:
    """What lay in memory (/run) and a reboot empties: containerd's configuration says where."""
    try:
        settings = (layout.node(node.name) / "containerd" / "config.toml").read_text()
    except OSError:
        return []
    return sorted(set(re.findall(r"/run/bascule/[0-9a-f]+", settings)))


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
