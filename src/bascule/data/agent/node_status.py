"""What a node says of itself: labels, capacity, conditions, addresses, versions.

Measured from /proc and the cgroup the agent lives in, unless the operator overrides it. `report` is
what the bridgehead writes into the Node; it is sent when something but a beat has changed.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import bascule
from bascule.data.agent.host import Host
from bascule.vocabulary import conditions, objects, quantity, timestamps
from bascule.vocabulary.objects import Object

LOOK_SECONDS = 10.0
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
DISK_PRESSURE_FREE = 0.10
MEMORY_PRESSURE_BYTES = 100 * 1024 * 1024


@dataclass(frozen=True)
class Profile:
    """`capacity` overrides what is measured: {"cpu": "4", "memory": "8Gi", "pods": "110"}."""

    capacity: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[dict[str, str], ...] = ()
    zone: str = ""
    pod_cidr: str = ""
    tunnel: str = ""
    boot_id: str = ""


def architecture() -> str:
    return MACHINES.get(platform.machine(), platform.machine())


def _memory(field_name: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field_name:
            return int(rest.split()[0]) * 1024
    return 0


def _limited_memory() -> int:
    """The machine's memory, or the cgroup's limit where that is smaller."""
    total = _memory("MemTotal")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):
            continue
    return total


def measured(directory: Path) -> dict[str, str]:
    """Capacity as the machine has it."""
    disk = shutil.disk_usage(directory if directory.exists() else "/")
    return {
        "cpu": str(len(os.sched_getaffinity(0))),
        "memory": f"{_limited_memory() // 1024}Ki",
        "ephemeral-storage": f"{disk.total // 1024}Ki",
        "pods": "110",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
    }


def memory_bytes(profile: Profile) -> int:
    return quantity.to_int(profile.capacity.get("memory") or str(_limited_memory()))


def labels(profile: Profile, node: str) -> dict[str, str]:
    out = {
        "kubernetes.io/hostname": node,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture(),
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture(),
    }
    if profile.zone:
        out["topology.kubernetes.io/zone"] = profile.zone
        out["topology.kubernetes.io/region"] = profile.zone.rpartition("-")[0] or profile.zone
    return out | dict(profile.labels)


def report(profile: Profile, host: Host, known: Object, version: str, problem: str, now: datetime) -> Object:
    """The body of `node-status`: metadata and spec for registration, the whole status."""
    capacity = measured(host.directory) | dict(profile.capacity)
    previous = [dict(item) for item in (known.get("status") or {}).get("conditions") or ()]
    states: list[dict[str, Any]] = [*previous]
    for kind, status, reason, message in _conditions(host.directory, problem):
        conditions.set_condition(states, kind, status, reason, message, now)
        entry = conditions.find(states, kind)
        if entry is not None:
            entry["lastHeartbeatTime"] = timestamps.format(now)
    annotations = {"bascule.dev/runtime": host.runtime.name}
    if profile.tunnel:
        annotations["bascule.dev/tunnel"] = profile.tunnel
    spec: Object = {"taints": [dict(taint) for taint in profile.taints]} if profile.taints else {}
    if profile.pod_cidr:
        spec |= {"podCIDR": profile.pod_cidr, "podCIDRs": [profile.pod_cidr]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": host.node, "labels": labels(profile, host.node), "annotations": annotations},
        "spec": spec,
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": states,
            "addresses": [
                {"type": "InternalIP", "address": host.host_ip},
                {"type": "Hostname", "address": host.node},
            ],
            "nodeInfo": _info(host, version, profile),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        },
    }


def _conditions(directory: Path, problem: str) -> list[tuple[str, str, str, str]]:
    disk = shutil.disk_usage(directory if directory.exists() else "/")
    tight_disk = disk.free < DISK_PRESSURE_FREE * disk.total and disk.free < 5 * 1024**3
    tight_memory = _memory("MemAvailable") < MEMORY_PRESSURE_BYTES
    limit = int(Path("/proc/sys/kernel/pid_max").read_text())
    processes = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    tight_pids = processes > 0.95 * limit
    rows = [
        ("MemoryPressure", tight_memory, "Memory", "memory available"),
        ("DiskPressure", tight_disk, "Disk", "disk pressure"),
        ("PIDPressure", tight_pids, "PID", "PID available"),
    ]
    words = {"MemoryPressure": "InsufficientMemory", "DiskPressure": "DiskPressure", "PIDPressure": "InsufficientPID"}
    out = []
    for kind, tight, _, text in rows:
        name = words[kind].replace("Insufficient", "")
        if tight:
            has = f"KubeletHas{words[kind]}"
            out.append((kind, "True", has, f"kubelet has insufficient {text}"))
        elif kind == "DiskPressure":
            out.append((kind, "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"))
        else:
            out.append((kind, "False", f"KubeletHasSufficient{name}", f"kubelet has sufficient {text}"))
    if problem:
        out.append(("Ready", "False", "KubeletNotReady", f"container runtime is down: {problem}"))
    else:
        out.append(("Ready", "True", "KubeletReady", "the node agent is posting ready status"))
    return out


def _info(host: Host, version: str, profile: Profile) -> dict[str, str]:
    machine = Path("/etc/machine-id")
    boot = Path("/proc/sys/kernel/random/boot_id")
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    return {
        "machineID": machine.read_text().strip() if machine.exists() else "",
        "systemUUID": machine.read_text().strip() if machine.exists() else "",
        "bootID": profile.boot_id or boot.read_text().strip(),
        "kernelVersion": platform.release(),
        "osImage": release.get("PRETTY_NAME", "Linux"),
        "containerRuntimeVersion": f"{host.runtime.name}://{version}",
        "kubeletVersion": f"v1.36.0+bascule.{getattr(bascule, '__version__', '0.1.0')}",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": architecture(),
    }


def without_beats(body: Object) -> Object:
    """The report without what changes on every beat."""
    copy: Object = objects.deep_copy(body)
    for condition in copy["status"]["conditions"]:
        condition.pop("lastHeartbeatTime", None)
        condition.pop("lastTransitionTime", None)
    return copy
