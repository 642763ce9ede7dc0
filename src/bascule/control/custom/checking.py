"""Does a value fit a schema? Only yes or no, by closures compiled at first use: what nearly every write runs.

What exactly is wrong is `explaining`'s, by a slower walk that agrees with this one on yes and no. A schema here is as
written: the root of a version, a member, or a branch of a combination.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bascule.control.custom import formats, patterns

Schema = dict[str, Any]
Fits = Callable[[Any], bool]
Made = dict[int, tuple[Schema, Fits]]

_INT64 = 1 << 63
_WHOLE_FLOAT_MAX = float((1 << 53) - 1)


def types_of(schema: Schema) -> tuple[str, ...]:
    """The JSON types a schema allows; empty for all."""
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    declared = schema.get("type")
    return (declared,) if type(declared) is str and declared else ()


def is_integer(value: Any) -> bool:
    """Whether JSON calls it an integer: 1 and 1.0, but for what a float cannot hold."""
    if value.__class__ is int:
        return -_INT64 <= value < _INT64
    return value.__class__ is float and -_WHOLE_FLOAT_MAX <= value <= _WHOLE_FLOAT_MAX and value.is_integer()


def is_number(value: Any) -> bool:
    return value.__class__ is int or value.__class__ is float


def equals_one_of(value: Any, enum: list[Any]) -> bool:
    """Membership in an enumeration, where true is not 1 and null is never a member."""
    if value is None:
        return False
    return any(value == allowed and (value.__class__ is bool) == (allowed.__class__ is bool) for allowed in enum)


def is_multiple(value: float, factor: float) -> bool:
    if value.__class__ is int and int(factor) != 0:
        return value % int(factor) == 0
    scaled = value / factor if factor >= 1 else 1 / factor * value
    return abs(scaled) <= _WHOLE_FLOAT_MAX and abs(scaled - round(scaled)) < 1e-9 * max(1.0, abs(scaled))


def compile(schema: Schema, made: Made | None = None) -> Fits:
    """The check of a schema. `made` has those of schemas within it, by their identity: equal ones may be shared."""
    made = {} if made is None else made
    found = made.get(id(schema))
    if found is None:
        found = made[id(schema)] = schema, _compile(schema, made)
    return found[1]


def _compile(schema: Schema, made: Made) -> Fits:
    enum = schema.get("enum") or []
    types = types_of(schema)
    takes_null = not enum and (schema.get("nullable") is True or not types)
    checks = _of_types(schema, types, made)
    if enum:
        checks.append(_enumeration(enum))
    checks += _combinations(schema, made)
    if len(checks) == 1 and not takes_null:
        return checks[0]
    if len(checks) == 1:
        only = checks[0]
        return lambda value: value is None or only(value)
    return _all(tuple(checks), takes_null=takes_null)


def _all(checks: tuple[Fits, ...], *, takes_null: bool) -> Fits:
    def fits(value: Any) -> bool:
        if value is None:
            return takes_null
        for check in checks:  # noqa: SIM110 - all() with a generator costs twice as much
            if not check(value):
                return False
        return True

    return fits


def _of_types(schema: Schema, types: tuple[str, ...], made: Made) -> list[Fits]:
    """The checks by type, each complete for its type. Without types, constraints hold for whom they concern."""
    if len(types) == 1 and types[0] in _MAKERS:
        belongs, make = _MAKERS[types[0]]
        constraint = make(schema, made)
        if constraint is _anything:
            return [belongs]
        if types[0] in ("object", "array", "string"):
            return [constraint]
        return [belongs, constraint]
    found: list[Fits] = []
    if types:
        kinds = [_MAKERS[name][0] for name in types if name in _MAKERS]
        found.append(lambda value: any(belongs(value) for belongs in kinds))
    for name in ("object", "array", "string", "number"):
        belongs, make = _MAKERS[name]
        constraint = make(schema, made)
        if constraint is not _anything:
            found.append(_only(belongs, constraint))
    return found


def _only(concerned: Fits, constraint: Fits) -> Fits:
    return lambda value: not concerned(value) or constraint(value)


def _anything(value: Any) -> bool:
    return True


def _enumeration(enum: list[Any]) -> Fits:
    if all(type(value) is str for value in enum):
        allowed = frozenset(enum)
        return lambda value: value.__class__ is str and value in allowed
    return lambda value: equals_one_of(value, enum)


def _string(schema: Schema, made: Made) -> Fits:
    longest, shortest = schema.get("maxLength"), schema.get("minLength") or 0
    checks: list[Fits] = []
    if schema.get("pattern"):
        checks.append(patterns.matcher(schema["pattern"]))
    name = formats.known(str(schema.get("type") or ""), str(schema.get("format") or ""))
    text_format = formats.of_text(name) if name else None
    if text_format is not None:
        checks.append(text_format)
    if not checks and longest is None and not shortest:
        return _anything
    most = longest if longest is not None else float("inf")
    first = checks[0] if checks else _anything
    second = checks[1] if len(checks) > 1 else _anything

    def fits(value: Any) -> bool:
        if value.__class__ is not str or not shortest <= len(value) <= most:
            return False
        return first is _anything or (first(value) and second(value))

    return fits


def _number(schema: Schema, made: Made) -> Fits:
    low, high, factor = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is None and high is None and not factor:
        return _anything
    over = schema.get("exclusiveMinimum") is True
    under = schema.get("exclusiveMaximum") is True

    def fits(value: Any) -> bool:
        if low is not None and (value <= low if over else value < low):
            return False
        if high is not None and (value >= high if under else value > high):
            return False
        return not factor or is_multiple(value, factor)

    return fits


def _array(schema: Schema, made: Made) -> Fits:
    items = schema.get("items")
    least, most = schema.get("minItems") or 0, schema.get("maxItems")
    unique = schema.get("uniqueItems") is True
    if items is None and not least and most is None and not unique:
        return _anything
    below: list[Fits] = []

    def fits(value: Any) -> bool:
        if value.__class__ is not list or len(value) < least or (most is not None and len(value) > most):
            return False
        if unique and any(item in value[:index] for index, item in enumerate(value)):
            return False
        if items is None:
            return True
        if not below:
            below.append(compile(items, made))
        return all(map(below[0], value))

    return fits


def _object(schema: Schema, made: Made) -> Fits:
    properties: dict[str, Schema] = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    required = frozenset(schema.get("required") or ())
    least, most = schema.get("minProperties") or 0, schema.get("maxProperties")
    closed = additional is False
    if not properties and type(additional) is not dict and not required and not least and most is None and not closed:
        return _anything
    members: dict[str, Fits] = {}
    others: list[Fits] = [compile(additional, made)] if type(additional) is dict else []

    def member(name: str) -> Fits:
        if name in properties:
            members[name] = compile(properties[name], made)
            return members[name]
        if others:
            return others[0]
        return _nothing if closed else _anything

    sized = bool(least) or most is not None
    demanding = bool(required)

    def fits(value: Any) -> bool:
        if value.__class__ is not dict or (demanding and not required <= value.keys()):
            return False
        if sized and (len(value) < least or (most is not None and len(value) > most)):
            return False
        for name, item in value.items():
            check = members.get(name) or member(name)
            if not check(item):
                return False
        return True

    return fits


def _nothing(value: Any) -> bool:
    return False


_MAKERS: Final[dict[str, tuple[Fits, Callable[[Schema, Made], Fits]]]] = {
    "object": (lambda value: value.__class__ is dict, _object),
    "array": (lambda value: value.__class__ is list, _array),
    "string": (lambda value: value.__class__ is str, _string),
    "integer": (is_integer, _number),
    "number": (is_number, _number),
    "boolean": (lambda value: value.__class__ is bool, lambda schema, made: _anything),
}


def _combinations(schema: Schema, made: Made) -> list[Fits]:
    found: list[Fits] = [compile(branch, made) for branch in schema.get("allOf") or ()]
    any_of = [compile(branch, made) for branch in schema.get("anyOf") or ()]
    if any_of:
        found.append(lambda value: any(branch(value) for branch in any_of))
    one_of = [compile(branch, made) for branch in schema.get("oneOf") or ()]
    if one_of:
        found.append(lambda value: sum(branch(value) for branch in one_of) == 1)
    negated = schema.get("not")
    if type(negated) is dict:
        excluded = compile(negated, made)
        found.append(lambda value: not excluded(value))
    return found
