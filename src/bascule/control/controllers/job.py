"""Job: runs pods until enough of them succeeded, or too many failed.

`decide` and `status_of` are pure. Supported: parallelism, completions, backoffLimit, activeDeadlineSeconds, suspend,
ttlSecondsAfterFinished, Indexed completion. Not yet: pod failure policies, success policies, per-index limits.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.client import faults
from bascule.control.controllers import claims, removal, replica_set, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, errors, labels, objects, timestamps

INDEX = "batch.kubernetes.io/job-completion-index"
_LONGEST_BACKOFF_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """`create`: the indices to make pods for (-1: no index); `verdict`: (condition, reason, message) that ends it;
    `later_seconds`: when to look again.
    """

    create: list[int] = field(default_factory=list)
    delete: list[objects.Object] = field(default_factory=list)
    verdict: tuple[str, str, str] | None = None
    later_seconds: float | None = None


def ended(job: objects.Object) -> bool:
    return conditions.is_true(job, "Complete") or conditions.is_true(job, "Failed")


def decide(job: objects.Object, own: Sequence[objects.Object], now: datetime) -> Plan:
    spec, status = job.get("spec") or {}, job.get("status") or {}
    active = [pod for pod in own if pod_facts.active(pod)]
    if objects.deletion_timestamp(job) is not None or ended(job):
        return Plan(delete=active if ended(job) else [])
    succeeded = _succeeded(job, own)
    failed = [pod for pod in own if pod_facts.status(pod).get("phase") == "Failed"]
    restarts = sum(pod_facts.restarts(pod) for pod in active) if _restarts_in_place(spec) else 0
    limit = 6 if spec.get("backoffLimit") is None else int(spec["backoffLimit"])
    if len(failed) + restarts > limit:
        message = "Job has reached the specified backoff limit"
        return Plan(delete=active, verdict=("Failed", "BackoffLimitExceeded", message))
    started = status.get("startTime")
    deadline = spec.get("activeDeadlineSeconds")
    left = None
    if deadline is not None and started:
        left = deadline - (now - timestamps.parse(started)).total_seconds()
        if left <= 0:
            message = "Job was active longer than specified deadline"
            return Plan(delete=active, verdict=("Failed", "DeadlineExceeded", message))
    if spec.get("suspend"):
        return Plan(delete=active)
    completions = spec.get("completions")
    parallelism = 1 if spec.get("parallelism") is None else int(spec["parallelism"])
    if completions is None:
        if succeeded and not active:
            return Plan(verdict=("Complete", "CompletionsReached", "Reached expected number of succeeded pods"))
        wanted = parallelism if not succeeded else 0
    else:
        if len(succeeded) >= completions:
            message = "Reached expected number of succeeded pods"
            return Plan(delete=active, verdict=("Complete", "CompletionsReached", message))
        wanted = min(parallelism, completions - len(succeeded))
    wait = _backoff_seconds(failed, now)
    if len(active) >= wanted or wait > 0:
        surplus = active[wanted:] if len(active) > wanted and not (completions is None and succeeded) else []
        return Plan(delete=surplus, later_seconds=_soonest(left, wait or None))
    return Plan(create=_indices(spec, active, succeeded, wanted - len(active)), later_seconds=left)


def _soonest(*seconds: float | None) -> float | None:
    return min((each for each in seconds if each is not None), default=None)


def _restarts_in_place(spec: objects.Object) -> bool:
    return ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") == "OnFailure"


def index_of(pod: objects.Object) -> int:
    text = objects.annotations(pod).get(INDEX, "-1")
    return int(text) if text.isdigit() else -1


def _succeeded(job: objects.Object, own: Sequence[objects.Object]) -> set[object]:
    """What has succeeded: indices of an Indexed job, else pods by uid."""
    done = [pod for pod in own if pod_facts.status(pod).get("phase") == "Succeeded"]
    if (job.get("spec") or {}).get("completionMode") == "Indexed":
        return {index_of(pod) for pod in done} | _completed(job)
    return {objects.uid(pod) for pod in done}


def _completed(job: objects.Object) -> set[int]:
    """Indices that were done before, whose pods may be gone; those above a lowered number of completions are not."""
    completions = (job.get("spec") or {}).get("completions") or 0
    found: set[int] = set()
    for part in ((job.get("status") or {}).get("completedIndexes") or "").split(","):
        low, _, high = part.partition("-")
        if low.isdigit() and (not high or high.isdigit()):
            found.update(range(int(low), min(int(high or low), completions - 1) + 1))
    return found


def _indices(spec: objects.Object, active: Sequence[objects.Object], succeeded: set[object], count: int) -> list[int]:
    if spec.get("completionMode") != "Indexed":
        return [-1] * count
    taken = {index_of(pod) for pod in active} | succeeded
    free = (index for index in range(int(spec["completions"])) if index not in taken)
    return [index for index, _ in zip(free, range(count), strict=False)]


def _backoff_seconds(failed: Sequence[objects.Object], now: datetime) -> float:
    """10 s after the first failure, doubling, at most 10 min: counted from the last one's end."""
    ends = [end for pod in failed if (end := _ended_at(pod)) is not None]
    if not ends:
        return 0.0
    pause = min(_LONGEST_BACKOFF_SECONDS, 10.0 * 2.0 ** min(len(failed) - 1, 10))
    return max(0.0, pause - (now - max(ends)).total_seconds())


