"""When a job's pods count as failed, and when a job counts as done: `podFailurePolicy` and `successPolicy`."""

from __future__ import annotations

from typing import Final

from bascule.control.kinds import check, identifiers, job_indexes, shape
from bascule.control.kinds.check import Causes
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ACTIONS: Final = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS: Final = ("In", "NotIn")
_STATUSES: Final = ("False", "True", "Unknown")
_RULES_MAX: Final = 20
_EXIT_CODES_MAX: Final = 255
_CONDITIONS_MAX: Final = 20
_INDEXES_LENGTH_MAX: Final = 64 * 1024


def _choice(path: str, value: str, supported: tuple[str, ...]) -> Causes:
    if not value:
        listed = " ".join(f'"{one}"' for one in supported)
        yield errors.required(path, f"valid values: [{listed}]")
    elif value not in supported:
        yield errors.not_supported(path, value, supported)


def failure_problems(path: str, spec: Object) -> Causes:
    """`spec` is the job's; `path` that of its failure policy."""
    rules = shape.items(shape.mapping(spec, "podFailurePolicy"), "rules")
    if len(rules) > _RULES_MAX:
        yield errors.too_many(f"{path}.rules", len(rules), _RULES_MAX)
    pod = shape.mapping(shape.mapping(spec, "template"), "spec")
    containers = {
        shape.text(container, "name") for key in ("containers", "initContainers") for container in shape.items(pod, key)
    }
    for index, rule in enumerate(rules):
        yield from _failure_rule(f"{path}.rules[{index}]", rule, spec, containers)


def _failure_rule(path: str, rule: Object, spec: Object, containers: set[str]) -> Causes:
    action = shape.text(rule, "action")
    if action == "FailIndex":
        if spec.get("backoffLimitPerIndex") is None:
            yield errors.invalid_value(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    else:
        yield from _choice(f"{path}.action", action, _ACTIONS)
    codes, conditions = rule.get("onExitCodes"), shape.items(rule, "onPodConditions")
    if type(codes) is dict:
        yield from _exit_codes(f"{path}.onExitCodes", codes, containers)
    if len(conditions) > _CONDITIONS_MAX:
        yield errors.too_many(f"{path}.onPodConditions", len(conditions), _CONDITIONS_MAX)
    for index, pattern in enumerate(conditions):
        at = f"{path}.onPodConditions[{index}]"
        yield from identifiers.qualified(f"{at}.type", shape.text(pattern, "type"))
        yield from _choice(f"{at}.status", shape.text(pattern, "status"), _STATUSES)
    if type(codes) is dict and conditions:
        yield errors.invalid_field(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    elif type(codes) is not dict and not conditions:
        yield errors.invalid_field(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(path: str, codes: Object, containers: set[str]) -> Causes:
    operator, container = shape.text(codes, "operator"), codes.get("containerName")
    yield from _choice(f"{path}.operator", operator, _OPERATORS)
    if type(container) is str and container not in containers:
        yield errors.invalid_value(
            f"{path}.containerName",
            container,
            "must be one of the container or initContainer names in the pod template",
        )
    values = [value for value in shape.sequence(codes, "values") if type(value) is int]
    if not values:
        yield errors.invalid_value(f"{path}.values", values, "at least one value is required")
    elif len(values) > _EXIT_CODES_MAX:
        yield errors.too_many(f"{path}.values", len(values), _EXIT_CODES_MAX)
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            yield errors.invalid_value(f"{path}.values[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            yield errors.duplicate(f"{path}.values[{index}]", value)
    if values != sorted(values):
        yield errors.invalid_value(f"{path}.values", values, "must be ordered")


def success_problems(path: str, spec: Object) -> Causes:
    """`spec` is the job's; `path` that of its success policy."""
    rules = shape.items(shape.mapping(spec, "successPolicy"), "rules")
    if not rules:
        yield errors.required(
            f"{path}.rules", "at least one rules must be specified when the successPolicy is specified"
        )
    if len(rules) > _RULES_MAX:
        yield errors.too_many(f"{path}.rules", len(rules), _RULES_MAX)
    for index, rule in enumerate(rules):
        yield from _success_rule(f"{path}.rules[{index}]", rule, shape.count(spec, "completions"))


def _success_rule(path: str, rule: Object, completions: int) -> Causes:
    indexes, count = rule.get("succeededIndexes"), shape.integer(rule, "succeededCount")
    if indexes is None and count is None:
        yield errors.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if type(indexes) is str:
        if len(indexes) > _INDEXES_LENGTH_MAX:
            yield errors.too_long(f"{path}.succeededIndexes", _INDEXES_LENGTH_MAX)
        try:
            total = job_indexes.count(indexes, completions)
        except job_indexes.BadIndexes as error:
            yield errors.invalid_value(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}")
    if count is None:
        return
    yield from check.not_negative(f"{path}.succeededCount", count)
    if count > completions:
        yield errors.invalid_value(
            f"{path}.succeededCount",
            count,
            f"must be less than or equal to {completions} (the number of specified completions)",
        )
    if type(indexes) is str and count > total:
        yield errors.invalid_value(
            f"{path}.succeededCount",
            count,
            f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)",
        )
