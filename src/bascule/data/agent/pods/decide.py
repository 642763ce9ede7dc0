"""What to do next for one pod. Pure: (desired, observed, remembered, now) → actions and when to look again.

Level-based: it takes no hint of what happened, so adopting running containers after a restart of
the agent, repairing a killed one and starting everything after a reboot are the same code. It never
starts a container while another run of the same name lives.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bascule.data.agent.pods import backoff, model
from bascule.data.agent.pods.model import Decision, Memory, View
from bascule.data.runtime import contract
from bascule.vocabulary import objects, timestamps
from bascule.vocabulary.objects import Object

KILLED = 137
LEAST_GRACE_SECONDS = 2.0
SANDBOX = ""  # the sandbox's name among back-offs and failures


class _Plan:
    """Collects actions, leaving out what is already under way, and the earliest wake-up."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.actions: list[model.Action] = []
        self.wake: datetime | None = None

    def do(self, action: model.Action) -> None:
        if action.key not in self.memory.busy:
            self.actions.append(action)

    def look_at(self, moment: datetime) -> None:
        self.wake = moment if self.wake is None else min(self.wake, moment)

    def decision(self) -> Decision:
        return Decision(tuple(self.actions), self.wake)


def decide(pod: Object, view: View, memory: Memory, now: datetime, exposure: model.Exposure = model.HIDDEN) -> Decision:
    """The next steps for a pod that is desired on this node."""
    plan = _Plan(memory)
    if objects.deletion_timestamp(pod) or memory.stop is not None or _is_over(pod):
        finish = bool(objects.deletion_timestamp(pod))
        grace = model.grace_seconds(pod)
        if finish and grace > 0 and view.live():
            if _withdraws(plan, exposure, now, grace):
                return plan.decision()
            if memory.withdrawn is not None:  # what was waited is part of the grace period
                waited = min((now - memory.withdrawn).total_seconds(), exposure.patience_seconds)
                grace = max(min(grace, LEAST_GRACE_SECONDS), grace - waited)
        _end(pod, view, plan, grace=grace, finish=finish)
        return plan.decision()
    _limit_time(pod, memory, plan, now)
    if is_complete(pod, view, memory):
        _end(pod, view, plan, grace=model.grace_seconds(pod), finish=False)
        return plan.decision()
    sandbox = view.sandbox()
    if sandbox is None:
        _renew_sandbox(view, memory, plan, now)
        return plan.decision()
    for item in view.live():
        if item.sandbox_id != sandbox.id:  # left over from a sandbox that died
            plan.do(model.KillContainer(item.id, item.name, 0, "Killing", "its sandbox is gone"))
    if _initialize(pod, view, memory, plan, now, sandbox):
        for container in (*model.main_containers(pod), *model.ephemeral_containers(pod)):
            _keep(pod, container, view, memory, plan, now, sandbox)
    _collect(pod, view, plan, sandbox)
    return plan.decision()


def remove(view: View, memory: Memory, grace: float) -> Decision:
    """Take away a pod that is no longer desired. Done when the view is empty."""
    plan = _Plan(memory)
    live = view.live()
    for item in live:
        plan.do(model.KillContainer(item.id, item.name, grace, "Killing", f"Stopping container {item.name}"))
    if not live and not any(key.startswith("container ") for key in memory.busy):
        for box in view.sandboxes:
            plan.do(model.RemoveSandbox(box.id))
        known = {box.id for box in view.sandboxes}
        for item in view.containers:
            if item.sandbox_id not in known:
                plan.do(model.RemoveContainer(item.id, item.name))
    return plan.decision()


def _withdraws(plan: _Plan, exposure: model.Exposure, now: datetime, grace: float) -> bool:
    """Whether the end still waits until clients are no longer sent to the pod: first by this node, then, for a
    bounded time, by the control side's word in the EndpointSlices, which other nodes get at the same moment."""
    if not exposure.named:
        return False
    if plan.memory.withdrawn is None:
        plan.do(model.Withdraw())
        return True
    if model.Withdraw().key in plan.memory.busy:
        return True
    limit = plan.memory.withdrawn + timedelta(seconds=min(exposure.patience_seconds, grace))
    if not exposure.ready or now >= limit:
        return False
    plan.look_at(limit)
    return True


