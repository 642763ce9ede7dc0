"""CronJob: makes a Job each time its schedule comes round, and clears old ones away.

`job_for`, `surplus` and `status_of` are pure; `cron_times` knows when. A Job's name comes from its time, so that
making it twice is impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bascule.control.controllers import creation, cron_times, job, sources
from bascule.control.reconcile import controller, events, manager, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import builtins, conditions, cron, errors, objects, timestamps

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_SOON_SECONDS = 0.1
_UNKNOWN, _SUCCEEDED, _FAILED = "", "Complete", "Failed"


def job_for(cron_job: objects.Object, moment: datetime) -> objects.Object:
    """The Job of one time."""
    template = objects.deep_copy((cron_job.get("spec") or {}).get("jobTemplate") or {})
    given = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{objects.name(cron_job)}-{int(moment.timestamp()) // 60}",
            "namespace": objects.namespace(cron_job),
            "labels": given.get("labels") or {},
            "annotations": {**(given.get("annotations") or {}), SCHEDULED: moment.isoformat().replace("+00:00", "Z")},
            "ownerReferences": [objects.owner_reference(cron_job)],
        },
        "spec": template.get("spec") or {},
    }


def verdict(one: objects.Object) -> str:
    """How a Job ended, if it did."""
    return next((kind for kind in (_SUCCEEDED, _FAILED) if conditions.is_true(one, kind)), _UNKNOWN)


def surplus(cron_job: objects.Object, own: Sequence[objects.Object]) -> list[objects.Object]:
    """Ended Jobs beyond what the history keeps, of each kind the oldest."""
    spec = cron_job.get("spec") or {}
    found = []
    for kind, field, usual in ((_SUCCEEDED, "successfulJobsHistoryLimit", 3), (_FAILED, "failedJobsHistoryLimit", 1)):
        limit = usual if spec.get(field) is None else int(spec[field])
        ended = sorted((one for one in own if verdict(one) == kind), key=_started)
        found += ended[: max(0, len(ended) - limit)]
    return found


def status_of(cron_job: objects.Object, own: Sequence[objects.Object], scheduled: datetime | None) -> objects.Object:
    before = cron_job.get("status") or {}
    status: dict[str, Any] = {key: before[key] for key in ("lastScheduleTime", "lastSuccessfulTime") if before.get(key)}
    running = sorted((one for one in own if not verdict(one)), key=objects.name)
    if running:
        status["active"] = [_reference(one) for one in running]
    if scheduled is not None:
        status["lastScheduleTime"] = timestamps.format(scheduled)
    ends = [(one.get("status") or {}).get("completionTime") or "" for one in own if verdict(one) == _SUCCEEDED]
    latest = max([*ends, status.get("lastSuccessfulTime") or ""])
    if latest:
        status["lastSuccessfulTime"] = latest
    return status


def _reference(one: objects.Object) -> objects.Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": objects.name(one),
        "namespace": objects.namespace(one),
        "uid": objects.uid(one),
        "resourceVersion": str(objects.resource_version(one)),
    }


def _started(one: objects.Object) -> tuple[str, str]:
    return (one.get("status") or {}).get("startTime") or "", objects.name(one)


class CronJobs:
    def __init__(self, boss: manager.Manager) -> None:
        self._boss = boss
        self._events = boss.recorder.voice("cronjob-controller")
        self._client = boss.client
        self._cron_jobs = boss.informer(builtins.CRON_JOBS)
        self._jobs = sources.owned(boss, builtins.JOBS)
        self.controller = boss.controller("cron-jobs", self.reconcile, of=builtins.CRON_JOBS)
        self.controller.watch(self._cron_jobs)
        self.controller.watch(self._jobs, controller.controller_key("CronJob"))

    async def reconcile(self, request: Request) -> outcome.Outcome:
        cron_job = self._cron_jobs.store.get(request)
        if cron_job is None or objects.deletion_timestamp(cron_job) is not None:
            return outcome.DONE
        own = list(self._jobs.by_index(sources.OWNER, objects.uid(cron_job)))
        self._tell_of_ended(cron_job, own)
        for one in surplus(cron_job, own):
            await self._delete(one)
        scheduled, later = await self._run(cron_job, own)
        status = status_of(cron_job, own, scheduled)
        if _settled(status) != _settled(cron_job.get("status") or {}):
            await self._client.update_status(builtins.CRON_JOBS, {**cron_job, "status": status})
        return later

    async def _run(
        self, cron_job: objects.Object, own: list[objects.Object]
    ) -> tuple[datetime | None, outcome.Outcome]:
        """The time that was seen to, and when to look again. A Job that is made joins `own`."""
        spec, now = cron_job.get("spec") or {}, self._boss.clock.now()
        if spec.get("suspend"):
            return None, outcome.DONE
        try:
            due = cron_times.due(cron_job, now)
        except cron_times.Unsatisfiable as error:
            self._warn(cron_job, "InvalidSchedule", f"invalid schedule: {spec.get('schedule')} : {error}")
            return None, outcome.DONE
        except cron.BadSchedule as error:
            self._warn(cron_job, "UnparseableSchedule", f"unparseable schedule: {spec.get('schedule')} : {error}")
            return None, outcome.DONE
        except (KeyError, ValueError) as error:
            self._warn(cron_job, "UnknownTimeZone", f"invalid timeZone: {spec.get('timeZone')}: {error}")
            return None, outcome.DONE
        later = _when(due.next, now)
        if due.missed:
            message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._warn(cron_job, "TooManyMissedTimes", message)
        if due.last is None:
            return None, later
        return (due.last if await self._start(cron_job, own, due.last, now) else None), later

    async def _start(
        self, cron_job: objects.Object, own: list[objects.Object], moment: datetime, now: datetime
    ) -> bool:
        """Whether this time has been seen to."""
        spec = cron_job.get("spec") or {}
        deadline, policy = spec.get("startingDeadlineSeconds"), spec.get("concurrencyPolicy")
        if deadline is not None and moment + timedelta(seconds=deadline) < now:
            self._warn(cron_job, "MissSchedule", f"Missed scheduled time to start a job: {timestamps.format(moment)}")
            return False
        wanted = job_for(cron_job, moment)
        if any(objects.name(one) == objects.name(wanted) for one in own):
            return True  # What is written of it has not been seen yet: it would replace itself.
        running = [one for one in own if not verdict(one)]
        if policy == "Forbid" and running:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._events.record(cron_job, events.NORMAL, "JobAlreadyActive", message)
            return False
        if policy == "Replace":
            for one in running:
                await self._delete(one)
                own.remove(one)
        try:
            made = await self._client.create(builtins.JOBS, wanted, cluster=objects.cluster(cron_job))
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                creation.tell(self._events, cron_job, error, doing="Error creating job")
                raise
            return True
        own.append(made)
        message = f"Created job {objects.name(made)}"
        self._events.record(cron_job, events.NORMAL, "SuccessfulCreate", message)
        return True

    def _tell_of_ended(self, cron_job: objects.Object, own: Sequence[objects.Object]) -> None:
        was_active = {one.get("uid") for one in (cron_job.get("status") or {}).get("active") or ()}
        for one in own:
            if objects.uid(one) in was_active and job.ended(one):
                message = f"Saw completed job: {objects.name(one)}, condition: {verdict(one)}"
                self._events.record(cron_job, events.NORMAL, "SawCompletedJob", message)

    def _warn(self, cron_job: objects.Object, reason: str, message: str) -> None:
        self._events.record(cron_job, events.WARNING, reason, message)

    async def _delete(self, one: objects.Object) -> None:
        cluster, namespace, name = objects.key(one)
        try:
            await self._client.delete(
                builtins.JOBS,
                name,
                namespace=namespace,
                cluster=cluster,
                uid=objects.uid(one),
                propagation="Background",
            )
        except errors.StatusError as error:
            if error.code not in (404, 409):
                raise


def _when(moment: datetime | None, now: datetime) -> outcome.Outcome:
    if moment is None:
        return outcome.DONE
    return outcome.RetryAfter(max((moment - now).total_seconds(), 0.0) + _SOON_SECONDS)


def _settled(status: objects.Object) -> objects.Object:
    """Without the versions of running Jobs, for which alone nobody writes."""
    active = [{**one, "resourceVersion": ""} for one in status.get("active") or ()]
    return {**status, "active": active}
