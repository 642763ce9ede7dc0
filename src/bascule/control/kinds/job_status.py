"""Rules of a job's status: whoever manages the job, it is finished once, and consistently.

Most are asked only when what they look at changes, so that a status that is wrong already can still be repaired.
"""

from __future__ import annotations

from typing import Any, Final

from bascule.control.kinds import check, duration, job_indexes, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_COUNTS: Final = ("active", "succeeded", "failed", "ready", "terminating")
_FINAL: Final = ("Failed", "Complete", "FailureTarget")


def _true(status: Object) -> set[str]:
    return {shape.text(c, "type") for c in shape.items(status, "conditions") if c.get("status") == "True"}


def _finished(conditions: set[str]) -> bool:
    return bool(conditions & {"Complete", "Failed"})


def problems(new: Object, old: Object) -> Causes:
    spec, status, before = shape.mapping(new, "spec"), shape.mapping(new, "status"), shape.mapping(old, "status")
    yield from check.not_negative_fields("status", status, _COUNTS)
    yield from _uncounted(shape.mapping(status, "uncountedTerminatedPods"))
    yield from _conditions(status, before, spec)
    yield from _times(status, before, spec)
    yield from _what_finished_jobs_have(status, before)
    yield from _indexes(spec, status, before)
    yield from _only_grows(spec, status, before)


def _uncounted(pods: Object) -> Causes:
    seen = set()
    for key in ("succeeded", "failed"):
        for index, uid in enumerate(shape.texts(pods, key)):
            path = f"status.uncountedTerminatedPods.{key}[{index}]"
            if not uid:
                yield errors.invalid_value(path, uid, "must not be empty")
            elif uid in seen:
                yield errors.duplicate(path, uid)
            seen.add(uid)


def _conditions(status: Object, before: Object, spec: Object) -> Causes:
    true, were, path = _true(status), _true(before), "status.conditions"
    changed = true ^ were
    if {"Complete", "Failed"} <= true and changed & {"Complete", "Failed"}:
        yield errors.invalid_field(path, "cannot set Complete=True and Failed=true conditions")
    if {"Complete", "FailureTarget"} <= true and changed & {"Complete", "FailureTarget"}:
        yield errors.invalid_field(path, "cannot set Complete=True and FailureTarget=true conditions")
    for kind in ("Failed", "FailureTarget"):
        if {"SuccessCriteriaMet", kind} <= true:
            yield errors.invalid_field(path, f"cannot set SuccessCriteriaMet=True and {kind}=true conditions")
    if "Failed" in true - were and "FailureTarget" not in true:
        yield errors.invalid_field(path, "cannot set Failed=True condition without the FailureTarget=true condition")
    if "Complete" in true and "SuccessCriteriaMet" not in true:
        if spec.get("successPolicy") is not None:
            yield errors.invalid_field(
                path, "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
            )
        elif "Complete" not in were:
            yield errors.invalid_field(
                path, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
            )
    for kind in _FINAL:
        if kind in were - true:
            yield errors.invalid_field(path, f"cannot disable the terminal {kind}=True condition")
    if "SuccessCriteriaMet" in were - true:
        yield errors.invalid_field(path, "cannot disable the SuccessCriteriaMet=True condition")
    if "Complete" in were and "SuccessCriteriaMet" in true - were:
        yield errors.invalid_field(
            path, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        )


def _times(status: Object, before: Object, spec: Object) -> Causes:
    start, end = status.get("startTime"), status.get("completionTime")
    complete, was_complete = "Complete" in _true(status), "Complete" in _true(before)
    if complete != was_complete or end != before.get("completionTime"):
        if end and not complete:
            yield errors.invalid_value(
                "status.completionTime", end, "cannot set completionTime when there is no Complete=True condition"
            )
        if complete and not end:
            yield errors.required("status.completionTime", "completionTime is required for Complete jobs")
    if start != before.get("startTime") or end != before.get("completionTime"):
        began, ended = duration.parse(start), duration.parse(end)
        if began is not None and ended is not None and ended < began:
            yield errors.invalid_value("status.completionTime", end, "completionTime cannot be set before startTime")
    if end and before.get("completionTime") and end != before["completionTime"]:
        yield errors.invalid_value("status.completionTime", end, "completionTime cannot be mutated")
    if before.get("startTime") and start != before["startTime"] and spec.get("suspend") is not True:
        yield errors.required("status.startTime", "startTime cannot be removed for unsuspended job")


def _what_finished_jobs_have(status: Object, before: Object) -> Causes:
    if not _finished(_true(status)):
        return
    newly = not _finished(_true(before))

    def asked(key: str) -> bool:
        return newly or (status.get(key) or 0) != (before.get(key) or 0)

    for key in ("active", "terminating"):
        if asked(key) and shape.count(status, key) > 0:
            yield errors.invalid_value(f"status.{key}", status[key], f"{key}>0 is invalid for finished job")
    if asked("startTime") and not status.get("startTime"):
        yield errors.required("status.startTime", "startTime is required for finished job")
    pods: Any = shape.mapping(status, "uncountedTerminatedPods")
    if asked("uncountedTerminatedPods") and (pods.get("failed") or pods.get("succeeded")):
        yield errors.invalid_value(
            "status.uncountedTerminatedPods", pods, "uncountedTerminatedPods needs to be empty for finished job"
        )


def _indexes(spec: Object, status: Object, before: Object) -> Causes:
    completions = shape.integer(spec, "completions")
    completed, failed = shape.text(status, "completedIndexes"), status.get("failedIndexes")
    per_index = spec.get("backoffLimitPerIndex") is not None
    changed = {key for key in ("completedIndexes", "failedIndexes") if status.get(key) != before.get(key)}
    if "completedIndexes" in changed:
        if completions is not None:
            yield from _format("completedIndexes", completed, completions)
        if completed and spec.get("completionMode") != "Indexed":
            yield errors.invalid_value(
                "status.completedIndexes",
                completed,
                "cannot set non-empty completedIndexes when non-indexed completion mode",
            )
    if type(failed) is not str:
        return
    if "failedIndexes" in changed:
        if not per_index:
            yield errors.invalid_value(
                "status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
            )
        elif completions is not None:
            yield from _format("failedIndexes", failed, completions)
    if changed and completions is not None:
        both = job_indexes.common(completed, failed, completions)
        if both is not None:
            yield errors.invalid_value(
                "status.failedIndexes", failed, f"failedIndexes and completedIndexes overlap at index: {both}"
            )


def _format(key: str, indexes: str, completions: int) -> Causes:
    try:
        job_indexes.count(indexes, completions)
    except job_indexes.BadIndexes as error:
        yield errors.invalid_value(f"status.{key}", indexes, f"error parsing {key}: {error}")


def _only_grows(spec: Object, status: Object, before: Object) -> Causes:
    counters = ["failed"]
    if spec.get("completionMode") != "Indexed" or spec.get("completions") != spec.get("parallelism"):
        counters.append("succeeded")  # jobs of another form may shrink
    for key in counters:
        if shape.count(status, key) < shape.count(before, key):
            yield errors.invalid_value(f"status.{key}", shape.count(status, key), f"cannot decrease the {key} counter")
    if status.get("ready") != before.get("ready") and shape.count(status, "ready") > shape.count(status, "active"):
        yield errors.invalid_value("status.ready", status["ready"], "cannot set more ready pods than active")
