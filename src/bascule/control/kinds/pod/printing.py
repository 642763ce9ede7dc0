"""A pod as `kubectl get pods` shows it: one word for what it is doing, ready containers, restarts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, duration, shape
from bascule.control.kinds.strategy import Column
from bascule.vocabulary.objects import Object

COLUMNS = (
    columns.NAME,
    Column("Ready", description="Ready containers of all containers."),
    Column("Status", description="What the pod is doing, in one word."),
    Column("Restarts", description="How often containers restarted, and when last."),
    columns.AGE,
    Column("IP", priority=1, description="The pod's address."),
    Column("Node", priority=1, description="The node the pod runs on."),
    Column("Nominated Node", priority=1, description="The node being made free for the pod."),
    Column("Readiness Gates", priority=1, description="Readiness gates that hold, of all."),
)
_FINISHED = ("Succeeded", "Failed")


class _Tally:
    """What the walk over a pod's containers finds."""

    def __init__(self, reason: str, total: int) -> None:
        self.reason, self.total = reason, total
        self.ready = self.restarts = self.sidecar_restarts = 0
        self.last: datetime | None = None
        self.sidecar_last: datetime | None = None


def cells(pod: Object, now: datetime) -> list[Any]:
    spec, status, own = (shape.mapping(pod, key) for key in ("spec", "status", "metadata"))
    phase = shape.text(status, "phase")
    tally = _Tally(shape.text(status, "reason") or phase, len(shape.items(spec, "containers")))
    if _condition(status, "PodScheduled").get("reason") == "SchedulingGated":
        tally.reason = "SchedulingGated"
    initializing = _walk_init(spec, status, tally)
    if not initializing or _condition(status, "Initialized").get("status") == "True":
        _walk_main(status, tally)
    if own.get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            tally.reason = "Unknown"
        elif phase not in _FINISHED:
            tally.reason = "Terminating"
    restarts = str(tally.restarts)
    if tally.restarts and tally.last is not None:
        restarts += f" ({duration.between(tally.last, now)} ago)"
    return [
        columns.name(pod),
        f"{tally.ready}/{tally.total}",
        tally.reason,
        restarts,
        columns.age(pod, now),
        _address(status),
        columns.or_none(spec.get("nodeName")),
        columns.or_none(status.get("nominatedNodeName")),
        _gates(spec, status),
    ]


def _walk_init(spec: Object, status: Object, tally: _Tally) -> bool:
    """Init containers, in order, up to the first that is not done; whether there is such a one."""
    containers = shape.items(spec, "initContainers")
    sidecars = {shape.text(c, "name") for c in containers if c.get("restartPolicy") == "Always"}
    tally.total += len(sidecars)
    for index, container in enumerate(shape.items(status, "initContainerStatuses")):
        count, last = shape.count(container, "restartCount"), _last_end(container)
        tally.restarts += count
        tally.last = _later(tally.last, last)
        sidecar = shape.text(container, "name") in sidecars
        if sidecar:
            tally.sidecar_restarts += count
            tally.sidecar_last = _later(tally.sidecar_last, last)
        state = shape.mapping(container, "state")
        ended, waiting = state.get("terminated"), shape.mapping(state, "waiting")
        if type(ended) is dict and not ended.get("exitCode"):
            continue
        if sidecar and container.get("started") is True:
            tally.ready += container.get("ready") is True
            continue
        if type(ended) is dict:
            tally.reason = "Init:" + (shape.text(ended, "reason") or _exit(ended))
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            tally.reason = f"Init:{waiting['reason']}"
        else:
            tally.reason = f"Init:{index}/{len(containers)}"
        return True
    return False


def _walk_main(status: Object, tally: _Tally) -> None:
    tally.restarts, tally.last = tally.sidecar_restarts, tally.sidecar_last
    running = False
    for container in reversed(shape.items(status, "containerStatuses")):
        tally.restarts += shape.count(container, "restartCount")
        tally.last = _later(tally.last, _last_end(container))
        state = shape.mapping(container, "state")
        ended, waiting = state.get("terminated"), shape.mapping(state, "waiting")
        if waiting.get("reason"):
            tally.reason = str(waiting["reason"])
        elif type(ended) is dict:
            tally.reason = shape.text(ended, "reason") or _exit(ended)
        elif container.get("ready") is True and type(state.get("running")) is dict:
            running = True
            tally.ready += 1
    if tally.reason == "Completed" and running:
        ready = _condition(status, "Ready").get("status") == "True"
        tally.reason = "Running" if ready else "NotReady"


def _exit(ended: Object) -> str:
    signal = shape.count(ended, "signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{shape.count(ended, 'exitCode')}"


def _last_end(container: Object) -> datetime | None:
    ended = shape.mapping(shape.mapping(container, "lastState"), "terminated")
    return duration.parse(ended.get("finishedAt"))


def _later(left: datetime | None, right: datetime | None) -> datetime | None:
    if left is None or right is None:
        return left or right
    return max(left, right)


def _condition(status: Object, kind: str) -> Object:
    for condition in shape.items(status, "conditions"):
        if condition.get("type") == kind:
            return condition
    return {}


def _address(status: Object) -> str:
    addresses = shape.items(status, "podIPs")
    if addresses and addresses[0].get("ip"):
        return str(addresses[0]["ip"])
    return columns.or_none(status.get("podIP"))


def _gates(spec: Object, status: Object) -> str:
    gates = shape.items(spec, "readinessGates")
    if not gates:
        return columns.NONE
    holding = sum(_condition(status, shape.text(gate, "conditionType")).get("status") == "True" for gate in gates)
    return f"{holding}/{len(gates)}"
