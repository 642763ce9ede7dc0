"""The values a pod's decisions are made of: what was observed, what is remembered, what to do.

`Memory` is what the runtime cannot tell: probe results, back-offs, failures to start. It is a cache
that may be lost at any moment (the agent is killed); decisions stay right without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.data.runtime import contract
from bascule.vocabulary.objects import Object

Spec = dict[str, Any]
FAILED_MOUNT = "FailedMount"
"""Why a container waits for its volumes; to users it is being created, an event says the rest."""
CONFIG_ERROR = "CreateContainerConfigError"


@dataclass(frozen=True, slots=True)
class View:
    """This pod's part of what the runtime holds."""

    sandboxes: tuple[contract.Sandbox, ...] = ()
    containers: tuple[contract.Container, ...] = ()

    def sandbox(self) -> contract.Sandbox | None:
        """The newest sandbox if it is ready."""
        newest = max(self.sandboxes, key=lambda box: (box.attempt, box.created_at), default=None)
        return newest if newest is not None and newest.ready else None

    def runs(self, name: str) -> list[contract.Container]:
        """All runs of a container, newest first."""
        found = [item for item in self.containers if item.name == name]
        return sorted(found, key=lambda item: (item.attempt, item.created_at), reverse=True)

    def newest(self, name: str) -> contract.Container | None:
        return next(iter(self.runs(name)), None)

    def live(self) -> list[contract.Container]:
        return [item for item in self.containers if is_live(item)]


def is_live(container: contract.Container) -> bool:
    return container.state in (contract.State.RUNNING, contract.State.UNKNOWN)


@dataclass(slots=True)
class BackOff:
    delay_seconds: float
    updated: datetime


@dataclass(slots=True)
class Health:
    """What probes and hooks found for one run; None: not known yet."""

    started: bool | None = None
    ready: bool | None = None
    unhealthy: str = ""  # why it must be restarted


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a container (or the sandbox) could not be started the last time."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the whole pod must end although nobody deleted it."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """What clients may still know of a pod that is to end, by this node's EndpointSlices."""

    named: bool = False
    ready: bool = False
    patience_seconds: float = 0.0  # how long the end may wait for `ready` to become False


HIDDEN = Exposure()


@dataclass(slots=True)
class Memory:
    previous: Object = field(default_factory=dict)  # the status last reported
    backoffs: dict[str, BackOff] = field(default_factory=dict)  # by container name; "" is the sandbox
    failures: dict[str, Failure] = field(default_factory=dict)
    holds: dict[str, BackOff] = field(default_factory=dict)  # starts that failed before anything ran
    awaited: dict[str, datetime] = field(default_factory=dict)  # since when what a container refers to is missing
    health: dict[str, Health] = field(default_factory=dict)  # by container id
    busy: set[str] = field(default_factory=set)  # keys of actions under way
    stop: Stop | None = None
    withdrawn: datetime | None = None  # since when this node sends no client to the pod, because it ends
    termination_messages: dict[str, str] = field(default_factory=dict)  # by container id

    def health_of(self, container: contract.Container) -> Health:
        return self.health.setdefault(container.id, Health())

    def last_status(self, name: str) -> dict[str, Any]:
        """What was last reported of a container, or {}."""
        for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for entry in self.previous.get(group) or ():
                if entry.get("name") == name:
                    return dict(entry)
        return {}


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    attempt: int
    key: str = "sandbox"


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Have this node send no further client to the pod."""

    key: str = "withdraw"


@dataclass(frozen=True, slots=True)
class StopSandbox:
    id: str

    @property
    def key(self) -> str:
        return "sandbox"


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    id: str

    @property
    def key(self) -> str:
        return f"remove {self.id}"


@dataclass(frozen=True, slots=True)
class StartContainer:
    name: str
    attempt: int
    sandbox_id: str

    @property
    def key(self) -> str:
        return f"container {self.name}"


@dataclass(frozen=True, slots=True)
class KillContainer:
    id: str
    name: str
    grace_seconds: float
    reason: str
    message: str

    @property
    def key(self) -> str:
        return f"container {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    id: str
    name: str

    @property
    def key(self) -> str:
        return f"remove {self.id}"


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything has stopped: the object may go."""

    key: str = "finish"


Action = (
    CreateSandbox | Withdraw | StopSandbox | RemoveSandbox | StartContainer | KillContainer | RemoveContainer | Finish
)


@dataclass(frozen=True, slots=True)
class Decision:
    actions: tuple[Action, ...] = ()
    wake: datetime | None = None  # look again then, even if nothing changed


def spec(pod: Object) -> Spec:
    return pod.get("spec") or {}


def main_containers(pod: Object) -> list[Spec]:
    return list(spec(pod).get("containers") or ())


def init_containers(pod: Object) -> list[Spec]:
    return list(spec(pod).get("initContainers") or ())


def ephemeral_containers(pod: Object) -> list[Spec]:
    return list(spec(pod).get("ephemeralContainers") or ())


def is_sidecar(container: Spec) -> bool:
    return container.get("restartPolicy") == "Always"


def container_spec(pod: Object, name: str) -> Spec | None:
    for entry in (*main_containers(pod), *init_containers(pod), *ephemeral_containers(pod)):
        if entry["name"] == name:
            return entry
    return None


def restart_policy(pod: Object) -> str:
    return str(spec(pod).get("restartPolicy") or "Always")


def grace_seconds(pod: Object) -> float:
    """How long the pod may take to stop, as its deletion or else its spec says."""
    meta = pod.get("metadata") or {}
    for value in (meta.get("deletionGracePeriodSeconds"), spec(pod).get("terminationGracePeriodSeconds")):
        if value is not None:
            return float(value)
    return 30.0
