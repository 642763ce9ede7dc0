"""A pod's status as users read it. Pure: (desired, observed, remembered, now) → the whole `status`.

Reasons and messages are upstream's, since people and programs match on them. What the control side
wrote (PodScheduled, custom conditions, qosClass) is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.data.agent.pods import backoff, decide, model
from bascule.data.agent.pods.model import Memory, View
from bascule.data.runtime import contract
from bascule.vocabulary import conditions as conditions_list
from bascule.vocabulary import objects, timestamps
from bascule.vocabulary.objects import Object

OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")


def status(
    pod: Object, view: View, memory: Memory, now: datetime, *, runtime: str, host_ip: str, pod_ip: str
) -> Object:
    """The status to report; `pod_ip` is "" until the pod has an address."""
    before = memory.previous or pod.get("status") or {}
    initialized = _is_initialized(pod, view, memory)
    entries = {
        group: [_container(pod, item, view, memory, now, runtime, initialized=initialized) for item in items]
        for group, items in (
            ("init", model.init_containers(pod)),
            ("main", model.main_containers(pod)),
            ("ephemeral", model.ephemeral_containers(pod)),
        )
    }
    phase = _phase(pod, view, memory, entries, initialized=initialized)
    out: Object = {"phase": phase}
    if memory.stop is not None:
        out |= {"phase": "Failed", "reason": memory.stop.reason, "message": memory.stop.message}
    own = _conditions(pod, view, memory, entries, str(out["phase"]), initialized=initialized, pod_ip=pod_ip)
    out["conditions"] = _merge(before, pod, own, now)
    out["hostIP"] = host_ip
    out["hostIPs"] = [{"ip": host_ip}]
    if pod_ip:
        out["podIP"] = pod_ip
        out["podIPs"] = [{"ip": pod_ip}]
    out["startTime"] = before.get("startTime") or timestamps.format(now)
    for group, key in (
        ("init", "initContainerStatuses"),
        ("main", "containerStatuses"),
        ("ephemeral", "ephemeralContainerStatuses"),
    ):
        if entries[group]:
            out[key] = entries[group]
    kept = pod.get("status") or {}
    out["qosClass"] = kept.get("qosClass") or before.get("qosClass") or "BestEffort"
    if nominated := kept.get("nominatedNodeName"):
        out["nominatedNodeName"] = nominated
    generation = objects.generation(pod)
    if generation:
        out["observedGeneration"] = generation
    return out


def _is_initialized(pod: Object, view: View, memory: Memory) -> bool:
    """Every init container has done its part, or the main ones have begun."""
    if any(view.newest(item["name"]) is not None for item in model.main_containers(pod)):
        return True
    for container in model.init_containers(pod):
        newest = view.newest(container["name"])
        if model.is_sidecar(container):
            if newest is None or not memory.health_of(newest).started:
                return False
        elif decide.ended_code(container["name"], view, memory) != 0:
            return False
    return True


def _container(
    pod: Object,
    container: model.Spec,
    view: View,
    memory: Memory,
    now: datetime,
    runtime: str,
    *,
    initialized: bool,
) -> dict[str, Any]:
    name = container["name"]
    runs = [item for item in view.runs(name) if item.state is not contract.State.CREATED]
    newest = runs[0] if runs else None
    out: dict[str, Any] = {
        "name": name,
        "image": container.get("image", ""),
        "imageID": newest.image_id if newest else "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {},
        "lastState": {},
    }
    if newest is None:
        return _without_run(pod, container, view, memory, out, initialized=initialized)
    out["restartCount"] = newest.attempt
    out["containerID"] = f"{runtime}://{newest.id}"
    if len(runs) > 1 and runs[1].state is contract.State.EXITED:
        out["lastState"] = {"terminated": _terminated(runs[1], memory, runtime)}
    elif (last := memory.last_status(name)).get("restartCount") == newest.attempt:
        out["lastState"] = last.get("lastState") or {}
    if model.is_live(newest):
        health = memory.health_of(newest)
        began = newest.started_at or newest.created_at
        out["state"] = {"running": {"startedAt": timestamps.format(began)}}
        out["started"] = bool(health.started)
        sidecar_or_main = model.is_sidecar(container) or container in model.main_containers(pod)
        out["ready"] = bool(health.started and health.ready) if sidecar_or_main else False
        return out
    ended = {"terminated": _terminated(newest, memory, runtime)}
    is_plain_init = container in model.init_containers(pod) and not model.is_sidecar(container)
    out["ready"] = is_plain_init and newest.exit_code == 0
    waiting = _waiting(pod, container, newest, memory, now)
    if waiting is None:
        out["state"] = ended
    else:
        out["state"], out["lastState"] = {"waiting": waiting}, ended
    return out


def _without_run(
    pod: Object,
    container: model.Spec,
    view: View,
    memory: Memory,
    out: dict[str, Any],
    *,
    initialized: bool,
) -> dict[str, Any]:
    """No run is known: it is to come, could not be started, or the runtime has forgotten it."""
    name = container["name"]
    last = memory.last_status(name)
    code = decide.ended_code(name, view, memory)
    out["restartCount"] = last.get("restartCount") or 0
    gone = decide.forgotten_end(name, memory)
    if code is not None and gone is not None:
        if decide.restarts(decide.policy_of(pod, container), code):
            out["lastState"] = {"terminated": gone}
        else:
            plain = container in model.init_containers(pod) and not model.is_sidecar(container)
            out |= {"state": {"terminated": gone}, "ready": plain and code == 0}
            return out
    else:
        out["lastState"] = last.get("lastState") or {}
    failure = memory.failures.get(name)
    if failure is not None and failure.reason != model.FAILED_MOUNT:
        waiting = {"reason": failure.reason, "message": failure.message}
    else:
        begins = bool(model.init_containers(pod)) and not initialized
        waiting = {"reason": "PodInitializing" if begins else "ContainerCreating"}
    out["state"] = {"waiting": waiting}
    return out


def _waiting(
    pod: Object, container: model.Spec, ended: contract.Container, memory: Memory, now: datetime
) -> dict[str, str] | None:
    """The waiting state of a container that ended and waits for its next start; None if it does not."""
    if objects.deletion_timestamp(pod) or memory.stop is not None:
        return None
    if not decide.restarts(decide.policy_of(pod, container), ended.exit_code or 0):
        return None
    name = container["name"]
    failure = memory.failures.get(name)
    if failure is not None and failure.reason != model.FAILED_MOUNT:
        return {"reason": failure.reason, "message": failure.message}
    entry = memory.backoffs.get(name)
    if entry is None or ended.finished_at is None or entry.updated > ended.finished_at:
        return None  # the next run is being started
    if backoff.not_before(entry, ended.finished_at) <= now:
        return None
    delay = _duration(entry.delay_seconds)
    title = f"{objects.name(pod)}_{objects.namespace(pod)}({objects.uid(pod)})"
    message = f"back-off {delay} restarting failed container={name} pod={title}"
    return {"reason": "CrashLoopBackOff", "message": message}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _terminated(run: contract.Container, memory: Memory, runtime: str) -> dict[str, Any]:
    out: dict[str, Any] = {
        "exitCode": run.exit_code if run.exit_code is not None else 137,
        "reason": run.reason or ("Completed" if run.exit_code == 0 else "Error"),
        "startedAt": timestamps.format(run.started_at) if run.started_at else None,
        "finishedAt": timestamps.format(run.finished_at) if run.finished_at else None,
        "containerID": f"{runtime}://{run.id}",
    }
    if message := memory.termination_messages.get(run.id) or run.message:
        out["message"] = message
    return out


def _phase(
    pod: Object, view: View, memory: Memory, entries: dict[str, list[dict[str, Any]]], *, initialized: bool
) -> str:
    already = (pod.get("status") or {}).get("phase")
    if already in ("Succeeded", "Failed"):
        return str(already)
    if decide.init_failed(pod, view, memory):
        return "Failed"
    states = [entry["state"] for entry in entries["main"]]
    stopped = [state["terminated"] for state in states if "terminated" in state]
    succeeded = all(state["exitCode"] == 0 for state in stopped)
    running = sum("running" in state for state in states)
    ending = objects.deletion_timestamp(pod) or memory.stop is not None
    if ending and not view.live() and stopped and len(stopped) == len(states):
        return "Succeeded" if succeeded else "Failed"
    if not initialized:
        return "Pending"
    again = [entry for entry in entries["main"] if "waiting" in entry["state"]]
    if any(not entry["lastState"] for entry in again):
        return "Running" if stopped else "Pending"
    if running or again:
        return "Running"
    policy = model.restart_policy(pod)
    if policy == "Always" or not stopped:
        return "Running" if stopped else "Pending"
    if succeeded:
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _conditions(
    pod: Object,
    view: View,
    memory: Memory,
    entries: dict[str, list[dict[str, Any]]],
    phase: str,
    *,
    initialized: bool,
    pod_ip: str,
) -> list[dict[str, Any]]:
    over = phase in ("Succeeded", "Failed")
    reason_over = "PodCompleted" if phase == "Succeeded" else "PodFailed"
    ready_to_start = view.sandbox() is not None and not over
    out = [_condition("PodReadyToStartContainers", ready_to_start)]
    incomplete = [entry["name"] for entry in entries["init"] if not entry["ready"]]
    if initialized:
        out.append(_condition("Initialized", True, "PodCompleted" if phase == "Succeeded" else ""))
    else:
        names = "[" + " ".join(incomplete) + "]"
        out.append(
            _condition("Initialized", False, "ContainersNotInitialized", f"containers with incomplete status: {names}")
        )
    sidecars = {item["name"] for item in model.init_containers(pod) if model.is_sidecar(item)}
    counted = [*entries["main"], *(entry for entry in entries["init"] if entry["name"] in sidecars)]
    unready = [entry["name"] for entry in counted if not entry["ready"]]
    if over:
        ready = containers_ready = _condition("Ready", False, reason_over)
    elif unready:
        message = "containers with unready status: [" + " ".join(unready) + "]"
        ready = containers_ready = _condition("Ready", False, "ContainersNotReady", message)
    else:
        containers_ready = _condition("Ready", True)
        ready = _gates(pod)
    return [*out, ready, containers_ready | {"type": "ContainersReady"}]


def _gates(pod: Object) -> dict[str, Any]:
    present = (pod.get("status") or {}).get("conditions")
    problems = []
    for gate in model.spec(pod).get("readinessGates") or ():
        kind = gate["conditionType"]
        found = conditions_list.find(present, kind)
        if found is None:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found.get("status") != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}')
    if problems:
        return _condition("Ready", False, "ReadinessGatesNotReady", ", ".join(problems))
    return _condition("Ready", True)


def _condition(kind: str, holds: bool, reason: str = "", message: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {"type": kind, "status": "True" if holds else "False", "lastProbeTime": None}
    if reason:
        out["reason"] = reason
    if message:
        out["message"] = message
    return out


def _merge(before: Object, pod: Object, own: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Our conditions with the time of their last change, then those that others wrote."""
    out = []
    for condition in own:
        old = conditions_list.find(before.get("conditions"), condition["type"])
        same = old is not None and old.get("status") == condition["status"]
        moment = old.get("lastTransitionTime") if same and old is not None else None
        out.append(condition | {"lastTransitionTime": moment or timestamps.format(now)})
    theirs = (pod.get("status") or {}).get("conditions") or ()
    others = [dict(item) for item in theirs if item.get("type") not in OWN]
    if conditions_list.find(others, "PodScheduled") is None:
        scheduled = _condition("PodScheduled", True)
        old = conditions_list.find(before.get("conditions"), "PodScheduled") or {}
        others.append(scheduled | {"lastTransitionTime": old.get("lastTransitionTime") or timestamps.format(now)})
    return [*out, *others]
