"""Admission policies in CEL, validating and mutating, and their bindings.

The expressions of mutations, which make objects, are not compiled here. What compiles the others is imported with the
first policy.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bascule.control.kinds import (
    admission_rules,
    check,
    columns,
    condition_rules,
    generic,
    identifiers,
    metadata,
    selectors,
    shape,
)
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Cells, Column, Strategy
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

if TYPE_CHECKING:
    from bascule.control.cel import declarations, types

_ACTIONS = ("Audit", "Deny", "Warn")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
_ANNOTATIONS_MAX, _VALUE_LENGTH_MAX = 20, 5 * 1024
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_RESERVED = re.compile(
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|"
    "var|void|while"
)


def _default_match(match: Object) -> None:
    shape.fill(match, "matchPolicy", "Equivalent")
    shape.ensure(match, "namespaceSelector")
    shape.ensure(match, "objectSelector")
    for key in ("resourceRules", "excludeResourceRules"):
        admission_rules.default_rules(shape.items(match, key))


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
    yield from check.one_of(f"{path}.matchPolicy", match.get("matchPolicy"), ("Equivalent", "Exact"))
    yield from admission_rules.selector_problems(path, match)
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(shape.items(match, key)):
            yield from admission_rules.problems(f"{path}.{key}[{index}]", rule)


def _policy_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    yield from check.one_of("spec.failurePolicy", spec.get("failurePolicy"), ("Fail", "Ignore"))
    if type(spec.get("paramKind")) is dict:
        yield from _param_kind("spec.paramKind", spec["paramKind"])
    match = spec.get("matchConstraints")
    if type(match) is not dict:
        yield errors.required("spec.matchConstraints", "")
    else:
        yield from _match("spec.matchConstraints", match)
        if not match.get("resourceRules"):
            yield errors.required("spec.matchConstraints.resourceRules", "")
    conditions = shape.items(spec, "matchConditions")
    yield from admission_rules.condition_problems("spec.matchConditions", conditions, params=_has_params(spec))
    for index, variable in enumerate(shape.items(spec, "variables")):
        at, name = f"spec.variables[{index}]", shape.text(variable, "name")
        if not name.strip():
            yield errors.required(f"{at}.name", "name is not specified")
        elif not _IDENTIFIER.fullmatch(name) or _RESERVED.fullmatch(name):
            yield errors.invalid_value(f"{at}.name", name, "name is not a valid CEL identifier")
        yield from _expression(f"{at}.expression", variable.get("expression"))


def _has_params(spec: Object) -> bool:
    return type(spec.get("paramKind")) is dict


def _compiled(spec: Object) -> tuple[declarations.Environment, list[errors.Cause]]:
    """What the expressions of a policy may speak of, its own variables with it; and what is wrong with those."""
    from bascule.control.kinds import admission_expressions

    given = admission_expressions.environment(params=_has_params(spec), authorizer=True)
    composed: dict[str, types.Type] = {}
    found: list[errors.Cause] = []
    for index, variable in enumerate(shape.items(spec, "variables")):
        text = shape.text(variable, "expression").strip()
        if text:
            current = admission_expressions.with_composed(given, composed)
            found += admission_expressions.problems(f"spec.variables[{index}].expression", text, current)
            composed[shape.text(variable, "name")] = admission_expressions.result(text, current)
    return admission_expressions.with_composed(given, composed), found


def _expression(path: str, expression: Any, message: str = "expression is not specified") -> Causes:
    if type(expression) is not str or not expression.strip():
        yield errors.required(path, message)


def _param_kind(path: str, kind: Object) -> Causes:
    version, name = shape.text(kind, "apiVersion"), shape.text(kind, "kind")
    if not version:
        yield errors.required(f"{path}.apiVersion", "")
    elif version.count("/") > 1:
        yield errors.invalid_value(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    else:
        group, _, number = version.rpartition("/")
        if group and (found := metadata.subdomain(group)):
            yield errors.invalid_value(f"{path}.apiVersion", group, ",".join(found))
        if not number:
            yield errors.invalid_value(f"{path}.apiVersion", version, "version must be specified")
        elif found := metadata.dns1035_label(number):
            yield errors.invalid_value(f"{path}.apiVersion", number, ",".join(found))
    if not name:
        yield errors.required(f"{path}.kind", "")
    elif found := metadata.dns1035_label(name.lower()):
        text = "may have mixed case, but should otherwise match: " + ",".join(found)
        yield errors.invalid_value(f"{path}.kind", name, text)


def _validating_rules(obj: Object) -> Causes:
    from bascule.control.cel import types
    from bascule.control.kinds import admission_expressions

    yield from _policy_rules(obj)
    spec = shape.mapping(obj, "spec")
    validations, annotations = shape.items(spec, "validations"), shape.items(spec, "auditAnnotations")
    environment, found = _compiled(spec)
    yield from found
    if not validations and not annotations:
        for key in ("validations", "auditAnnotations"):
            yield errors.required(f"spec.{key}", "validations or auditAnnotations must contain at least one item")
    for index, validation in enumerate(validations):
        yield from _validation(f"spec.validations[{index}]", validation, environment)
    if len(annotations) > _ANNOTATIONS_MAX:
        yield errors.invalid_value(
            "spec.auditAnnotations", annotations, f"must not have more than {_ANNOTATIONS_MAX} auditAnnotations"
        )
    keys = [shape.text(annotation, "key") for annotation in annotations]
    for index, annotation in enumerate(annotations):
        at, value = f"spec.auditAnnotations[{index}]", shape.text(annotation, "valueExpression").strip()
        yield from identifiers.qualified(f"{at}.key", f"{columns.name(obj)}/{keys[index]}")
        yield from _expression(f"{at}.valueExpression", value, "valueExpression is not specified")
        if value:
            path = f"{at}.valueExpression"
            yield from admission_expressions.problems(path, value, environment, types.STRING, types.NULL)
        if len(value.encode()) > _VALUE_LENGTH_MAX:
            yield errors.required(f"{at}.valueExpression", f"must not exceed {_VALUE_LENGTH_MAX} bytes in length")
        if keys[index] in keys[:index]:
            yield errors.duplicate(f"{at}.key", keys[index])


def _validation(path: str, validation: Object, environment: declarations.Environment) -> Causes:
    from bascule.control.cel import types
    from bascule.control.kinds import admission_expressions

    message, spoken = shape.text(validation, "message"), shape.text(validation, "messageExpression")
    yield from _expression(f"{path}.expression", validation.get("expression"))
    if text := shape.text(validation, "expression").strip():
        yield from admission_expressions.problems(f"{path}.expression", text, environment, types.BOOL)
    if spoken and not spoken.strip():
        yield errors.invalid_value(f"{path}.messageExpression", spoken, "must be non-empty if specified")
    elif spoken:
        at = f"{path}.messageExpression"
        yield from admission_expressions.problems(at, spoken.strip(), environment, types.STRING)
    if message and not message.strip():
        yield errors.invalid_value(f"{path}.message", message, "message must be non-empty if specified")
    elif "\n" in message.strip() or "\r" in message.strip():
        yield errors.invalid_value(f"{path}.message", message, "message must not contain line breaks")
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        yield errors.not_supported(f"{path}.reason", reason, _REASONS)


def _mutating_rules(obj: Object) -> Causes:
    yield from _policy_rules(obj)
    spec = shape.mapping(obj, "spec")
    mutations = shape.items(spec, "mutations")
    if not mutations:
        yield errors.required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(mutations):
        at, kind = f"spec.mutations[{index}]", shape.text(mutation, "patchType")
        if not kind:
            yield errors.required(f"{at}.patchType", "")
        elif kind not in _PATCHES:
            yield errors.not_supported(f"{at}.patchType", kind, tuple(_PATCHES))
        else:
            key = _PATCHES[kind]
            if type(mutation.get(key)) is not dict:
                yield errors.required(f"{at}.{key}", f"must be specified when patchType is {kind}")
            else:
                yield from _expression(f"{at}.{key}.expression", mutation[key].get("expression"))
    policy = spec.get("reinvocationPolicy")
    if not policy:
        yield errors.required("spec.reinvocationPolicy", "")
    elif policy not in ("IfNeeded", "Never"):
        yield errors.not_supported("spec.reinvocationPolicy", policy, ("IfNeeded", "Never"))


def _binding_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    if not spec.get("policyName"):
        yield errors.required("spec.policyName", "")
    else:
        yield from identifiers.subdomain("spec.policyName", spec["policyName"])
    if type(spec.get("paramRef")) is dict:
        yield from _reference("spec.paramRef", spec["paramRef"])
    if type(spec.get("matchResources")) is dict:
        yield from _match("spec.matchResources", spec["matchResources"])


def _reference(path: str, reference: Object) -> Causes:
    name, selector = shape.text(reference, "name"), reference.get("selector")
    both = bool(name) and type(selector) is dict
    yield from identifiers.segment(f"{path}.name", name or None)
    if both:
        yield errors.forbidden_field(f"{path}.name", "name and selector are mutually exclusive")
    yield from selectors.problems(f"{path}.selector", selector)
    if both:
        yield errors.forbidden_field(f"{path}.selector", "name and selector are mutually exclusive")
    if not name and type(selector) is not dict:
        yield errors.required(path, "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction")
    if not action:
        yield errors.required(f"{path}.parameterNotFoundAction", "")
    elif action not in ("Allow", "Deny"):
        yield errors.not_supported(f"{path}.parameterNotFoundAction", action, ("Allow", "Deny"))


def _validating_binding_rules(obj: Object) -> Causes:
    yield from _binding_rules(obj)
    actions = shape.texts(shape.mapping(obj, "spec"), "validationActions")
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            yield errors.not_supported(f"spec.validationActions[{index}]", action, _ACTIONS)
        if action in actions[:index]:
            yield errors.duplicate(f"spec.validationActions[{index}]", action)
    if "Deny" in actions and "Warn" in actions:
        yield errors.invalid_value(
            "spec.validationActions",
            actions,
            "must not contain both Deny and Warn (repeating the same "
            "validation failure information in the API response and headers serves no purpose)",
        )
    if not actions:
        yield errors.required("spec.validationActions", "at least one validation action is required")


def _status_rules(new: Object, old: Object) -> Causes:
    status = shape.mapping(new, "status")
    found = shape.items(shape.mapping(status, "typeChecking"), "expressionWarnings")
    for index, warning in enumerate(found):
        for key in ("warning", "fieldRef"):
            if not shape.text(warning, key).strip():
                yield errors.required(f"status.typeChecking.expressionWarnings[{index}].{key}", "")
    yield from condition_rules.problems("status.conditions", shape.items(status, "conditions"))


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
    name, selector = shape.text(reference, "name"), reference.get("selector")
    shown = columns.UNSET
    if name:
        shown = f"{shape.text(reference, 'namespace') or '*'}/{name}"
    elif type(selector) is dict:
        shown = selectors.shown(selector)
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
        status_rules=_status_rules,
        status_keeps_labels=status,
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