def _ended_at(pod: objects.Object) -> datetime | None:
    ends = [
        ((one.get("state") or {}).get("terminated") or {}).get("finishedAt")
        for one in pod_facts.status(pod).get("containerStatuses") or ()
    ]
    found = [timestamps.parse(end) for end in ends if end]
    if found:
        return max(found)
    ready = conditions.find(pod_facts.status(pod).get("conditions"), "Ready") or {}
    return timestamps.parse(ready["lastTransitionTime"]) if ready.get("lastTransitionTime") else None


def status_of(
    job: objects.Object, own: Sequence[objects.Object], verdict: tuple[str, str, str] | None, now: datetime
) -> objects.Object:
    before, spec = job.get("status") or {}, job.get("spec") or {}
    active = [] if verdict else [pod for pod in own if pod_facts.active(pod)]
    succeeded = _succeeded(job, own)
    status: dict[str, Any] = {
        "active": len(active),
        "ready": sum(pod_facts.ready(pod) for pod in active),
        # What was counted stays counted when its pod is gone.
        "succeeded": max(len(succeeded), 0 if spec.get("completionMode") == "Indexed" else before.get("succeeded", 0)),
        "failed": max(sum(pod_facts.status(pod).get("phase") == "Failed" for pod in own), before.get("failed", 0)),
        "terminating": 0 if verdict else sum(_terminating(pod) for pod in own),
        "uncountedTerminatedPods": {},
    }
    status = {key: value for key, value in status.items() if value or key in ("ready", "terminating")}
    status["uncountedTerminatedPods"] = {}
    if not spec.get("suspend") or verdict:
        status["startTime"] = before.get("startTime") or timestamps.format(now)
    if spec.get("completionMode") == "Indexed" and succeeded:
        status["completedIndexes"] = _ranges(sorted(int(str(index)) for index in succeeded))
    items = [dict(item) for item in before.get("conditions") or ()]
    if spec.get("suspend"):
        conditions.set_condition(items, "Suspended", "True", "JobSuspended", "Job suspended", now)
    elif conditions.find(items, "Suspended"):
        conditions.set_condition(items, "Suspended", "False", "JobResumed", "Job resumed", now)
    if verdict is not None:
        criteria = "SuccessCriteriaMet" if verdict[0] == "Complete" else "FailureTarget"
        conditions.set_condition(items, criteria, "True", verdict[1], verdict[2], now)
        conditions.set_condition(items, verdict[0], "True", verdict[1], verdict[2], now)
        if verdict[0] == "Complete":
            status["completionTime"] = timestamps.format(now)
    elif before.get("completionTime"):
        status["completionTime"] = before["completionTime"]
    if items:
        status["conditions"] = items
    return status


def _terminating(pod: objects.Object) -> bool:
    return objects.deletion_timestamp(pod) is not None and not pod_facts.finished(pod)


