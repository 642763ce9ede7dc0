"""Admission policies in CEL, validating and mutating, and their bindings. Expressions are compiled elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, selectors, shape, webhook_configurations
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Cells, Column, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_ACTIONS = ("Audit", "Deny", "Warn")


def _default_match(match: Object) -> None:
    shape.fill(match, "matchPolicy", "Equivalent")
    shape.ensure(match, "namespaceSelector")
    shape.ensure(match, "objectSelector")
    for key in ("resourceRules", "excludeResourceRules"):
        webhook_configurations.default_rules(shape.items(match, key))


def _default_policy(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    shape.fill(spec, "failurePolicy", "Fail")
    if type(spec.get("matchConstraints")) is dict:
        _default_match(spec["matchConstraints"])


def _default_binding(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    if type(spec.get("matchResources")) is dict:
        _default_match(spec["matchResources"])


def _match(path: str, match: Object) -> Causes:
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(shape.items(match, key)):
            yield from webhook_configurations.rule_problems(f"{path}.{key}[{index}]", rule)
    for key in ("namespaceSelector", "objectSelector"):
        yield from selectors.problems(f"{path}.{key}", match.get(key))
    yield from check.one_of(f"{path}.matchPolicy", match.get("matchPolicy"), ("Equivalent", "Exact"))


def _policy_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.one_of("spec.failurePolicy", spec.get("failurePolicy"), ("Fail", "Ignore"))
    match = spec.get("matchConstraints")
    if type(match) is not dict:
        yield errors.required("spec.matchConstraints", "")
    else:
        if not match.get("resourceRules"):
            yield errors.required("spec.matchConstraints.resourceRules", "")
        yield from _match("spec.matchConstraints", match)
    for key in ("validations", "matchConditions", "variables"):
        for index, entry in enumerate(shape.items(spec, key)):
            yield from check.required(
                f"spec.{key}[{index}].expression", entry.get("expression"), "expression is not specified"
            )


def _validating_rules(obj: Object) -> Causes:
    yield from _policy_rules(obj)
    spec = shape.mapping(obj, "spec")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        yield errors.required("spec.validations", "validations or auditAnnotations must contain at least one item")


def _mutating_rules(obj: Object) -> Causes:
    yield from _policy_rules(obj)
    if not shape.mapping(obj, "spec").get("mutations"):
        yield errors.required("spec.mutations", "mutations must contain at least one item")


def _binding_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.required("spec.policyName", spec.get("policyName"))
    if type(spec.get("matchResources")) is dict:
        yield from _match("spec.matchResources", spec["matchResources"])


def _validating_binding_rules(obj: Object) -> Causes:
    yield from _binding_rules(obj)
    actions = shape.texts(shape.mapping(obj, "spec"), "validationActions")
    if not actions:
        yield errors.required("spec.validationActions", "")
    for index, action in enumerate(actions):
        yield from check.one_of(f"spec.validationActions[{index}]", action, _ACTIONS)
    if "Deny" in actions and "Warn" in actions:
        yield errors.invalid_value(
            "spec.validationActions",
            actions,
            "must not contain both Deny and Warn (repeating the same "
            "validation failure information in the API response and headers serves no purpose)",
        )


def _policy_cells(counted: str) -> Cells:
    def cells(obj: Object, now: datetime) -> list[Any]:
        spec = shape.mapping(obj, "spec")
        kind = shape.mapping(spec, "paramKind")
        parameters = f"{shape.text(kind, 'apiVersion')}/{shape.text(kind, 'kind')}" if kind else columns.UNSET
        return [columns.name(obj), len(shape.items(spec, counted)), parameters, columns.age(obj, now)]

    return cells


def _binding_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    reference = shape.mapping(spec, "paramRef")
    parts = [shape.text(reference, key) for key in ("namespace", "name") if reference.get(key)]
    shown = "/".join(parts) or (selectors.shown(reference.get("selector")) if reference else columns.UNSET)
    return [columns.name(obj), shape.text(spec, "policyName"), shown, columns.age(obj, now)]


def _policy(rules: generic.Rules, title: str, counted: str, *, status: bool) -> Strategy:
    return generic.make(
        default=_default_policy,
        rules=rules,
        columns=(
            columns.NAME,
            Column(title, "integer", description="How many there are."),
            Column("ParamKind", description="The kind of its parameters."),
            columns.AGE,
        ),
        cells=_policy_cells(counted),
        status=status,
        generation=True,
        unconditional_update=False,
    )


def _binding(rules: generic.Rules) -> Strategy:
    return generic.make(
        default=_default_binding,
        rules=rules,
        columns=(
            columns.NAME,
            Column("PolicyName", description="The policy that is bound."),
            Column("ParamRef", description="Its parameters."),
            columns.AGE,
        ),
        cells=_binding_cells,
        generation=True,
        unconditional_update=False,
    )


VALIDATING = _policy(_validating_rules, "Validations", "validations", status=True)
VALIDATING_BINDING = _binding(_validating_binding_rules)
MUTATING = _policy(_mutating_rules, "Mutations", "mutations", status=False)
MUTATING_BINDING = _binding(_binding_rules)
