"""What follows from a container that could not be started: when to try again, what to say of it."""

from __future__ import annotations

from bascule.data.agent.host import Host
from bascule.data.agent.pods import backoff, model, pulling
from bascule.data.agent.sources import ConfigFault
from bascule.data.runtime import contract
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

ON_ITS_WAY_SECONDS = 2.0
"""What a container refers to may come later than the pod: so long its absence is no failure."""
CONFIGURATION = (model.CONFIG_ERROR, model.FAILED_MOUNT)
BACK_OFF = {"ErrImagePull": "ImagePullBackOff", "ImagePullBackOff": "ImagePullBackOff"}
NOT_FAILURES = ("ContainerCreating", "PodInitializing", "CrashLoopBackOff")


def note(host: Host, pod: Object, memory: model.Memory, name: str, fault: contract.RuntimeFault | ConfigFault) -> None:
    """Remembers why `name` was not started and until when it is not tried again."""
    now, reason, message = host.clock.now(), fault.reason, fault.message
    if reason == "StartError":  # a run that could not start is a run that ended: seen in the runtime
        started(memory, name)
        host.events.pod(pod, "Failed", f"Error: {message}", container=name, warning=True)
        return
    if isinstance(fault, ConfigFault) and fault.awaited:
        left = ON_ITS_WAY_SECONDS - (now - memory.awaited.setdefault(name, now)).total_seconds()
        if left > 0:
            memory.holds[name] = model.BackOff(left, now)
            return
    before = memory.failures.get(name)
    memory.holds[name] = backoff.following(memory.holds.get(name) if before else None, now, now)
    if reason == pulling.PULL_FAILED and before is not None and before.reason in BACK_OFF:
        image = (model.container_spec(pod, name) or {}).get("image", "")
        reason, message = BACK_OFF[reason], f'Back-off pulling image "{image}": {reason}: {message}'
        host.events.pod(pod, "BackOff", f'Back-off pulling image "{image}"', container=name)
    memory.failures[name] = model.Failure(reason, message)
    if reason == model.FAILED_MOUNT:
        host.events.pod(pod, reason, message, warning=True)
    else:
        said = reason if reason in BACK_OFF or reason == "ErrImageNeverPull" else message
        host.events.pod(pod, "Failed", f"Error: {said}", container=name, warning=True)


def started(memory: model.Memory, name: str) -> None:
    for record in (memory.failures, memory.holds, memory.awaited):
        record.pop(name, None)


def retry_configuration(memory: model.Memory) -> None:
    """What was missing may have come: those that wait for it are tried at once."""
    for name in list(memory.holds):
        failure = memory.failures.get(name)
        if name in memory.awaited if failure is None else failure.reason in CONFIGURATION:
            del memory.holds[name]


def recalled(previous: Object) -> dict[str, model.Failure]:
    """The failures that a status tells of."""
    out = {}
    for group in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for entry in previous.get(group) or ():
            waiting = (entry.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") and waiting["reason"] not in NOT_FAILURES:
                out[entry["name"]] = model.Failure(waiting["reason"], waiting.get("message") or "")
    return out


def tell_crash_loops(host: Host, pod: Object, before: Object, after: Object) -> None:
    """An event for each container that has begun to wait for its next start after a crash."""
    for group in ("initContainerStatuses", "containerStatuses"):
        waited = {entry["name"] for entry in before.get(group) or () if _crash_loops(entry)}
        for entry in after.get(group) or ():
            if _crash_loops(entry) and entry["name"] not in waited:
                title = f"{objects.name(pod)}_{objects.namespace(pod)}({objects.uid(pod)})"
                message = f"Back-off restarting failed container {entry['name']} in pod {title}"
                host.events.pod(pod, "BackOff", message, container=entry["name"], warning=True)


def _crash_loops(entry: Object) -> bool:
    return ((entry.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