def _is_over(pod: Object) -> bool:
    """The API already calls the pod finished: it is never started again."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _limit_time(pod: Object, memory: Memory, plan: _Plan, now: datetime) -> None:
    deadline = model.spec(pod).get("activeDeadlineSeconds")
    started = memory.previous.get("startTime") or (pod.get("status") or {}).get("startTime")
    if deadline is None or not started:
        return
    limit = timestamps.parse(started) + timedelta(seconds=deadline)
    if now < limit:
        plan.look_at(limit)
        return
    memory.stop = model.Stop("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    plan.look_at(now)


def forgotten_end(name: str, memory: Memory) -> dict[str, object] | None:
    """How the last run ended that the runtime no longer knows of, as a terminated state; None if there was none."""
    last = memory.last_status(name)
    state = last.get("state") or {}
    if "running" in state:
        return {
            "exitCode": KILLED,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
            "startedAt": state["running"].get("startedAt"),
            "finishedAt": None,
            "containerID": last.get("containerID", ""),
        }
    found = state.get("terminated") or (last.get("lastState") or {}).get("terminated")
    return dict(found) if found else None


def ended_code(name: str, view: View, memory: Memory) -> int | None:
    """The exit code of the newest run, None if it has not ended. A run the runtime has forgotten counts as killed."""
    newest = view.newest(name)
    if newest is not None:
        return newest.exit_code if newest.state is contract.State.EXITED else None
    gone = forgotten_end(name, memory)
    code = gone["exitCode"] if gone is not None else None
    return code if isinstance(code, int) else None


def restarts(policy: str, code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def init_failed(pod: Object, view: View, memory: Memory) -> bool:
    """An init container has failed and will not be run again."""
    if model.restart_policy(pod) != "Never":
        return False
    for container in model.init_containers(pod):
        if not model.is_sidecar(container) and ended_code(container["name"], view, memory):
            return True
    return False


def is_complete(pod: Object, view: View, memory: Memory) -> bool:
    """Nothing of the pod will ever run again: every container ended and none is restarted."""
    if init_failed(pod, view, memory):
        return True
    codes = [ended_code(container["name"], view, memory) for container in model.main_containers(pod)]
    policy = model.restart_policy(pod)
    return bool(codes) and all(code is not None and not restarts(policy, code) for code in codes)


def _end(pod: Object, view: View, plan: _Plan, *, grace: float, finish: bool) -> None:
    """Stop everything in order: containers, then sidecars in reverse, then the sandbox."""
    sidecars = [item["name"] for item in model.init_containers(pod) if model.is_sidecar(item)]
    live = view.live()
    first = [item for item in live if item.name not in sidecars]
    for name in reversed(sidecars):
        if first:
            break
        first = [item for item in live if item.name == name]
    for item in first:
        plan.do(model.KillContainer(item.id, item.name, grace, "Killing", f"Stopping container {item.name}"))
    if live or any(key.startswith("container ") for key in plan.memory.busy):
        return
    ready = [box for box in view.sandboxes if box.ready]
    for box in ready:
        plan.do(model.StopSandbox(box.id))
    if finish and not ready and "sandbox" not in plan.memory.busy:
        plan.do(model.Finish())


def _renew_sandbox(view: View, memory: Memory, plan: _Plan, now: datetime) -> None:
    live = view.live()
    for item in live:
        plan.do(model.KillContainer(item.id, item.name, 0, "Killing", "its sandbox is gone"))
    if live or any(key.startswith("container ") for key in memory.busy):
        return
    entry = memory.backoffs.get(SANDBOX)
    if entry is not None and SANDBOX in memory.failures:
        due = backoff.not_before(entry, entry.updated)
        if now < due:
            plan.look_at(due)
            return
    attempt = max((box.attempt for box in view.sandboxes), default=-1) + 1
    plan.do(model.CreateSandbox(attempt))


def _initialize(pod: Object, view: View, memory: Memory, plan: _Plan, now: datetime, sandbox: contract.Sandbox) -> bool:
    """Whether the main containers' turn has come; sidecars are kept running either way."""
    here = View(view.sandboxes, tuple(item for item in view.containers if item.sandbox_id == sandbox.id))
    begun = any(here.newest(container["name"]) is not None for container in model.main_containers(pod))
    begun = begun or any(f"container {item['name']}" in memory.busy for item in model.main_containers(pod))
    for container in model.init_containers(pod):
        name = container["name"]
        newest = here.newest(name)
        if model.is_sidecar(container):
            _keep(pod, container, view, memory, plan, now, sandbox)
            started = newest is not None and model.is_live(newest) and memory.health_of(newest).started
            if not begun and not started:
                return False
        elif not begun and (newest is None or newest.state is not contract.State.EXITED or newest.exit_code != 0):
            _keep(pod, container, view, memory, plan, now, sandbox)
            return False
    return True


