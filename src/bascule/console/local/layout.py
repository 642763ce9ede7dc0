"""Where an installation keeps what: one directory, ``--data-dir``, and nothing outside it.

``installation.json`` holds the choices of the first ``up`` (ports, ranges, runtime, nodes), so that a second one finds
the same platform. A newer version's directory is refused rather than guessed at.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1


class LayoutError(Exception):
    """The directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """``address`` is where the node lives: its own on the host-only network, or 127.0.0.1 without root."""

    name: str
    zone: str
    address: str = "127.0.0.1"
    namespace: str = ""
    """The network namespace it runs in; empty: the machine's own."""
    pod_cidr: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """The choices that stay. ``gateway`` is the machine's own address on the host-only network, "" without one."""

    runtime: str
    nodes: tuple[Node, ...]
    api_port: int
    admin_ports: dict[str, int]
    bridge_port: int
    tunnel_port: int
    service_cidr: str
    cluster_cidr: str
    dns_address: str
    dns_port: int = 53
    gateway: str = ""
    link: str = ""
    hollow_count: int = 0
    offline_grace: str = "7d"
    version: int = VERSION
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def bind_addresses(self) -> tuple[str, ...]:
        return ("127.0.0.1", self.gateway) if self.gateway else ("127.0.0.1",)

    @property
    def bridge_address(self) -> str:
        """Where nodes dial the bridgehead."""
        return f"{self.gateway or '127.0.0.1'}:{self.bridge_port}"


class Layout:
    """The paths below one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.installation_file = self.data_dir / "installation.json"
        self.admin_kubeconfig = self.data_dir / "admin.kubeconfig"
        self.logs = self.data_dir / "logs"
        self.run = self.data_dir / "run"
        self.tag = hashlib.blake2b(str(self.data_dir).encode(), digest_size=3).hexdigest()
        """Six hex digits that tell this installation's links and namespaces from another's."""

    def identity(self, component: str) -> Path:
        return self.data_dir / "identities" / f"{component}.kubeconfig"

    def node(self, name: str) -> Path:
        return self.data_dir / "nodes" / name

    def prepare(self) -> None:
        """Makes the directories. Raises LayoutError."""
        try:
            for path in (self.data_dir, self.logs, self.run):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LayoutError(
                f"cannot create {error.filename}: {error.strerror}. Choose a directory you may write with --data-dir."
            ) from error

    def load(self) -> Installation | None:
        """What an earlier ``up`` chose, or None. Raises LayoutError for a newer or damaged file."""
        try:
            raw = json.loads(self.installation_file.read_text())
            if raw["version"] > VERSION:
                raise LayoutError(
                    f"{self.data_dir} was made by a newer Bascule (layout {raw['version']}, this one knows {VERSION}). "
                    "Use the newer version, or another --data-dir."
                )
            nodes = tuple(Node(**node) for node in raw.pop("nodes"))
            return Installation(nodes=nodes, **raw)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise LayoutError(
                f"{self.installation_file} cannot be read ({error}). The platform's data is untouched; restore the "
                "file, or start afresh with another --data-dir."
            ) from error

    def save(self, installation: Installation) -> None:
        temporary = self.installation_file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(installation), indent=2) + "\n")
        os.replace(temporary, self.installation_file)
