"""What every pod's worker shares on one node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bascule.bridge import messages
from bascule.data.agent import network as networks
from bascule.data.agent.events import Events
from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks


class Ledger(Protocol):
    """`bascule.data.ledger.ledger.Ledger`, as far as the agent uses it."""

    def synced(self, kind: str) -> bool: ...

    @property
    def corrupt(self) -> list[tuple[str, str, str]]: ...

    def get(self, kind: str, name: str) -> messages.Desired | None: ...
    def all(self, kind: str) -> list[messages.Desired]: ...
    def report(self, kind: str, name: str, body: bytes) -> None: ...
    def report_all(self, reports: Iterable[tuple[str, str, bytes]]) -> None: ...
    def remember(self, key: str, value: bytes) -> None: ...
    def recall(self, key: str) -> bytes | None: ...
    def forget(self, key: str) -> None: ...
    def memories(self, prefix: str = "") -> dict[str, bytes]: ...


@dataclass
class Link:
    """Whether the control side is heard now. Nothing waits for its word while it is not."""

    connected: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Host:
    node: str
    host_ip: str
    directory: Path  # the node's own, `<data-dir>/nodes/<name>`
    runtime: contract.Runtime
    ledger: Ledger
    network: networks.Network
    events: Events
    clock: clocks.Clock
    memory_bytes: int = 0
    cgroup_parent: str = ""
    manages_hosts_file: bool = False
    withdraw_seconds: float = 2.0  # how long a pod's end waits for its endpoints' withdrawal
    link: Link = field(default_factory=Link)

    def pod_directory(self, uid: str) -> Path:
        return self.directory / "pods" / uid

    def log_directory(self, namespace: str, name: str, uid: str) -> Path:
        return self.directory / "logs" / f"{namespace}_{name}_{uid}"