def policy_of(pod: Object, container: model.Spec) -> str:
    """The restart policy that holds for one container."""
    name = container["name"]
    if model.is_sidecar(container):
        return "Always"
    if any(name == item["name"] for item in model.init_containers(pod)):
        return "Never" if model.restart_policy(pod) == "Never" else "OnFailure"
    if any(name == item["name"] for item in model.ephemeral_containers(pod)):
        return "Never"
    return model.restart_policy(pod)


def _keep(
    pod: Object,
    container: model.Spec,
    view: View,
    memory: Memory,
    plan: _Plan,
    now: datetime,
    sandbox: contract.Sandbox,
) -> None:
    """Have one container running, within its restart policy and back-off."""
    name = container["name"]
    if any(model.is_live(item) and item.sandbox_id != sandbox.id for item in view.runs(name)):
        return
    newest = view.newest(name)
    policy = policy_of(pod, container)
    if newest is None:
        code = ended_code(name, view, memory)
        count = int(memory.last_status(name).get("restartCount") or 0)
        if code is None:
            _start(name, 0, memory, plan, now, sandbox, ended=None)
        elif restarts(policy, code) or _is_init(pod, container):
            _start(name, count + 1, memory, plan, now, sandbox, ended=None)
    elif newest.state is contract.State.CREATED:
        if f"container {name}" not in memory.busy:  # its creator died before starting it
            plan.do(model.RemoveContainer(newest.id, name))
    elif model.is_live(newest):
        _check(container, newest, memory, plan, model.grace_seconds(pod))
    elif newest.sandbox_id != sandbox.id and _is_init(pod, container):
        _start(name, newest.attempt + 1, memory, plan, now, sandbox, ended=None)
    elif restarts(policy, newest.exit_code or 0):
        _start(name, newest.attempt + 1, memory, plan, now, sandbox, ended=newest.finished_at)


def _is_init(pod: Object, container: model.Spec) -> bool:
    return any(container["name"] == item["name"] for item in model.init_containers(pod))


def _check(container: model.Spec, run: contract.Container, memory: Memory, plan: _Plan, grace: float) -> None:
    health = memory.health_of(run)
    if health.unhealthy:
        for kind in ("livenessProbe", "startupProbe"):
            own = (container.get(kind) or {}).get("terminationGracePeriodSeconds")
            if own is not None and f" {kind.removesuffix('Probe')} probe" in health.unhealthy:
                grace = float(own)
        plan.do(model.KillContainer(run.id, run.name, grace, "Killing", health.unhealthy))
    elif container.get("image") != run.image:
        message = f"Container {run.name} definition changed, will be restarted"
        plan.do(model.KillContainer(run.id, run.name, grace, "Killing", message))


def _start(
    name: str,
    attempt: int,
    memory: Memory,
    plan: _Plan,
    now: datetime,
    sandbox: contract.Sandbox,
    *,
    ended: datetime | None,
) -> None:
    held, entry = memory.holds.get(name), memory.backoffs.get(name)
    due = now
    if held is not None:
        due = backoff.not_before(held, held.updated)
    if entry is not None:
        due = max(due, backoff.not_before(entry, ended or entry.updated))
    if now < due:
        plan.look_at(due)
        return
    plan.do(model.StartContainer(name, attempt, sandbox.id))


def _collect(pod: Object, view: View, plan: _Plan, sandbox: contract.Sandbox) -> None:
    """Keep the newest run and the one before it; older ones and empty old sandboxes go."""
    kept: set[str] = set()
    for name in {item.name for item in view.containers}:
        runs = view.runs(name)
        kept |= {item.id for item in runs[:2]}
        for old in runs[2:]:
            if not model.is_live(old):
                plan.do(model.RemoveContainer(old.id, name))
    used = {item.sandbox_id for item in view.containers if item.id in kept}
    for box in view.sandboxes:
        if box.id != sandbox.id and box.id not in used and not box.ready:
            plan.do(model.RemoveSandbox(box.id))