def _ranges(indices: Sequence[int]) -> str:
    """`0-2,5`: upstream's form."""
    parts: list[list[int]] = []
    for index in indices:
        if parts and parts[-1][-1] == index - 1:
            parts[-1] = [parts[-1][0], index]
        else:
            parts.append([index, index])
    return ",".join(f"{first}-{last}" if first != last else str(first) for first, last in parts)


class Jobs:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._client = boss.client
        self._jobs = sources.owned(boss, builtins.JOBS)
        self._pods = sources.pods(boss)
        self._expected = expectations.Expectations(boss.clock)
        self._pods.on_change(self._observe)
        self.controller = boss.controller("jobs", self.reconcile, of=builtins.JOBS, workers=4)
        self.controller.watch(self._jobs)
        self.controller.watch(self._pods, controller.controller_key("Job"))

    def _observe(self, type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
        if type_ == "ADDED":
            for key in controller.controller_key("Job")(type_, None, new):
                self._expected.created(key)

    async def reconcile(self, request: Request) -> outcome.Outcome:
        job = self._jobs.store.get(request)
        if job is None:
            self._expected.forget(request)
            return outcome.DONE
        selector = labels.from_label_selector((job.get("spec") or {}).get("selector"))
        claim = claims.decide(job, selector, sources.claimable(self._pods, job))
        own = await claims.settle(self._client, claim, owner=job, owner_resource=builtins.JOBS, resource=builtins.PODS)
        now = self._boss.clock.now()
        if ended(job):
            return await self._expire(job, request, now)
        if not self._expected.met(request):
            return outcome.RetryAfter(1.0)
        plan = decide(job, own, now)
        await asyncio.gather(*(removal.delete_pod(self._client, pod) for pod in plan.delete))
        for index in plan.create:
            await self._create(request, job, index)
        status = status_of(job, own, plan.verdict, now)
        if status != (job.get("status") or {}):
            await self._client.update_status(builtins.JOBS, {**job, "status": status})
        if plan.verdict is not None:
            kind = events.NORMAL if plan.verdict[0] == "Complete" else events.WARNING
            self._boss.recorder.record(job, kind, plan.verdict[1], plan.verdict[2])
        return outcome.RetryAfter(math.ceil(plan.later_seconds)) if plan.later_seconds else outcome.DONE

    async def _expire(self, job: objects.Object, request: Request, now: datetime) -> outcome.Outcome:
        """Deletes a finished job when its time to live is over."""
        lifetime = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
        if lifetime is None or objects.deletion_timestamp(job) is not None:
            return outcome.DONE
        items = (job.get("status") or {}).get("conditions")
        end = next(one for kind in ("Complete", "Failed") if (one := conditions.find(items, kind)))
        left = lifetime - (now - timestamps.parse(end["lastTransitionTime"])).total_seconds()
        if left > 0:
            return outcome.RetryAfter(left)
        await self._client.delete(
            builtins.JOBS,
            request.name,
            namespace=request.namespace,
            cluster=request.cluster,
            uid=objects.uid(job),
            propagation="Foreground",
        )
        return outcome.DONE

    async def _create(self, request: Request, job: objects.Object, index: int) -> None:
        pod = replica_set.pod_from_template(job, (job.get("spec") or {}).get("template"))
        if index >= 0:
            metadata = pod["metadata"]
            metadata["generateName"] = f"{objects.name(job)}-{index}-"
            for field_name in ("annotations", "labels"):
                metadata[field_name] = {**(metadata.get(field_name) or {}), INDEX: str(index)}
            pod["spec"]["hostname"] = f"{objects.name(job)}-{index}"[:63]
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"].get("containers", [])]:
                container.setdefault("env", []).append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
        self._expected.expect_creation(request)
        try:
            made = await self._client.create(builtins.PODS, pod, cluster=request.cluster)
        except (errors.StatusError, faults.Unreachable):
            self._expected.created(request)
            raise
        message = f"Created pod: {objects.name(made)}"
        self._boss.recorder.record(job, events.NORMAL, "SuccessfulCreate", message)
