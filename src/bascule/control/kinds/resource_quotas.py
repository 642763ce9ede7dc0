"""ResourceQuotas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import columns, generic, quantities, resource_names, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_EXISTS_ONLY = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")
_SCOPES = (*_EXISTS_ONLY, "PriorityClass", "VolumeAttributesClass")
_POD_COUNTS = frozenset(("pods",))
_POD_COMPUTE = frozenset(("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))
_CLAIMS = frozenset(("persistentvolumeclaims", "requests.storage"))
_CONFLICTS = (frozenset(("BestEffort", "NotBestEffort")), frozenset(("Terminating", "NotTerminating")))
_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
_NOT_APPLIED = "unsupported scope applied to resource"


def _default(obj: Object) -> None:
    quantities.canonicalize(shape.mapping(obj, "spec"), "hard")
    for key in ("hard", "used"):
        quantities.canonicalize(shape.mapping(obj, "status"), key)


def _amounts(path: str, amounts: Object) -> Causes:
    for name, value in amounts.items():
        for problem in resource_names.quota_problems(name):
            yield errors.invalid_value(f"{path}[{name}]", name, problem)
        yield from resource_names.amount_problems(f"{path}[{name}]", name, value)


def _counts(scope: str, name: str) -> bool:
    """Whether a quota of the resource can have the scope."""
    if scope == "BestEffort":
        return name in _POD_COUNTS
    if scope in ("VolumeAttributesClass",):
        return name in _CLAIMS
    if scope in ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity"):
        return name in _POD_COUNTS or name in _POD_COMPUTE
    return True


def _misapplied(scope: str, hard: Object) -> int:
    return sum(resource_names.is_quota(name) and not _counts(scope, name) for name in hard)


def _rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    hard, scopes = shape.mapping(spec, "hard"), shape.texts(spec, "scopes")
    yield from _amounts("spec.hard", hard)
    for scope in scopes:
        if scope not in _SCOPES:
            yield errors.invalid_value("spec.scopes", scopes, "unsupported scope")
        for _ in range(_misapplied(scope, hard)):
            yield errors.invalid_value("spec.scopes", scopes, _NOT_APPLIED)
    for pair in _CONFLICTS:
        if pair <= set(scopes):
            yield errors.invalid_value("spec.scopes", scopes, "conflicting scopes")
    selector = spec.get("scopeSelector")
    if type(selector) is dict:
        yield from _selector("spec.scopeSelector.matchExpressions", selector, hard, scopes)


def _selector(path: str, selector: Object, hard: Object, scopes: list[str]) -> Causes:
    chosen = set()
    for expression in shape.items(selector, "matchExpressions"):
        scope, operator = shape.text(expression, "scopeName"), shape.text(expression, "operator")
        values = shape.sequence(expression, "values")
        if scope not in _SCOPES:
            yield errors.invalid_value(f"{path}.scopeName", scope, "unsupported scope")
        for _ in range(_misapplied(scope, hard)):
            yield errors.invalid_value(path, selector, _NOT_APPLIED)
        if scope in _EXISTS_ONLY and operator != "Exists":
            yield errors.invalid_value(f"{path}.operator", operator, _EXISTS)
        if operator in ("In", "NotIn"):
            if not values:
                message = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                yield errors.required(f"{path}.values", message)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                message = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                yield errors.invalid_value(f"{path}.values", values, message)
        else:
            yield errors.invalid_value(f"{path}.operator", operator, "not a valid selector operator")
        chosen.add(scope)
    for pair in _CONFLICTS:
        if pair <= chosen:
            yield errors.invalid_value(path, scopes, "conflicting scopes")


def _update_rules(new: Object, old: Object) -> Causes:
    spec, before = shape.mapping(new, "spec"), shape.mapping(old, "spec")
    if set(shape.texts(spec, "scopes")) != set(shape.texts(before, "scopes")):
        yield errors.invalid_value("spec.scopes", spec.get("scopes"), errors.IMMUTABLE)


def _status_rules(new: Object, old: Object) -> Causes:
    for key in ("hard", "used"):
        yield from _amounts(f"status.{key}", shape.mapping(shape.mapping(new, "status"), key))


def _cells(obj: Object, now: datetime) -> list[Any]:
    status = shape.mapping(obj, "status")
    hard, used = shape.mapping(status, "hard"), shape.mapping(status, "used")
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        text = f"{name}: {used.get(name, '0')}/{hard[name]}"
        (limits if name.startswith("limits.") else requests).append(text)
    return [columns.name(obj), ", ".join(requests), ", ".join(limits), columns.age(obj, now)]


STRATEGY = generic.make(
    default=_default,
    rules=_rules,
    update_rules=_update_rules,
    status_rules=_status_rules,
    columns=(
        columns.NAME,
        Column("Request", description="Requests used, of those allowed."),
        Column("Limit", description="Limits used, of those allowed."),
        columns.AGE,
    ),
    cells=_cells,
    status=True,
    defaults_status=True,
    delete_returns_object=True,
)
