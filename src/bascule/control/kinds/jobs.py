"""Jobs.

A job's selector and its pods' labels are made from its uid, so `metadata.uid` must be there before `prepare_create`
(it is made there otherwise, and the API server must then keep it).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import (
    check,
    columns,
    duration,
    generic,
    identifiers,
    job_policies,
    job_status,
    metadata,
    selectors,
    shape,
    workloads,
)
from bascule.control.kinds.check import Causes
from bascule.control.kinds.pod import rules as pod_rules
from bascule.control.kinds.pod import template
from bascule.control.kinds.pod import warnings as pod_warnings
from bascule.control.kinds.strategy import Column, Context
from bascule.vocabulary import errors, labels, names
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
)
_UID, _NAME = "controller-uid", "job-name"
_PREFIX = "batch.kubernetes.io/"
_MAX_INT32 = 2**31 - 1
_SUSPENDED_MAY_CHANGE = ("nodeSelector", "tolerations", "schedulingGates")
_MANAGER_LENGTH_MAX = 63
_INDEXED_PARALLELISM_MAX = 100_000
_MANY_COMPLETIONS, _MANY_PARALLELISM_MAX, _MANY_FAILED_MAX = 100_000, 10_000, 10_000
_INDEXED = "when completion mode is Indexed"


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
    for rule in shape.items(shape.mapping(spec, "podFailurePolicy"), "rules"):
        for pattern in shape.items(rule, "onPodConditions"):
            shape.fill_zero(pattern, "status", "True")
    own = shape.ensure(spec, "template")
    template.default(own)
    chosen = shape.strings(shape.mapping(own, "metadata"), "labels")
    if chosen:
        shape.fill_zero(shape.ensure(obj, "metadata"), "labels", chosen)


def _create(obj: Object, context: Context) -> None:
    spec = shape.ensure(obj, "spec")
    if spec.get("manualSelector") is True:
        return
    own = shape.ensure(obj, "metadata")
    uid = own.get("uid")
    if not uid:
        uid = own["uid"] = names.new_uid(context.random)
    generated = shape.ensure(shape.ensure(shape.ensure(spec, "template"), "metadata"), "labels")
    for key, value in ((_NAME, own.get("name") or ""), (_UID, uid)):
        for name in (key, _PREFIX + key):
            generated.setdefault(name, value)  # one that is there and wrong is refused later
    shape.ensure(shape.ensure(spec, "selector"), "matchLabels").setdefault(_PREFIX + _UID, uid)


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from _generated(obj, spec)
    yield from spec_problems("spec", spec)
    selector = spec.get("selector")
    if type(selector) is not dict:
        yield errors.required("spec.selector", "")
        yield from selectors.chooses_template(None, spec)
    else:
        yield from selectors.problems("spec.selector", selector)
        yield from selectors.chooses_template(selector, spec)
    completions = shape.count(spec, "completions")
    if spec.get("completionMode") == "Indexed" and completions > 0:
        name = columns.name(obj)
        host = f"{name}-{completions - 1}"
        if metadata.label(host):
            yield errors.invalid_value(
                "metadata.name", name, f"will not able to create pod with invalid DNS label: {host}"
            )


def _generated(obj: Object, spec: Object) -> Causes:
    """Labels and selector are the generated ones, unless the job makes its own."""
    selector = spec.get("selector")
    if spec.get("manualSelector") is True or type(selector) is not dict:
        return
    own = shape.mapping(obj, "metadata")
    name, uid = shape.text(own, "name"), shape.text(own, "uid")
    if not uid:
        yield errors.required("metadata.uid", "")
    there = shape.strings(shape.mapping(shape.mapping(spec, "template"), "metadata"), "labels")
    expected = {_UID: uid, _NAME: name, _PREFIX + _UID: uid, _PREFIX + _NAME: name}
    for key, value in expected.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in there:
            yield errors.required(path, f"must be '{value}'")
        elif there[key] != value:
            yield errors.invalid_value(path, there, f"must be '{value}'")
    if not _selects(selector, expected):
        yield errors.invalid_value("spec.selector", selector, "`selector` not auto-generated")


def _selects(selector: Object, chosen: dict[str, str]) -> bool:
    try:
        return labels.from_label_selector(selector).matches(chosen)
    except (errors.StatusError, KeyError, TypeError, ValueError, AttributeError):
        return True  # malformed, which the selector's own rules say


def spec_problems(path: str, spec: Object) -> Causes:
    """Everything but the selector: also the rules of a cron job's template."""
    yield from check.not_negative_fields(path, spec, _NUMBERS)
    if spec.get("managedBy") is not None:
        yield from identifiers.behind_domain(f"{path}.managedBy", spec["managedBy"])
        if len(shape.text(spec, "managedBy")) > _MANAGER_LENGTH_MAX:
            yield errors.too_long(f"{path}.managedBy", _MANAGER_LENGTH_MAX)
    yield from _completion(path, spec)
    if type(spec.get("podFailurePolicy")) is dict:
        yield from job_policies.failure_problems(f"{path}.podFailurePolicy", spec)
        replaced: tuple[str, ...] = ("Failed",)
    else:
        replaced = ("Failed", "TerminatingOrFailed")
    if type(spec.get("successPolicy")) is dict:
        if spec.get("completionMode") != "Indexed":
            yield errors.invalid_value(
                f"{path}.successPolicy", spec["successPolicy"], "requires indexed completion mode"
            )
        else:
            yield from job_policies.success_problems(f"{path}.successPolicy", spec)
    yield from check.one_of(f"{path}.podReplacementPolicy", spec.get("podReplacementPolicy"), replaced)
    yield from _template(f"{path}.template", spec)


