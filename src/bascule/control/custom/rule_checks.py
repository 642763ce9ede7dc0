"""What rules may be written in a schema: that they compile, are affordable, and stand where they can work.

Costs are estimated for the largest object there can be: a rule below lists and maps runs as often as these have
entries. Without limits that is as often as its values fit into the largest request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bascule.control.cel.data import Declared
from bascule.control.custom import rule_compilation, rule_names, rule_paths, rule_types, showing, structural
from bascule.vocabulary import errors

RULE_COST_MAX = 10_000_000
"""Of one expression, however often it runs for an object."""
SCHEMA_COST_MAX = 100_000_000
"""Of all expressions of a schema together."""
MESSAGE_LENGTH_MAX = 2048
_GREATEST = 2**64 - 1
_BREAKS = re.compile(r"[\n\r]")
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
    "declared)"
)


@dataclass(slots=True)
class _Total:
    """What all expressions cost together, and the ones that matter."""

    cost: int = 0
    expensive: list[tuple[int, str]] = field(default_factory=list)

    def add(self, path: str, cost: int) -> None:
        self.cost = min(self.cost + cost, _GREATEST)
        if cost >= SCHEMA_COST_MAX // 100:
            self.expensive = sorted([*self.expensive, (cost, path)], key=lambda pair: -pair[0])[:4]


@dataclass(frozen=True, slots=True)
class _Context:
    """Where in the schema a node is: how often its values can occur (None: unlimited), what cannot be correlated."""

    occurrences: int | None = 1
    uncorrelated: str = ""

    def below(self, occurrences: int | None, uncorrelated: str) -> _Context:
        product = None
        if self.occurrences is not None and occurrences is not None:
            product = min(self.occurrences * occurrences, _GREATEST)
        return _Context(product, self.uncorrelated or uncorrelated)


def problems(node: structural.Node, path: str) -> Iterator[errors.Cause]:
    """Causes for the rules of a structural schema; ``path`` is the schema's field."""
    total = _Total()
    yield from _Check(total).node(node, path, rule_types.declare(node, is_resource=True), _Context())[0]
    if total.cost > SCHEMA_COST_MAX:
        contributed = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        for _, place in total.expensive:
            yield errors.forbidden_field(place, contributed)
        whole = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        yield errors.forbidden_field(path, _too_expensive(whole, total.cost, SCHEMA_COST_MAX))


class _Check:
    def __init__(self, total: _Total) -> None:
        self.total = total

    def node(
        self, node: structural.Node, path: str, declared: Declared | None, context: _Context
    ) -> tuple[list[errors.Cause], bool]:
        """Causes at and below a node, and whether some are about the rules' form (then none above are compiled)."""
        causes: list[errors.Cause] = []
        malformed = False
        for below, place, member, inner in _members(node, path, declared, context):
            found, bad = self.node(below, place, member, inner)
            causes += found
            malformed = malformed or bad
        form = [cause for index, rule in enumerate(node.rules) for cause in _form(rule, node, _at(path, index))]
        causes += form
        malformed = malformed or bool(form)
        if node.rules and not malformed:
            causes += self.rules(node, path, declared, context)
        return causes, malformed

    def rules(
        self, node: structural.Node, path: str, declared: Declared | None, context: _Context
    ) -> Iterator[errors.Cause]:
        if declared is None:
            message = (
                "Internal error: internal error: failed to construct type information for x-kubernetes-validations "
                "rules: unable to convert structural schema to CEL declarations"
            )
            yield errors.Cause("InternalError", f"{path}.x-kubernetes-validations", message)
            return
        times = context.occurrences
        if times is None:
            times = rule_types.REQUEST_BYTES_MAX // (declared.minimum_json + 1)
        for index, rule in enumerate(node.rules):
            place = _at(path, index)
            compiled = rule_compilation.compile(rule, node, declared)
            cost = min(compiled.cost_max * times, _GREATEST)
            yield from self.cost(f"{place}.rule", "estimated rule cost", cost)
            if compiled.problem:
                yield _invalid(f"{place}.rule", rule, compiled.problem)
            if compiled.explain_problem:
                yield _invalid(f"{place}.messageExpression", rule, compiled.explain_problem)
            elif compiled.explain is not None:
                explain_cost = compiled.explain_cost_max
                yield from self.cost(f"{place}.messageExpression", "estimated messageExpression cost", explain_cost)
            yield from _transition(compiled, rule, place, context)

    def cost(self, path: str, name: str, cost: int) -> Iterator[errors.Cause]:
        if cost > RULE_COST_MAX:
            yield errors.forbidden_field(path, _too_expensive(name, cost, RULE_COST_MAX))
        self.total.add(path, cost)


