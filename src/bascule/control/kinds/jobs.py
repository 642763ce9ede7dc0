"""Jobs.

A job's selector and its pods' labels are made from its uid, so `metadata.uid` must be there before `prepare_create`
(it is made there otherwise, and the API server must then keep it).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, duration, generic, selectors, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, names
from bascule.vocabulary.objects import Object

_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "ttlSecondsAfterFinished",
)
_IMMUTABLE = (
    "completionMode",
    "podFailurePolicy",
    "successPolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "manualSelector",
)
_UID, _NAME = "controller-uid", "job-name"
_PREFIX = "batch.kubernetes.io/"
_MAX_INT32 = 2**31 - 1
_SUSPENDED_MAY_CHANGE = ("nodeSelector", "affinity", "tolerations", "schedulingGates")


def default(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    shape.fill(spec, "parallelism", 1)
    per_index = spec.get("backoffLimitPerIndex") is not None
    shape.fill(spec, "backoffLimit", _MAX_INT32 if per_index else 6)
    shape.fill_zero(spec, "completionMode", "NonIndexed")
    shape.fill(spec, "suspend", False)
    shape.fill(spec, "manualSelector", False)
    by_policy = spec.get("podFailurePolicy") is not None
    shape.fill_zero(spec, "podReplacementPolicy", "Failed" if by_policy else "TerminatingOrFailed")
    own = shape.ensure(spec, "template")
    template.default(own)
    labels = shape.strings(shape.mapping(own, "metadata"), "labels")
    if labels:
        shape.fill_zero(shape.ensure(obj, "metadata"), "labels", labels)


def _create(obj: Object, context: Context) -> None:
    spec = shape.ensure(obj, "spec")
    if spec.get("manualSelector") is True:
        return
    own = shape.ensure(obj, "metadata")
    uid = own.get("uid")
    if not uid:
        uid = own["uid"] = names.new_uid(context.random)
    labels = shape.ensure(shape.ensure(shape.ensure(spec, "template"), "metadata"), "labels")
    for key, value in ((_NAME, own.get("name") or ""), (_UID, uid)):
        labels[key] = labels[_PREFIX + key] = value
    shape.ensure(shape.ensure(spec, "selector"), "matchLabels")[_PREFIX + _UID] = uid


def _rules(obj: Object) -> Causes:
    yield from spec_problems("spec", shape.mapping(obj, "spec"))
    spec = shape.mapping(obj, "spec")
    selector = spec.get("selector")
    if type(selector) is not dict:
        yield errors.required("spec.selector", "")
        return
    yield from selectors.problems("spec.selector", selector)
    yield from selectors.chooses_template(selector, spec)


def spec_problems(path: str, spec: Object) -> Causes:
    """Everything but the selector: also the rules of a cron job's template."""
    yield from check.not_negative_fields(path, spec, _NUMBERS)
    yield from check.one_of(f"{path}.completionMode", spec.get("completionMode"), ("Indexed", "NonIndexed"))
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield errors.required(f"{path}.completions", "when completion mode is Indexed, completions must be specified")
    if spec.get("backoffLimitPerIndex") is not None and spec.get("completionMode") != "Indexed":
        yield errors.invalid_value(
            f"{path}.backoffLimitPerIndex",
            spec["backoffLimitPerIndex"],
            "requires indexed completion mode",
        )
    yield from check.one_of(
        f"{path}.podReplacementPolicy", spec.get("podReplacementPolicy"), ("Failed", "TerminatingOrFailed")
    )
    own = shape.mapping(spec, "template")
    yield from pod_rules.template_problems(f"{path}.template", own)
    if shape.mapping(own, "spec").get("restartPolicy") == "Always":
        yield errors.required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from selectors.immutable(spec, before)
    yield from check.immutable_fields("spec", spec, before, _IMMUTABLE)
    if spec.get("completions") != before.get("completions") and not _elastic(spec, before):
        yield errors.invalid_value("spec.completions", spec.get("completions"), errors.IMMUTABLE)
    own, was = shape.mapping(spec, "template"), shape.mapping(before, "template")
    if own != was:
        if before.get("suspend") is True and not shape.mapping(old, "status").get("startTime"):
            own, was = _unscheduled(own), _unscheduled(was)
        yield from check.immutable("spec.template", own, was)


def _elastic(spec: Object, before: Object) -> bool:
    """An indexed job may grow or shrink when completions and parallelism move together."""
    return (
        before.get("completionMode") == "Indexed"
        and before.get("completions") is not None
        and spec.get("completions") is not None
        and spec.get("completions") == spec.get("parallelism")
    )


def _unscheduled(own: Object) -> Object:
    """The template without what may change while the job is suspended and has not started."""
    spec = {key: value for key, value in shape.mapping(own, "spec").items() if key not in _SUSPENDED_MAY_CHANGE}
    labels = {
        key: value
        for key, value in shape.strings(shape.mapping(own, "metadata"), "labels").items()
        if key.removeprefix(_PREFIX) in (_UID, _NAME)
    }
    return {"spec": spec, "labels": labels}


def _status_rules(new: Object, old: Object) -> Causes:
    yield from check.not_negative_fields(
        "status", shape.mapping(new, "status"), ("active", "succeeded", "failed", "ready", "terminating")
    )


def _fields(obj: Object) -> dict[str, str]:
    return {"status.successful": str(shape.count(shape.mapping(obj, "status"), "succeeded"))}


def _state(obj: Object, status: Object) -> str:
    true = {shape.text(c, "type") for c in shape.items(status, "conditions") if c.get("status") == "True"}
    for condition in ("Complete", "Failed"):
        if condition in true:
            return condition
    if shape.mapping(obj, "metadata").get("deletionTimestamp"):
        return "Terminating"
    for condition in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if condition in true:
            return condition
    return "Running"


def _completions(spec: Object, status: Object) -> str:
    succeeded, wanted = shape.count(status, "succeeded"), shape.integer(spec, "completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = shape.count(spec, "parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _cells(obj: Object, now: datetime) -> list[Any]:
    spec, status = shape.mapping(obj, "spec"), shape.mapping(obj, "status")
    start = duration.parse(status.get("startTime"))
    end = duration.parse(status.get("completionTime")) or now
    return [
        columns.name(obj),
        _state(obj, status),
        _completions(spec, status),
        "" if start is None else duration.between(start, end),
        columns.age(obj, now),
        *columns.template_cells(shape.mapping(spec, "template"), spec.get("selector")),
    ]


STRATEGY = generic.make(
    default=default,
    create=_create,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    fields=_fields,
    columns=(
        columns.NAME,
        Column("Status", description="What the job is doing."),
        Column("Completions", description="Pods that succeeded, of those wanted."),
        Column("Duration", description="How long the job has been or was running."),
        columns.AGE,
        columns.CONTAINERS,
        columns.IMAGES,
        columns.SELECTOR,
    ),
    cells=_cells,
    status=True,
    generation=True,
)