def _template(path: str, spec: Object) -> Causes:
    own = shape.mapping(spec, "template")
    yield from pod_rules.template_problems(path, own)
    policy = shape.text(shape.mapping(own, "spec"), "restartPolicy")
    if policy in ("Always", ""):
        yield errors.required(f"{path}.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        yield errors.not_supported(f"{path}.spec.restartPolicy", policy, ("OnFailure", "Never"), in_order=True)
    elif policy != "Never" and type(spec.get("podFailurePolicy")) is dict:
        yield errors.invalid_value(
            f"{path}.spec.restartPolicy", policy, 'only "Never" is supported when podFailurePolicy is specified'
        )


def _completion(path: str, spec: Object) -> Causes:
    """What the completion mode asks for and what it rules out."""
    per_index, most_failed = spec.get("backoffLimitPerIndex"), shape.integer(spec, "maxFailedIndexes")
    if most_failed is not None and per_index is None:
        yield errors.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    yield from check.one_of(f"{path}.completionMode", spec.get("completionMode"), ("Indexed", "NonIndexed"))
    if spec.get("completionMode") != "Indexed":
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                yield errors.invalid_value(f"{path}.{key}", spec[key], "requires indexed completion mode")
        return
    completions, parallelism = shape.integer(spec, "completions"), shape.count(spec, "parallelism")
    if completions is None:
        yield errors.required(f"{path}.completions", _INDEXED)
    if parallelism > _INDEXED_PARALLELISM_MAX:
        yield errors.invalid_value(
            f"{path}.parallelism",
            parallelism,
            f"must be less than or equal to {_INDEXED_PARALLELISM_MAX} {_INDEXED}",
        )
    if most_failed is not None:
        if completions is not None and most_failed > completions:
            yield errors.invalid_value(
                f"{path}.maxFailedIndexes", most_failed, "must be less than or equal to completions"
            )
        if most_failed > _INDEXED_PARALLELISM_MAX:
            yield errors.invalid_value(
                f"{path}.maxFailedIndexes", most_failed, f"must be less than or equal to {_INDEXED_PARALLELISM_MAX}"
            )
    if completions is not None and completions > _MANY_COMPLETIONS and per_index is not None:
        yield from _many(path, parallelism, most_failed)


def _many(path: str, parallelism: int, most_failed: int | None) -> Causes:
    """So many completions that failures by index must be bounded."""
    above = f"when completions are above {_MANY_COMPLETIONS} and used with backoff limit per index"
    if most_failed is None:
        yield errors.required(
            f"{path}.maxFailedIndexes", f"must be specified when completions is above {_MANY_COMPLETIONS}"
        )
    if parallelism > _MANY_PARALLELISM_MAX:
        yield errors.invalid_value(
            f"{path}.parallelism", parallelism, f"must be less than or equal to {_MANY_PARALLELISM_MAX} {above}"
        )
    if most_failed is not None and most_failed > _MANY_FAILED_MAX:
        yield errors.invalid_value(
            f"{path}.maxFailedIndexes", most_failed, f"must be less than or equal to {_MANY_FAILED_MAX} {above}"
        )


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    yield from selectors.immutable(spec, before)
    yield from check.immutable_fields("spec", spec, before, _IMMUTABLE)
    yield from _completions_change(spec, before)
    own, was = shape.mapping(spec, "template"), shape.mapping(before, "template")
    if own != was:
        if before.get("suspend") is True and not shape.mapping(old, "status").get("startTime"):
            was = _rescheduled(was, own)
        if own != was:
            yield errors.invalid_value("spec.template", own, errors.IMMUTABLE)


def _completions_change(spec: Object, before: Object) -> Causes:
    """An indexed job may grow or shrink when completions and parallelism move together."""
    wanted = spec.get("completions")
    if wanted == before.get("completions"):
        return
    if spec.get("completionMode") != "Indexed":
        yield errors.invalid_value("spec.completions", wanted, errors.IMMUTABLE)
    elif wanted is not None and wanted != spec.get("parallelism"):
        yield errors.invalid_value("spec.completions", wanted, "can only be modified in tandem with spec.parallelism")


def _rescheduled(was: Object, own: Object) -> Object:
    """The old template with what may change in the new one while the job is suspended and has not started."""
    pod, spec = shape.mapping(own, "spec"), dict(shape.mapping(was, "spec"))
    _take(spec, pod, _SUSPENDED_MAY_CHANGE)
    wanted, affinity = pod.get("affinity"), shape.mapping(spec, "affinity")
    if type(wanted) is dict:
        affinity = {**affinity}
        _take(affinity, wanted, ("nodeAffinity",))
        spec["affinity"] = affinity
    elif not set(affinity) - {"nodeAffinity"}:
        _take(spec, pod, ("affinity",))
    meta = dict(shape.mapping(was, "metadata"))
    _take(meta, shape.mapping(own, "metadata"), ("annotations", "labels"))
    return {**was, "metadata": meta, "spec": spec}


def _take(target: Object, source: Object, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in source:
            target[key] = source[key]
        else:
            target.pop(key, None)


def _fields(obj: Object) -> dict[str, str]:
    return {"status.successful": str(shape.count(shape.mapping(obj, "status"), "succeeded"))}


def _state(obj: Object, status: Object) -> str:
    true = {shape.text(c, "type") for c in shape.items(status, "conditions") if c.get("status") == "True"}
    for condition in ("Complete", "Failed"):
        if condition in true:
            return condition
    if shape.mapping(obj, "metadata").get("deletionTimestamp"):
        return "Terminating"
    for condition in ("Suspended", "FailureTarget"):
        if condition in true:
            return condition
    return "Running"


def _completions(spec: Object, status: Object) -> str:
    succeeded, wanted = shape.count(status, "succeeded"), shape.integer(spec, "completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = shape.count(spec, "parallelism")
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _warnings(obj: Object) -> list[str]:
    return [*workloads.name_warnings(obj), *spec_warnings("spec", shape.mapping(obj, "spec"))]


def spec_warnings(path: str, spec: Object) -> list[str]:
    """Also those of a cron job's template."""
    found = pod_warnings.of_template(f"{path}.template", shape.mapping(spec, "template"))
    many = shape.count(spec, "completions") > _MANY_COMPLETIONS
    if spec.get("completionMode") == "Indexed" and many and shape.count(spec, "parallelism") > _MANY_PARALLELISM_MAX:
        found.append(
            f"{path}.completions: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism "
            "higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found


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
    status_rules=job_status.problems,
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
    warnings=_warnings,
    status=True,
    generation=True,
)
