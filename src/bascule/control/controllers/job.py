"""Job: runs pods until enough of them succeeded, or too many failed.

`decide` and `status_of` are pure. Supported: parallelism, completions, backoffLimit, activeDeadlineSeconds, suspend,
ttlSecondsAfterFinished, Indexed completion; `job_policies` knows the rest.
"""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bascule.client import faults
from bascule.control.controllers import claims, creation, job_policies, removal, replica_set, sources
from bascule.control.controllers import pods as pod_facts
from bascule.control.reconcile import controller, events, expectations, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, errors, labels, objects, timestamps

INDEX, index_of = job_policies.INDEX, job_policies.index_of
_MANAGER = "kubernetes.io/job-controller"
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
    active = [pod for pod in own if pod_facts.active(pod)]
    if objects.deletion_timestamp(job) is not None or ended(job):
        return Plan(delete=active if ended(job) else [])
    succeeded = _succeeded(job, own)
    verdict = _failure(job, own, active, succeeded, now) or _success(job, active, succeeded)
    if verdict is not None:
        return Plan(delete=active, verdict=verdict)
    if (job.get("spec") or {}).get("suspend"):
        return Plan(delete=active)
    return _growth(job, own, active, succeeded, now)


def _failure(
    job: objects.Object,
    own: Sequence[objects.Object],
    active: Sequence[objects.Object],
    succeeded: set[object],
    now: datetime,
) -> tuple[str, str, str] | None:
    spec = job.get("spec") or {}
    if why := job_policies.fatal(job, own):
        return "Failed", "PodFailurePolicy", why
    restarts = sum(pod_facts.restarts(pod) for pod in active) if _restarts_in_place(spec) else 0
    limit = 6 if spec.get("backoffLimit") is None else int(spec["backoffLimit"])
    if len(job_policies.counted(job, own)) + restarts > limit:
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    left = _seconds_left(job, now)
    if left is not None and left <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    lost, most = job_policies.lost(job, own), spec.get("maxFailedIndexes")
    if most is not None and len(lost) > int(most):
        message = "Job has exceeded the specified maximal number of failed indexes"
        return "Failed", "MaxFailedIndexesExceeded", message
    if lost and len(lost | succeeded) >= int(spec.get("completions") or 0):
        return "Failed", "FailedIndexes", "Job has failed indexes"
    return None


def _seconds_left(job: objects.Object, now: datetime) -> float | None:
    spec, started = job.get("spec") or {}, (job.get("status") or {}).get("startTime")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is None or not started or spec.get("suspend"):
        return None
    return float(deadline - (now - timestamps.parse(started)).total_seconds())


def _success(
    job: objects.Object, active: Sequence[objects.Object], succeeded: set[object]
) -> tuple[str, str, str] | None:
    completions = (job.get("spec") or {}).get("completions")
    if why := job_policies.enough(job, {index for index in succeeded if isinstance(index, int)}):
        return "Complete", "SuccessPolicy", why
    if (succeeded and not active) if completions is None else len(succeeded) >= completions:
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    return None


def _growth(
    job: objects.Object,
    own: Sequence[objects.Object],
    active: list[objects.Object],
    succeeded: set[object],
    now: datetime,
) -> Plan:
    """As many pods as are wanted, each after the pause that failures before it ask for."""
    spec = job.get("spec") or {}
    completions, left = spec.get("completions"), _seconds_left(job, now)
    wanted = 1 if spec.get("parallelism") is None else int(spec["parallelism"])
    failed, lost = job_policies.counted(job, own), job_policies.lost(job, own)
    if completions is not None:
        wanted = min(wanted, completions - len(succeeded | lost))
    elif succeeded:
        wanted = 0
    if len(active) > wanted:
        return Plan(delete=[] if completions is None and succeeded else active[wanted:], later_seconds=left)
    leaving = sum(map(_terminating, own)) if spec.get("podReplacementPolicy") == "Failed" else 0
    count = wanted - len(active) - leaving
    if not job_policies.by_index(job):
        wait = _backoff_seconds(failed, now)
        if count <= 0 or wait > 0:
            return Plan(later_seconds=_soonest(left, wait or None))
        return Plan(create=_indices(spec, active, succeeded, count), later_seconds=left)
    free = _indices(spec, active, succeeded | lost, int(completions or 0))
    waits = {each: _backoff_seconds([p for p in failed if index_of(p) == each], now) for each in free}
    later = _soonest(left, *(wait for wait in waits.values() if wait > 0))
    return Plan(create=[each for each in free if not waits[each]][: max(count, 0)], later_seconds=later)


