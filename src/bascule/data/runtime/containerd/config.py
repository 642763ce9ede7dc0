"""containerd's and CNI's configuration for one node. Text from facts; what the machine permits is measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAUSE_IMAGE = "bascule.dev/pause:1"
CNI_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True, slots=True)
class Facts:
    """`may_lower_oom_score` decides restrict_oom_score_adj; overlay cannot be stacked on every file system."""

    cni_directory: str
    may_lower_oom_score: bool
    snapshotter: str
    has_iptables: bool

    @classmethod
    def of_machine(cls, directory: Path) -> Facts:
        return cls(
            cni_directory=next((path for path in CNI_DIRECTORIES if Path(path, "ptp").exists()), CNI_DIRECTORIES[0]),
            may_lower_oom_score=_has_capability(CAP_SYS_RESOURCE),
            snapshotter="overlayfs" if _overlay_works(directory) else "native",
            has_iptables=shutil.which("iptables") is not None,
        )


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _overlay_works(directory: Path) -> bool:
    """Tried once for each node; the answer is kept beside its state, since images depend on it."""
    answer = directory / "snapshotter"
    if answer.exists():
        return answer.read_text() == "overlayfs"
    trial = directory / "overlay-trial"
    parts = {name: trial / name for name in ("lower", "upper", "work", "merged")}
    for path in parts.values():
        path.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
    done = subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", options, str(parts["merged"])], check=False, capture_output=True
    )
    works = done.returncode == 0
    if works:
        subprocess.run(["umount", str(parts["merged"])], check=False, capture_output=True)
    shutil.rmtree(trial, ignore_errors=True)
    answer.write_text("overlayfs" if works else "native")
    return works


def containerd(directory: Path, run: Path, socket: Path, facts: Facts) -> str:
    """config.toml, version 2."""
    restrict = str(not facts.may_lower_oom_score).lower()
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = {_text(directory / "root")}
state = {_text(run / "state")}
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing",
]

[grpc]
address = {_text(socket)}

[ttrpc]
address = {_text(Path(f"{socket}.ttrpc"))}

[debug]
level = "warn"

[plugins."io.containerd.internal.v1.opt"]
path = {_text(directory / "opt")}

[{cri}]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = {restrict}
netns_mounts_under_state_dir = true
disable_tcp_service = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
enable_selinux = false

[{cri}.containerd]
snapshotter = "{facts.snapshotter}"
default_runtime_name = "runc"

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false

[{cri}.cni]
bin_dir = "{facts.cni_directory}"
conf_dir = {_text(directory / "cni")}
"""


def _text(path: Path) -> str:
    return json.dumps(str(path))


def cni(pod_cidr: str, leases: Path, facts: Facts) -> str:
    """The network list: a routed link for each pod, addresses from the node's range, host ports where iptables is.

    Not a bridge: over one, a pod's answer to its neighbour would bypass the translation of the Service's address.
    """
    plugins: list[dict[str, Any]] = [
        {
            "type": "ptp",
            "ipMasq": False,  # the network engine masquerades, in a table of its own
            "ipam": {
                "type": "host-local",
                "dataDir": str(leases),
                "ranges": [[{"subnet": pod_cidr}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ]
    if facts.has_iptables:
        plugins.append({"type": "portmap", "capabilities": {"portMappings": True}})
    return json.dumps({"cniVersion": "0.4.0", "name": "bascule", "plugins": plugins}, indent=2) + "\n"


def missing() -> list[str]:
    """What the machine lacks for this runtime, by the programs' names."""
    lacking = [name for name in ("containerd", "runc", "ctr") if shutil.which(name) is None]
    if not any(Path(path, "ptp").exists() for path in CNI_DIRECTORIES):
        lacking.append("CNI plugins")
    if os.geteuid() != 0:
        lacking.append("root")
    return lacking
