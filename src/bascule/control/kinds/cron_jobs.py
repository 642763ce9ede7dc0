"""CronJobs."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from bascule.control.kinds import check, columns, duration, generic, jobs, metadata, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
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
    if type(spec.get("timeZone")) is str:
        yield from _time_zone("spec.timeZone", spec["timeZone"])
    yield from check.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    yield from check.not_negative_fields(
        "spec", spec, ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    )
    job = shape.mapping(shape.mapping(spec, "jobTemplate"), "spec")
    if job.get("manualSelector") is not None:
        yield from check.one_of(
            "spec.jobTemplate.spec.manualSelector", str(job["manualSelector"]).lower(), ("nil", "false")
        )
    yield from jobs.spec_problems("spec.jobTemplate.spec", job)


def _time_zone(path: str, zone: str) -> Causes:
    if not zone:
        yield errors.invalid_value(path, zone, "timeZone must be nil or non-empty string")
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
    """What is wrong with a cron schedule, or nothing: five fields, or one of the macros."""
    if schedule in _MACROS:
        return ""
    if schedule.startswith("@every "):
        return "" if len(schedule) > 7 else f"failed to parse duration {schedule}"
    if schedule.startswith("@"):
        return f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if fields and fields[0].startswith(("TZ=", "CRON_TZ=")):
        return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    if len(fields) != len(_RANGES):
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for index, field in enumerate(fields):
        for part in field.split(","):
            if not _part_is_valid(part.lower(), index):
                return f"failed to parse field {part}"
    return ""


def _part_is_valid(part: str, index: int) -> bool:
    low, high = _RANGES[index]
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return True
    start, dash, end = span.partition("-")
    first, last = _number(start, index), _number(end if dash else start, index)
    return first is not None and last is not None and low <= first <= last <= high


def _number(text: str, index: int) -> int | None:
    if index == 3 and text in _MONTHS:
        return _MONTHS.index(text) + 1
    if index == 4 and text in _DAYS:
        return _DAYS.index(text)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    job = shape.mapping(shape.mapping(spec, "jobTemplate"), "spec")
    last = status.get("lastScheduleTime")
    suspended = spec.get("suspend")
    return [
        columns.name(obj),
        shape.text(spec, "schedule"),
        columns.or_none(spec.get("timeZone")),
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
    status=True,
    generation=True,
)