def _soonest(*seconds: float | None) -> float | None:
    return min((each for each in seconds if each is not None), default=None)


def _restarts_in_place(spec: objects.Object) -> bool:
    return ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy") == "OnFailure"


def _succeeded(job: objects.Object, own: Sequence[objects.Object]) -> set[object]:
    """What has succeeded: indices of an Indexed job, else pods by uid."""
    done = [pod for pod in own if pod_facts.status(pod).get("phase") == "Succeeded"]
    if (job.get("spec") or {}).get("completionMode") == "Indexed":
        # Those done before, whose pods may be gone, and which a lowered number of completions still has.
        before = (job.get("status") or {}).get("completedIndexes") or ""
        return {index_of(pod) for pod in done} | job_policies.indexes(before, (job["spec"].get("completions") or 0))
    return {objects.uid(pod) for pod in done}


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
        "failed": max(len(job_policies.counted(job, own)), before.get("failed", 0)),
        "terminating": 0 if verdict else sum(_terminating(pod) for pod in own),
        "uncountedTerminatedPods": {},
    }
    status = {key: value for key, value in status.items() if value or key in ("ready", "terminating")}
    status["uncountedTerminatedPods"] = {}
    if not spec.get("suspend") or verdict:
        status["startTime"] = before.get("startTime") or timestamps.format(now)
    if spec.get("completionMode") == "Indexed" and succeeded:
        status["completedIndexes"] = _ranges(sorted(int(str(index)) for index in succeeded))
    if job_policies.by_index(job):
        status["failedIndexes"] = _ranges(sorted(job_policies.lost(job, own)))
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


def news(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Type, reason and message of the Events that tell of a change of status."""
    for kind in ("Suspended", "Complete", "Failed"):
        new = conditions.find(after.get("conditions"), kind)
        old = conditions.find(before.get("conditions"), kind)
        if not new or (old or {"status": "False"})["status"] == new["status"]:
            continue
        if kind == "Suspended":
            reason = "Suspended" if new["status"] == "True" else "Resumed"
            yield events.NORMAL, reason, f"Job {reason.lower()}"
        elif kind == "Complete":
            yield events.NORMAL, "Completed", "Job completed"
        else:
            yield events.WARNING, new["reason"], new["message"]


class Jobs:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("job-controller")
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
        if (job.get("spec") or {}).get("managedBy") not in (None, _MANAGER):
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
        await asyncio.gather(*(self._delete(job, pod) for pod in plan.delete))
        failures = job_policies.failures(job, own) if job_policies.by_index(job) else {}
        refusal: Exception | None = None
        try:
            for index in plan.create:
                await self._create(request, job, index, failures.get(index, 0))
        except (errors.StatusError, faults.Unreachable) as error:
            refusal = error
        status = status_of(job, own, plan.verdict, now)
        if status != (job.get("status") or {}):
            await self._client.update_status(builtins.JOBS, {**job, "status": status})
        for type_, reason, message in news(job.get("status") or {}, status):
            self._events.record(job, type_, reason, message)
        if refusal is not None:
            creation.tell(self._events, job, refusal)
            raise refusal
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

    async def _delete(self, job: objects.Object, pod: objects.Object) -> None:
        if await removal.delete_pod(self._client, pod):
            self._events.record(job, events.NORMAL, "SuccessfulDelete", f"Deleted pod: {objects.name(pod)}")

    async def _create(self, request: Request, job: objects.Object, index: int, failures: int) -> None:
        pod = replica_set.pod_from_template(job, (job.get("spec") or {}).get("template"))
        if index >= 0:
            metadata = pod["metadata"]
            metadata["generateName"] = f"{objects.name(job)}-{index}-"
            for field_name in ("annotations", "labels"):
                metadata[field_name] = {**(metadata.get(field_name) or {}), INDEX: str(index)}
            if job_policies.by_index(job):
                metadata["annotations"][job_policies.FAILURES] = str(failures)
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
        self._events.record(job, events.NORMAL, "SuccessfulCreate", message)