def _members(
    node: structural.Node, path: str, declared: Declared | None, context: _Context
) -> Iterator[tuple[structural.Node, str, Declared | None, _Context]]:
    """Those with rules at or below them."""
    element = declared.element if declared is not None else None
    if node.additional is not None and node.additional.has_rules:
        inner = context.below(_limit(node, "maxProperties"), "")
        member = element or rule_types.declare(node.additional, is_resource=node.additional.embedded_resource)
        yield node.additional, f"{path}.additionalProperties", member, inner
    for name, below in node.properties.items():
        if not below.has_rules:
            continue
        identifier = rule_names.escape(name)
        found = declared.fields.get(identifier) if declared is not None and identifier is not None else None
        member = found.declared if found is not None else rule_types.declare(below, is_resource=below.embedded_resource)
        yield below, f"{path}.properties[{name}]", member, context.below(_occurrences(node), "")
    if node.items is not None and node.items.has_rules:
        inner = context.below(_limit(node, "maxItems"), "" if node.list_type == "map" else path)
        member = element or rule_types.declare(node.items, is_resource=node.items.embedded_resource)
        yield node.items, f"{path}.items", member, inner


def _occurrences(node: structural.Node) -> int | None:
    return _limit(node, "maxProperties") if node.additional is not None or node.additional_allowed else 1


def _limit(node: structural.Node, key: str) -> int | None:
    value = node.validation.get(key)
    return max(0, int(value)) if isinstance(value, (int, float)) else None


def _at(path: str, index: int) -> str:
    return f"{path}.x-kubernetes-validations[{index}]"


def _form(rule: dict[str, Any], node: structural.Node, path: str) -> Iterator[errors.Cause]:
    """What is wrong with a rule before anyone looks at the expression."""
    text, message = _text(rule, "rule").strip(), _text(rule, "message")
    if not text:
        yield errors.required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield errors.invalid_value(f"{path}.message", message, "message must be non-empty if specified")
    elif len(message) > MESSAGE_LENGTH_MAX:
        detail = f"message must have a maximum length of {MESSAGE_LENGTH_MAX} characters"
        yield errors.invalid_value(f"{path}.message", f"{message[:10]}...", detail)
    elif _BREAKS.search(message.strip()):
        yield errors.invalid_value(f"{path}.message", message, "message must not contain line breaks")
    elif _BREAKS.search(text) and not message:
        yield errors.required(f"{path}.message", "message must be specified if rule contains line breaks")
    expression = _text(rule, "messageExpression")
    if expression and not expression.strip():
        yield errors.required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    if type(rule.get("reason")) is str and rule["reason"] not in _REASONS:
        yield errors.not_supported(f"{path}.reason", rule["reason"], _REASONS)
    yield from _field_path(_text(rule, "fieldPath"), node, f"{path}.fieldPath")


def _field_path(value: str, node: structural.Node, path: str) -> Iterator[errors.Cause]:
    if not value:
        return
    if not value.strip():
        yield errors.invalid_value(path, value, "fieldPath must be non-empty if specified")
    if _BREAKS.search(value):
        yield errors.invalid_value(path, value, "fieldPath must not contain line breaks")
    try:
        rule_paths.normalized(value, node)
    except rule_paths.PathError:
        yield errors.invalid_value(path, value, "fieldPath must be a valid path")


def _transition(
    compiled: rule_compilation.Compiled, rule: dict[str, Any], path: str, context: _Context
) -> Iterator[errors.Cause]:
    """Old values must be known for certain, and asked for where they are wanted."""
    if compiled.uses_old and context.uncorrelated:
        detail = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {context.uncorrelated}"
        yield errors.invalid_value(f"{path}.rule", compiled.text, detail)
    elif not compiled.uses_old and type(rule.get("optionalOldSelf")) is bool:
        detail = "may not be set if oldSelf is not used in rule"
        yield errors.invalid_value(f"{path}.optionalOldSelf", rule["optionalOldSelf"], detail)


def _too_expensive(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = "more than 100x" if factor > 100 else f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    return f"{name} exceeds budget by factor of {shown} {_ADVICE}"


def _text(rule: dict[str, Any], key: str) -> str:
    value = rule.get(key)
    return value if type(value) is str else ""


def _invalid(path: str, rule: dict[str, Any], detail: str) -> errors.Cause:
    """Upstream shows the whole rule as the value, by the names its own type has."""
    keys = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
    absent = {"reason": None, "optionalOldSelf": None}
    value = ",".join(f'"{key[0].upper()}{key[1:]}":{showing.json(rule.get(key, absent.get(key, "")))}' for key in keys)
    return errors.Cause("FieldValueInvalid", path, f"Invalid value: {{{value}}}: {detail}")
