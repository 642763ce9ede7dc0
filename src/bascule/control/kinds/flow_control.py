"""FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, flow_rules, generic, identifiers, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PRECEDENCE, _PRECEDENCE_MAX = 1000, 10000
_SHARES = 30
_EXEMPT = "exempt"
_METHODS = ("ByNamespace", "ByUser")
_QUEUES_MAX, _HASH_BITS, _HAND_CHECKED = 10_000_000, 60, 64
_QUEUING = (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50))


def _default_schema(obj: Object) -> None:
    shape.fill_zero(shape.ensure(obj, "spec"), "matchingPrecedence", _PRECEDENCE)


def _schema_rules(obj: Object) -> Causes:
    spec = shape.mapping(obj, "spec")
    precedence = shape.count(spec, "matchingPrecedence")
    if precedence <= 0:
        yield errors.invalid_value("spec.matchingPrecedence", precedence, "must be a positive value")
    elif precedence > _PRECEDENCE_MAX:
        yield errors.invalid_value("spec.matchingPrecedence", precedence, f"must not be greater than {_PRECEDENCE_MAX}")
    elif precedence == 1 and columns.name(obj) != _EXEMPT:
        yield errors.invalid_value(
            "spec.matchingPrecedence", precedence, "only the schema named 'exempt' may have matchingPrecedence 1"
        )
    method = spec.get("distinguisherMethod")
    if type(method) is dict and method.get("type") not in _METHODS:
        yield errors.not_supported("spec.distinguisherMethod.type", method, _METHODS)
    name = shape.mapping(spec, "priorityLevelConfiguration").get("name")
    if not name:
        yield errors.required("spec.priorityLevelConfiguration.name", "must reference a priority level")
    else:
        yield from identifiers.subdomain("spec.priorityLevelConfiguration.name", name)
    for index, rule in enumerate(shape.items(spec, "rules")):
        yield from flow_rules.problems(f"spec.rules[{index}]", rule)
    yield from _conditions(obj)


def _conditions(obj: Object) -> Causes:
    seen: set[str] = set()
    for index, condition in enumerate(shape.items(shape.mapping(obj, "status"), "conditions")):
        kind = shape.text(condition, "type")
        if kind in seen:
            yield errors.duplicate(f"status.conditions[{index}].type", kind)
        seen.add(kind)
        if not kind:
            yield errors.required(f"status.conditions[{index}].type", "must not be empty")


def _status_rules(new: Object, old: Object) -> Causes:
    yield from _conditions(new)


def _schema_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    dangling = "?"
    for condition in shape.items(shape.mapping(obj, "status"), "conditions"):
        if condition.get("type") == "Dangling":
            dangling = shape.text(condition, "status")
    return [
        columns.name(obj),
        shape.text(shape.mapping(spec, "priorityLevelConfiguration"), "name"),
        shape.count(spec, "matchingPrecedence"),
        columns.or_none(shape.mapping(spec, "distinguisherMethod").get("type")),
        columns.age(obj, now),
        dangling,
    ]


def _default_level(obj: Object) -> None:
    spec = shape.ensure(obj, "spec")
    kind = spec.get("type")
    if kind == "Exempt":
        exempt = shape.ensure(spec, "exempt")
        shape.fill(exempt, "nominalConcurrencyShares", 0)
        shape.fill(exempt, "lendablePercent", 0)
    elif kind == "Limited" and type(spec.get("limited")) is dict:
        limited = spec["limited"]
        shape.fill(limited, "nominalConcurrencyShares", _SHARES)
        shape.fill(limited, "lendablePercent", 0)
        queuing = shape.mapping(limited, "limitResponse").get("queuing")
        if type(queuing) is dict:
            for key, value in _QUEUING:
                shape.fill_zero(queuing, key, value)


def _level_rules(obj: Object) -> Causes:
    spec, exempt = shape.mapping(obj, "spec"), columns.name(obj) == _EXEMPT
    kind, limited = spec.get("type"), spec.get("limited")
    if exempt != (kind == "Exempt"):
        yield errors.invalid_value("spec.type", kind or "", "type must be 'Exempt' if and only if name is 'exempt'")
    if kind == "Exempt":
        yield from _shares("spec.exempt", shape.mapping(spec, "exempt"))
        if limited is not None:
            yield errors.forbidden_field("spec.limited", "must be nil if the type is not Limited")
    elif kind == "Limited":
        if spec.get("exempt") is not None:
            yield errors.forbidden_field("spec.exempt", "must be nil if the type is Limited")
        if type(limited) is not dict:
            yield errors.required("spec.limited", "must not be empty when type is Limited")
        else:
            yield from _limited("spec.limited", limited)
    else:
        yield errors.not_supported("spec.type", kind or "", ("Exempt", "Limited"))
    yield from _conditions(obj)


def _shares(path: str, level: Object) -> Causes:
    shares, lendable = shape.integer(level, "nominalConcurrencyShares"), level.get("lendablePercent")
    if shares is not None and shares < 0:
        yield errors.invalid_value(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")
    yield from check.in_range(f"{path}.lendablePercent", lendable, 0, 100)


def _limited(path: str, limited: Object) -> Causes:
    yield from _shares(path, limited)
    borrowed = shape.integer(limited, "borrowingLimitPercent")
    if borrowed is not None and borrowed < 0:
        yield errors.invalid_value(
            f"{path}.borrowingLimitPercent", borrowed, "if specified, must be a non-negative integer"
        )
    response = shape.mapping(limited, "limitResponse")
    kind, queuing = response.get("type"), response.get("queuing")
    at = f"{path}.limitResponse"
    if kind == "Reject":
        if queuing is not None:
            yield errors.forbidden_field(f"{at}.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue":
        if type(queuing) is not dict:
            yield errors.required(f"{at}.queuing", "must not be empty if limited.limitResponse.type is Limited")
        else:
            yield from _queuing(f"{at}.queuing", queuing)
    else:
        yield errors.not_supported(f"{at}.type", kind or "", ("Queue", "Reject"))


def _queuing(path: str, queuing: Object) -> Causes:
    length, queues, hand = (shape.count(queuing, key) for key in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        yield errors.invalid_value(f"{path}.queueLengthLimit", length, "must be positive")
    if queues <= 0:
        yield errors.invalid_value(f"{path}.queues", queues, "must be positive")
    elif queues > _QUEUES_MAX:
        yield errors.invalid_value(f"{path}.queues", queues, f"must not be greater than {_QUEUES_MAX}")
    if hand <= 0:
        yield errors.invalid_value(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        yield errors.invalid_value(f"{path}.handSize", hand, f"should not be greater than queues ({queues})")
    elif queues <= _QUEUES_MAX and math.perm(queues, min(hand, _HAND_CHECKED)) > 1 << _HASH_BITS:
        yield errors.invalid_value(
            f"{path}.handSize",
            hand,
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}",
        )


def _level_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    limited = shape.mapping(spec, "limited")
    queuing = shape.mapping(shape.mapping(limited, "limitResponse"), "queuing")
    return [
        columns.name(obj),
        shape.text(spec, "type"),
        shape.count(limited, "nominalConcurrencyShares") if limited else columns.NONE,
        *(shape.count(queuing, key) if queuing else columns.NONE for key, _ in _QUEUING),
        columns.age(obj, now),
    ]


FLOW_SCHEMA = generic.make(
    default=_default_schema,
    rules=_schema_rules,
    status_rules=_status_rules,
    status_keeps_labels=True,
    columns=(
        columns.NAME,
        Column("PriorityLevel", description="Where its requests go."),
        Column("MatchingPrecedence", description="Lower is tried first."),
        Column("DistinguisherMethod", description="What tells its flows apart."),
        columns.AGE,
        Column("MissingPL", description="Whether its priority level does not exist."),
    ),
    cells=_schema_cells,
    status=True,
    generation=True,
)
PRIORITY_LEVEL = generic.make(
    default=_default_level,
    rules=_level_rules,
    status_rules=_status_rules,
    status_keeps_labels=True,
    columns=(
        columns.NAME,
        Column("Type", description="Limited or Exempt."),
        Column("NominalConcurrencyShares", description="Its share of the server."),
        Column("Queues", description="How many queues it has."),
        Column("HandSize", description="How many queues a flow may use."),
        Column("QueueLengthLimit", description="How long a queue may be."),
        columns.AGE,
    ),
    cells=_level_cells,
    status=True,
    generation=True,
)
