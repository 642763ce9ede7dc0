"""FlowSchemas and PriorityLevelConfigurations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bascule.control.kinds import check, columns, generic, shape
from bascule.control.kinds.check import Causes
from bascule.control.kinds.strategy import Column
from bascule.vocabulary import errors
from bascule.vocabulary.objects import Object

_PRECEDENCE, _PRECEDENCE_MAX = 1000, 10000
_SHARES = 30
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
    name = shape.mapping(spec, "priorityLevelConfiguration").get("name")
    yield from check.required("spec.priorityLevelConfiguration.name", name, "must reference a priority level")
    method = shape.mapping(spec, "distinguisherMethod").get("type")
    yield from check.one_of("spec.distinguisherMethod.type", method, ("ByNamespace", "ByUser"))


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
    spec = shape.mapping(obj, "spec")
    kind = spec.get("type")
    yield from check.required("spec.type", kind)
    yield from check.one_of("spec.type", kind, ("Exempt", "Limited"))
    limited = spec.get("limited")
    if kind == "Exempt" and limited is not None:
        yield errors.forbidden_field("spec.limited", "must be nil if the type is not Limited")
    elif kind == "Limited":
        if type(limited) is not dict:
            yield errors.required("spec.limited", "must not be empty when type is Limited")
            return
        yield from _limited("spec.limited", limited)


def _limited(path: str, limited: Object) -> Causes:
    yield from check.not_negative(f"{path}.nominalConcurrencyShares", limited.get("nominalConcurrencyShares"))
    yield from check.in_range(f"{path}.lendablePercent", limited.get("lendablePercent"), 0, 100)
    response = shape.mapping(limited, "limitResponse")
    kind, queuing = response.get("type"), response.get("queuing")
    yield from check.required(f"{path}.limitResponse.type", kind)
    yield from check.one_of(f"{path}.limitResponse.type", kind, ("Queue", "Reject"))
    if kind == "Reject" and queuing is not None:
        yield errors.forbidden_field(
            f"{path}.limitResponse.queuing", "must be nil if limited.limitResponse.type is not Limited"
        )
    elif kind == "Queue" and type(queuing) is dict:
        for key, _ in _QUEUING:
            if shape.count(queuing, key) <= 0:
                yield errors.invalid_value(
                    f"{path}.limitResponse.queuing.{key}", shape.count(queuing, key), "must be positive"
                )
        if shape.count(queuing, "handSize") > shape.count(queuing, "queues"):
            yield errors.invalid_value(
                f"{path}.limitResponse.queuing.handSize",
                queuing["handSize"],
                f"should not be greater than queues ({shape.count(queuing, 'queues')})",
            )


def _level_cells(obj: Object, now: datetime) -> list[Any]:
    spec = shape.mapping(obj, "spec")
    limited, exempt = shape.mapping(spec, "limited"), shape.mapping(spec, "exempt")
    queuing = shape.mapping(shape.mapping(limited, "limitResponse"), "queuing")
    return [
        columns.name(obj),
        shape.text(spec, "type"),
        columns.or_none((limited or exempt).get("nominalConcurrencyShares")),
        *(columns.or_none(queuing.get(key)) for key, _ in _QUEUING),
        columns.age(obj, now),
    ]


FLOW_SCHEMA = generic.make(
    default=_default_schema,
    rules=_schema_rules,
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
