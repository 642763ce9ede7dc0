"""CronJobs."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bascule.control.kinds import check, columns, duration, generic, jobs, metadata, selectors, shape, workloads
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import cron, errors
from bascule.vocabulary.objects import Object

_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}")
_NAME_LENGTH_MAX = 52


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill_zero(spec, "concurrencyPolicy", "Allow")
    shape.fill(spec, "suspend", False)
    shape.fill(spec, "successfulJobsHistoryLimit", 3)
    shape.fill(spec, "failedJobsHistoryLimit", 1)
    job = shape.ensure(spec, "jobTemplate")
    shape.ensure(job, "metadata")
    template.default(shape.ensure(shape.ensure(job, "spec"), "template"))


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    schedule = shape.text(spec, "schedule")
    if not schedule:
        yield errors.required("spec.schedule", "")
    else:
        problem = schedule_problem(schedule)
        if problem:
            yield errors.invalid_value("spec.schedule", schedule, problem)
        if "TZ" in schedule:
            yield errors.invalid_value(
                "spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            )
    yield from check.not_negative("spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds"))
    if type(spec.get("timeZone")) is str:
        yield from _time_zone("spec.timeZone", spec["timeZone"])
    yield from check.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    job, path = shape.mapping(shape.mapping(spec, "jobTemplate"), "spec"), "spec.jobTemplate.spec"
    yield from jobs.spec_problems(path, job)
    if type(job.get("selector")) is dict:
        yield errors.invalid_value(f"{path}.selector", job["selector"], "`selector` will be auto-generated")
    if job.get("manualSelector") is True:
        yield errors.not_supported(f"{path}.manualSelector", True, ("nil", "false"), in_order=True)
    yield from check.not_negative_fields("spec", spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"))


def _time_zone(path: str, zone: str) -> Causes:
    if not zone:
        yield errors.invalid_value(path, zone, "timeZone must be nil or non-empty string")
    elif any(part in (".", "..") or not _ZONE_PART.fullmatch(part) for part in zone.split("/")):
        yield errors.invalid_value(path, zone, f"unknown time zone {zone}")
    elif zone.lower() == "local":
        yield errors.invalid_value(
            path, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
    elif not _known_zone(zone):
        yield errors.invalid_value(path, zone, f"unknown time zone {zone}")


@lru_cache(maxsize=256)
def _known_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        return False
    return True


@lru_cache(maxsize=1024)
def schedule_problem(schedule: str) -> str:
    """What is wrong with a cron schedule, or nothing."""
    try:
        cron.parse(schedule)
    except cron.BadSchedule as error:
        return str(error)
    return ""


def _warnings(obj: Object) -> list[str]:
    job = shape.mapping(shape.mapping(shape.mapping(obj, "spec"), "jobTemplate"), "spec")
    return [*workloads.name_warnings(obj), *jobs.spec_warnings("spec.jobTemplate.spec", job)]


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    job = shape.mapping(shape.mapping(spec, "jobTemplate"), "spec")
    last = status.get("lastScheduleTime")
    suspended = spec.get("suspend")
    return [
        columns.name(obj),
        shape.text(spec, "schedule"),
        columns.NONE if spec.get("timeZone") is None else shape.text(spec, "timeZone"),
        columns.UNSET if suspended is None else str(suspended),
        len(shape.items(status, "active")),
        duration.since(last, now) if last else columns.NONE,
        columns.age(obj, now),
        *columns.container_cells(shape.mapping(job, "template")),
        selectors.shown(job.get("selector")),
    ]


STRATEGY = generic.make(
    name_rule=metadata.short_subdomain(_NAME_LENGTH_MAX),
    default=default,
    rules=_rules,
    columns=(
        columns.NAME,
        Column("Schedule", description="When jobs are started, in cron format."),
        Column("Timezone", description="The schedule's time zone."),
        Column("Suspend", "boolean", description="Whether no more jobs are started."),
        Column("Active", "integer", description="Jobs that run now."),
        Column("Last Schedule", description="Time since the last job was started."),
        columns.AGE,
        columns.CONTAINERS,
        columns.IMAGES,
        columns.SELECTOR,
    ),
    cells=_cells,
    warnings=_warnings,
    status=True,
    generation=True,
)
