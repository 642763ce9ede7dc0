"""Control groups, version 1 and 2: make one, limit it, read it, remove it. Linux only.

Limits are applied where the machine permits and silently absent where it does not: `detect` says
what there is. A group is named by a path such as `bascule/<node>/<id>`, the same in every hierarchy.
"""

from __future__ import annotations

import asyncio
import functools
import os
from dataclasses import dataclass
from pathlib import Path

from bascule.data.runtime import contract

BURIAL_TRIES, BURIAL_SECONDS = 40, 0.05
CONTROLLERS = ("cpu", "cpuacct", "memory", "pids")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """`version` 0 means that no group can be made here."""

    version: int
    mounts: tuple[tuple[str, str], ...] = ()  # controller, mount point; version 2 has one, named ""

    def mount(self, controller: str) -> Path | None:
        found = dict(self.mounts).get("" if self.version == 2 else controller)
        return Path(found) if found else None

    def directories(self, group: str) -> list[Path]:
        """Where the group lives, once for each hierarchy."""
        return sorted({Path(mount) / group for _, mount in self.mounts})


def parse_mounts(text: str) -> Hierarchy:
    """From the text of /proc/self/mounts: a pure version 2 machine, or the version 1 controllers."""
    v1: dict[str, str] = {}
    v2 = ""
    for line in text.splitlines():
        _, mount, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            v2 = v2 or mount
        elif kind == "cgroup":
            v1.update({name: mount for name in options.split(",") if name in CONTROLLERS})
    if "memory" in v1:
        return Hierarchy(1, tuple(sorted(v1.items())))
    return Hierarchy(2, (("", v2),)) if v2 else Hierarchy(0)


@functools.cache
def detect() -> Hierarchy:
    """What this machine has and this user may write."""
    hierarchy = parse_mounts(Path("/proc/self/mounts").read_text())
    writable = all(os.access(mount, os.W_OK) for _, mount in hierarchy.mounts)
    if not writable or not hierarchy.mounts:
        return Hierarchy(0)
    if hierarchy.version == 2:
        control = Path(hierarchy.mounts[0][1]) / "cgroup.controllers"
        if not control.exists() or "memory" not in control.read_text().split():
            return Hierarchy(0)
    return hierarchy


def v2_weight(shares: int) -> int:
    """The OCI conversion of shares (2..262144) to a weight (1..10000)."""
    return 1 + ((min(max(shares, 2), 262144) - 2) * 9999) // 262142


def settings(version: int, resources: contract.Resources) -> list[tuple[str, str, str]]:
    """(controller, file, value) in the order of writing. Pure."""
    quota, period = resources.cpu_quota_us, resources.cpu_period_us
    out: list[tuple[str, str, str]] = []
    if version == 1:
        out.append(("cpu", "cpu.shares", str(max(2, resources.cpu_shares))))
        if quota > 0:
            out += [("cpu", "cpu.cfs_period_us", str(period)), ("cpu", "cpu.cfs_quota_us", str(quota))]
        if resources.memory_limit_bytes > 0:
            out.append(("memory", "memory.limit_in_bytes", str(resources.memory_limit_bytes)))
    elif version == 2:
        out.append(("cpu", "cpu.weight", str(v2_weight(resources.cpu_shares))))
        if quota > 0:
            out.append(("cpu", "cpu.max", f"{quota} {period}"))
        if resources.memory_limit_bytes > 0:
            out.append(("memory", "memory.max", str(resources.memory_limit_bytes)))
    return out


def create(hierarchy: Hierarchy, group: str, resources: contract.Resources) -> list[str]:
    """Make and limit the group; returns the files into which a process writes itself, [] without groups."""
    if hierarchy.version == 0:
        return []
    try:
        for directory in hierarchy.directories(group):
            directory.mkdir(parents=True, exist_ok=True)
            if hierarchy.version == 2:
                _delegate(directory)
        for controller, file, value in settings(hierarchy.version, resources):
            mount = hierarchy.mount(controller)
            if mount is not None:
                (mount / group / file).write_text(value)
    except OSError:
        remove(group)
        return []
    return [str(directory / "cgroup.procs") for directory in hierarchy.directories(group)]


def _delegate(directory: Path) -> None:
    """Version 2 offers a controller to a group only if every ancestor passes it on."""
    for parent in reversed(directory.parents):
        control = parent / "cgroup.subtree_control"
        if control.exists():
            try:
                control.write_text("+cpu +memory +pids")
            except OSError:
                continue


def members(hierarchy: Hierarchy, group: str) -> list[int]:
    """The processes in the group and below it."""
    found: set[int] = set()
    for directory in hierarchy.directories(group):
        for procs in directory.rglob("cgroup.procs"):
            try:
                found |= {int(line) for line in procs.read_text().split()}
            except OSError:
                continue
    return sorted(found)


def was_out_of_memory(hierarchy: Hierarchy, group: str) -> bool:
    """Whether the kernel killed something in the group for its memory limit."""
    mount = hierarchy.mount("memory")
    if mount is None:
        return False
    file = "memory.oom_control" if hierarchy.version == 1 else "memory.events"
    try:
        fields = dict(line.split() for line in (mount / group / file).read_text().splitlines())
    except (OSError, ValueError):
        return False
    return int(fields.get("oom_kill", "0")) > 0


def usage(hierarchy: Hierarchy, group: str) -> tuple[int, int]:
    """(CPU in nanoseconds, memory in bytes); zeros where unknown."""
    try:
        if hierarchy.version == 1:
            cpu, memory = hierarchy.mount("cpuacct"), hierarchy.mount("memory")
            used = int((cpu / group / "cpuacct.usage").read_text()) if cpu else 0
            held = int((memory / group / "memory.usage_in_bytes").read_text()) if memory else 0
            return used, held
        mount = hierarchy.mount("memory")
        if mount is None:
            return 0, 0
        stat = dict(line.split() for line in (mount / group / "cpu.stat").read_text().splitlines())
        return int(stat["usage_usec"]) * 1000, int((mount / group / "memory.current").read_text())
    except (OSError, ValueError, KeyError):
        return 0, 0


async def remove_wholly(group: str) -> bool:
    """`remove`, again and again for a while: a group is busy until the kernel has buried its last process."""
    for _ in range(BURIAL_TRIES):
        if remove(group):
            return True
        await asyncio.sleep(BURIAL_SECONDS)
    return False


def remove(group: str) -> bool:
    """Remove the group and those below it from every hierarchy of the machine, where they are empty of processes;
    then the group above it if nothing else is in it. Whether the group is gone."""
    group = group.strip("/")
    gone = True
    if not group:
        return gone
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split(" ")
        directory = Path(mount) / group
        if kind not in ("cgroup", "cgroup2"):
            continue
        try:
            for root, _, _ in os.walk(directory, topdown=False):
                os.rmdir(root)
            if "/" in group:
                directory.parent.rmdir()
        except OSError:
            gone = gone and not directory.exists()
    return gone
