"""The contract every runtime driver keeps.

A sandbox is what the containers of one pod share (addresses, names, lifetime); a container is one
run of one process tree in it: it is started once and never again, a restart is a new container
with the next `attempt`. All calls are idempotent where a repetition is meaningful (stopping a
stopped thing, removing an absent one). What was started outlives the driver; `observe` finds it
again by its labels. Drivers neither restart containers nor interpret pods.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

LABEL_POD_UID = "io.kubernetes.pod.uid"
LABEL_POD_NAME = "io.kubernetes.pod.name"
LABEL_POD_NAMESPACE = "io.kubernetes.pod.namespace"
LABEL_CONTAINER = "io.kubernetes.container.name"
LABEL_CLUSTER = "bascule.dev/cluster"


class RuntimeFault(Exception):
    """A driver could not do what it was asked; `reason` is a word for container statuses."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class State(enum.StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mount:
    host_path: str
    container_path: str
    read_only: bool = False
    propagation: str = "None"  # None | HostToContainer | Bidirectional


@dataclass(frozen=True, slots=True)
class Resources:
    """Linux limits; 0 means unlimited. `cpu_quota_us` is for each `cpu_period_us`."""

    cpu_shares: int = 2
    cpu_quota_us: int = 0
    cpu_period_us: int = 100_000
    memory_limit_bytes: int = 0
    oom_score_adj: int = 1000


@dataclass(frozen=True, slots=True)
class Security:
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    privileged: bool = False
    read_only_root: bool = False
    no_new_privileges: bool = False
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_process_namespace: bool = False
    process_namespace_of: str = ""  # the id of a container whose processes this one sees


@dataclass(frozen=True, slots=True)
class PortMapping:
    container_port: int
    host_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class Dns:
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    uid: str
    name: str
    namespace: str
    cluster: str = "root"
    attempt: int = 0
    hostname: str = ""
    log_directory: str = ""
    cgroup_parent: str = ""
    ip: str = ""  # where the network, not the runtime, gives the address
    dns: Dns | None = None
    security: Security = field(default_factory=Security)
    port_mappings: tuple[PortMapping, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sandbox:
    id: str
    uid: str
    name: str
    namespace: str
    cluster: str
    attempt: int
    ready: bool
    created_at: datetime
    ip: str = ""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """`log_path` is relative to the sandbox's log directory."""

    name: str
    image: str
    attempt: int = 0
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    resources: Resources = field(default_factory=Resources)
    security: Security = field(default_factory=Security)
    annotations: tuple[tuple[str, str], ...] = ()
    is_awaited: bool = False
    """Whether the pod's other containers wait for its end: an init container, no sidecar."""


@dataclass(frozen=True, slots=True)
class Container:
    id: str
    sandbox_id: str
    uid: str
    name: str
    attempt: int
    image: str
    image_id: str
    state: State
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: str = ""  # OOMKilled | Error | Completed | StartError | …
    message: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a runtime holds of ours, at one moment."""

    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    names: tuple[str, ...]
    size_bytes: int
    user: str = ""


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Usage:
    container_id: str
    cpu_nanoseconds: int
    memory_bytes: int


class Session(Protocol):
    """A running exec or attach. `read` yields `(1 or 2, bytes)` and None at the end of all output."""

    async def read(self) -> tuple[int, bytes] | None: ...
    async def write(self, data: bytes) -> None: ...
    async def close_stdin(self) -> None: ...
    async def resize(self, width: int, height: int) -> None: ...
    async def wait(self) -> int: ...
    async def close(self) -> None: ...


class Runtime(Protocol):
    name: str

    async def start(self) -> None: ...
    async def close(self) -> None:
        """Let go; what runs goes on running."""

    async def version(self) -> str: ...
    async def observe(self) -> Observation: ...
    async def wait_changed(self) -> None:
        """Return when something may have changed since the last `observe`; may return for nothing."""

    async def create_sandbox(self, spec: SandboxSpec) -> Sandbox: ...
    async def stop_sandbox(self, sandbox_id: str) -> None: ...
    async def remove_sandbox(self, sandbox_id: str) -> None: ...
    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str: ...
    async def start_container(self, container_id: str) -> None: ...
    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        """SIGTERM, at most `grace_seconds` of patience, then SIGKILL; returns when it has exited."""

    async def remove_container(self, container_id: str) -> None: ...
    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult: ...
    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> Session: ...
    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> Session: ...
    async def reopen_log(self, container_id: str) -> None: ...
    async def image(self, name: str) -> Image | None: ...
    async def pull_image(self, name: str, auth: dict[str, str] | None = None) -> Image: ...
    async def import_images(self, archive: Path) -> None: ...
    async def usage(self) -> tuple[Usage, ...]: ...
    async def network_process(self, container_id: str) -> int | None:
        """A running process in the container's network; None where the runtime gives no networks."""
