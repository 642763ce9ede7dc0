"""What this machine has and lacks, what each lack costs, and installing what is missing where that is permitted.

Every engine is an existing program; nothing is downloaded but through the machine's package managers. Looking
changes nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ENGINES = Path(sys.prefix).parent / ".engines"
"""Programs from the Python package index that must not share an environment with ours (Envoy's package and xds-protos
both own the import name ``envoy``)."""

CNI_DIRECTORIES = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True)
class Finding:
    """``cost``: what does not work without it; ``remedy``: what to do about it."""

    name: str
    present: bool
    detail: str
    cost: str = ""
    remedy: str = ""
    required: bool = False


def program(name: str) -> str | None:
    return shutil.which(name, path=SEARCH_PATH)


def is_root() -> bool:
    return os.geteuid() == 0


def envoy_binary() -> str | None:
    """Envoy on the PATH, or the one in our own engines' environment."""
    found = program("envoy")
    if found:
        return found
    packaged = sorted(ENGINES.glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    return str(packaged[0]) if packaged else None


def can_make_namespaces() -> bool:
    """Whether this user may make network namespaces (root in a container often may not)."""
    if not is_root() or not program("unshare"):
        return False
    return subprocess.run([program("unshare") or "unshare", "--net", "true"], capture_output=True).returncode == 0


def containerd_ready() -> bool:
    """Whether pods can run as containers here: root, namespaces, containerd, runc, CNI plugins, nftables."""
    tools = all(program(name) for name in _PACKAGES)
    return can_make_namespaces() and tools and any((d / "ptp").exists() for d in CNI_DIRECTORIES)


def findings() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", sys.version_info >= (3, 11), version, "nothing runs", "install Python 3.11", required=True)
    yield Finding(
        "root",
        is_root(),
        "running as root" if is_root() else "running as a plain user",
        "pods are plain processes on loopback addresses; Services go through Envoy instead of nftables",
        "run make up as root for containers",
    )
    costs = {
        "containerd": "no container images: pods are plain processes",
        "runc": "no container images: pods are plain processes",
        "nft": "no Services in the kernel: containers cannot be used",
        "ip": "no node networks: containers cannot be used",
        "nsenter": "nodes cannot be kept apart on one machine",
        "busybox": "no pause image, which every pod of containers needs, and no demo image",
    }
    for name, cost in costs.items():
        path = program(name)
        yield Finding(name, path is not None, path or "not found", cost, f"apt-get install {_PACKAGES[name]}")
    plugins = next((d for d in CNI_DIRECTORIES if (d / "ptp").exists()), None)
    yield Finding(
        "cni-plugins",
        plugins is not None,
        str(plugins or "not found"),
        "containers get no addresses",
        "apt-get install containernetworking-plugins",
    )
    if is_root():
        yield Finding(
            "namespaces",
            can_make_namespaces(),
            "network namespaces can be made" if can_make_namespaces() else "the kernel refuses network namespaces",
            "containers cannot be used",
            "run on a machine, or in a container with CAP_SYS_ADMIN",
        )
    envoy = envoy_binary()
    yield Finding(
        "envoy",
        envoy is not None,
        envoy or "not found",
        "without root: no Services on loopback addresses; gateways do not work",
        "bascule doctor --install",
    )
    kubectl = program("kubectl")
    yield Finding(
        "kubectl",
        kubectl is not None,
        kubectl or "not found",
        "you have no command line for the API; the tests that drive kubectl skip",
        "install kubectl 1.30 or newer",
    )


_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "busybox": "busybox-static",
}


def missing_packages() -> list[str]:
    """Debian packages that would make containers possible here."""
    packages = [package for name, package in _PACKAGES.items() if program(name) is None]
    if not any((d / "ptp").exists() for d in CNI_DIRECTORIES):
        packages.append("containernetworking-plugins")
    return packages


def install(say: Callable[[str], None]) -> list[str]:
    """Installs what is missing: Debian packages as root, Envoy for everyone. Returns what could not be installed."""
    failed = []
    packages = missing_packages()
    if packages and is_root() and program("apt-get"):
        say(f"installing {', '.join(packages)}")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        # Without this, Debian would start a containerd service of its own; ours runs one for each node.
        with _NoServiceStarts():
            for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
                done = subprocess.run(["apt-get", *command], env=environment, capture_output=True, text=True)
                if done.returncode:
                    failed.append(f"apt-get {command[0]}: {done.stderr.strip()[-300:]}")
                    break
    if envoy_binary() is None:
        say("installing Envoy into .engines (107 MB)")
        failed += _install_envoy()
    return failed


def _install_envoy() -> list[str]:
    pins = Path(sys.prefix).parent / "requirements" / "engines.txt"
    for command in (
        [sys.executable, "-m", "venv", str(ENGINES)],
        [str(ENGINES / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(pins)],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return [f"{' '.join(command[:3])}: {done.stderr.strip()[-300:]}"]
    return []


class _NoServiceStarts:
    """Debian's ``policy-rc.d`` answered with "no" for as long as packages are installed, if none is there."""

    def __enter__(self) -> None:
        self._path = Path("/usr/sbin/policy-rc.d")
        self._ours = not self._path.exists()
        if self._ours:
            with tempfile.NamedTemporaryFile("w", dir="/usr/sbin", delete=False) as file:
                file.write("#!/bin/sh\nexit 101\n")
            os.chmod(file.name, 0o755)
            os.replace(file.name, self._path)

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._path.unlink(missing_ok=True)
