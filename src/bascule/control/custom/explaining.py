"""What exactly is wrong with a value that does not fit: upstream's findings, in upstream's words and order.

A walk for refusals only. Where branches of a combination compete, the one with the most passed checks is quoted, so
checks are counted as upstream counts them. On updates, what is wrong with a value that did not change is forgiven
(ratcheting); what is an old value's successor is decided by the list types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bascule.control.custom import checking, formats, patterns, showing
from bascule.control.custom.checking import Schema
from bascule.vocabulary import errors, quoting

ABSENT: Any = object()
"""No old value: nothing is forgiven."""

FOUND_MAX = 1000
"""Enough problems of one value: its further members are not looked at."""


class Finding(NamedTuple):
    """One problem: the type of its cause, the path (None for a whole combination), its text, the text to compare by."""

    type: str
    path: str | None
    message: str
    text: str


class Findings:
    """What was found at and below one value, each text once, and how many checks passed."""

    __slots__ = ("count", "found")

    def __init__(self) -> None:
        self.found: dict[str, Finding] = {}
        self.count = 0

    def add(self, finding: Finding) -> None:
        self.found.setdefault(finding.text, finding)

    def merge(self, other: Findings) -> None:
        for finding in other.found.values():
            self.add(finding)
        self.count += other.count


def explain(value: Any, schema: Schema, old: Any = ABSENT, *, prefix: str = "") -> list[errors.Cause]:
    """Every problem of a value. `prefix` is the field the value is in; the texts speak of paths within it."""
    causes = []
    for finding in _ratcheted(value, schema, "", old).found.values():
        place = (finding.path or "").removeprefix(".")
        joined = f"{prefix}.{place}" if prefix and place else prefix or place or "<nil>"
        causes.append(errors.Cause(finding.type, joined, finding.message))
    return causes


def _ratcheted(value: Any, schema: Schema, path: str, old: Any) -> Findings:
    findings = _at(value, schema, path, old)
    if findings.found and old is not ABSENT and same(value, old, schema):
        forgiven = Findings()
        forgiven.count = findings.count
        return forgiven
    return findings


def same(new: Any, old: Any, schema: Schema) -> bool:
    """Whether nothing changed; the order of a keyed list does not matter."""
    if new.__class__ is not old.__class__:
        return False
    if new.__class__ is dict:
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        others = additional if type(additional) is dict else {}
        return new.keys() == old.keys() and all(
            member is old[name] or same(member, old[name], properties.get(name) or others)
            for name, member in new.items()
        )
    if new.__class__ is list:
        items = schema.get("items") if type(schema.get("items")) is dict else {}
        before = _correlated(new, old, schema) if schema.get("x-kubernetes-list-type") == "map" else old
        return len(new) == len(old) and all(same(item, was, items or {}) for item, was in zip(new, before, strict=True))
    return bool(new == old)


def _correlated(new: list[Any], old: Any, schema: Schema) -> list[Any]:
    """For each item its old value, if the list is keyed and there was one."""
    if old.__class__ is not list or schema.get("x-kubernetes-list-type") != "map":
        return [ABSENT] * len(new)
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    by_key = {_key(item, keys): item for item in reversed(old)}
    return [by_key.get(_key(item, keys), ABSENT) for item in new]


def _key(item: Any, keys: Sequence[str]) -> str:
    return showing.json([item.get(key) for key in keys] if item.__class__ is dict else None)


def _at(value: Any, schema: Schema, path: str, old: Any) -> Findings:
    """The checks of one schema in upstream's order. Null is only checked for its type and as a member of the enum."""
    findings = Findings()
    if value is None:
        _type(value, schema, path, findings)
        _enum(value, schema, path, findings)
        return findings
    if checking.types_of(schema) or _format(schema):
        findings.count += _type(value, schema, path, findings) + 1
    findings.merge(_combinations(value, schema, path, old))
    findings.count += 1
    if value.__class__ is str:
        _text(value, schema, path, findings)
        findings.count += 2 if _format(schema) else 1
    elif value.__class__ in (int, float):
        _number(value, schema, path, findings)
        findings.count += 2
    elif value.__class__ is list:
        _list(value, schema, path, old, findings)
        findings.count += 2
    _enum(value, schema, path, findings)
    findings.count += 1
    if value.__class__ is dict:
        _object(value, schema, path, old, findings)
        findings.count += 1
    findings.count += 1
    return findings


def _format(schema: Schema) -> str:
    types = checking.types_of(schema)
    return formats.known(types[0] if len(types) == 1 else "", str(schema.get("format") or ""))


def _named(path: str, rest: str) -> str:
    return f"{path} in body {rest}"


def _invalid(path: str, value: Any, rest: str, *, type: str = "FieldValueInvalid") -> Finding:
    text = _named(path, rest)
    return Finding(type, path, f"Invalid value: {showing.shown(value)}: {text}", text)


def _wrong_type(path: str, wanted: str, given: str) -> Finding:
    rest = f"must be of type {wanted}: {quoting.quoted(given)}"
    return _invalid(path, given, rest, type="FieldValueTypeInvalid")


def _type(value: Any, schema: Schema, path: str, findings: Findings) -> int:
    types = checking.types_of(schema)
    if value is None:
        if types and schema.get("nullable") is not True:
            findings.add(_wrong_type(path, ",".join(types), "null"))
            return 0
        return 1
    given, given_format = _given(value)
    fits = (
        not types
        or given in types
        or ("integer" in types and checking.is_integer(value))
        or ("number" in types and checking.is_number(value))
    )
    if fits:
        return 1
    wanted = _format(schema)
    if wanted and value.__class__ not in (str, list):
        findings.add(_wrong_type(path, wanted, given_format))
    else:
        findings.add(_wrong_type(path, ",".join(types), given))
    return 0


def _given(value: Any) -> tuple[str, str]:
    """The JSON type of a value and the format that goes with it."""
    if value.__class__ is str:
        return "string", ""
    if value.__class__ is bool:
        return "boolean", ""
    if value.__class__ is int and checking.is_integer(value):
        return "integer", "int64"
    if value.__class__ in (int, float):
        return "number", "float64"
    return ("array", "") if value.__class__ is list else ("object", "")


def _enum(value: Any, schema: Schema, path: str, findings: Findings) -> None:
    allowed = schema.get("enum") or []
    if allowed and not checking.equals_one_of(value, allowed):
        listed = [item if item.__class__ is str else showing.json(item) for item in allowed]
        supported = ", ".join(quoting.quoted(item) for item in listed)
        message = f"Unsupported value: {showing.shown(value)}: supported values: {supported}"
        findings.add(Finding("FieldValueNotSupported", path, message, _named(path, f"should be one of {listed}")))


def _text(value: str, schema: Schema, path: str, findings: Findings) -> None:
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        text = _named(path, f"should be at most {most} chars long")
        findings.add(Finding("FieldValueTooLong", path, f"Too long: may not be more than {most} bytes", text))
    elif least is not None and len(value) < least:
        findings.add(_invalid(path, value, f"should be at least {least} chars long"))
    elif pattern and not patterns.matcher(pattern)(value):
        findings.add(_invalid(path, value, f"should match '{pattern}'"))
    name = _format(schema)
    check = formats.of_text(name) if name else None
    if check is not None and not check(value):
        rest = f"must be of type {name}: {quoting.quoted(value)}"
        findings.add(_invalid(path, value, rest, type="FieldValueTypeInvalid"))


def _number(value: float, schema: Schema, path: str, findings: Findings) -> None:
    low, high, factor = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    over = schema.get("exclusiveMinimum") is True
    under = schema.get("exclusiveMaximum") is True
    if factor and not checking.is_multiple(value, factor):
        findings.add(_invalid(path, value, f"should be a multiple of {_bound(factor, value)}"))
    if low is not None and (value <= low if over else value < low):
        words = "greater than" if over else "greater than or equal to"
        findings.add(_invalid(path, value, f"should be {words} {_bound(low, value)}"))
    if high is not None and (value >= high if under else value > high):
        words = "less than" if under else "less than or equal to"
        findings.add(_invalid(path, value, f"should be {words} {_bound(high, value)}"))


def _bound(bound: float, value: float) -> str:
    """A limit as it is quoted: whole beside an integer."""
    return showing.number(int(bound) if value.__class__ is int else float(bound))


def _too_many(path: str, count: int, limit: int, what: str) -> Finding:
    message = f"Too many: {count}: must have at most {limit} items"
    return Finding("FieldValueTooMany", path, message, _named(path, f"should have at most {limit} {what}"))


def _list(value: list[Any], schema: Schema, path: str, old: Any, findings: Findings) -> None:
    items = schema.get("items")
    if type(items) is dict:
        before = _correlated(value, old, schema)
        for index, item in enumerate(value):
            findings.merge(_ratcheted(item, items, f"{path}[{index}]", before[index]))
            if len(findings.found) >= FOUND_MAX:
                break
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        findings.add(_invalid(path, len(value), f"should have at least {least} items"))
    if most is not None and len(value) > most:
        findings.add(_too_many(path, len(value), most, "items"))
    if schema.get("uniqueItems") is True and any(item in value[:index] for index, item in enumerate(value)):
        findings.add(_invalid(path, "", "shouldn't contain duplicates"))


def _object(value: dict[str, Any], schema: Schema, path: str, old: Any, findings: Findings) -> None:
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        findings.add(_invalid(path, len(value), f"should have at least {least} properties"))
        return
    if most is not None and len(value) > most:
        findings.add(_too_many(path, len(value), most, "properties"))
        return
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    before = old if old.__class__ is dict else {}
    for name, member in value.items():
        if name not in properties:
            if additional is False:
                text = f"{path}.{name} in body is a forbidden property"
                message = f"Invalid value: {quoting.quoted(name)}: {text}"
                findings.add(Finding("FieldValueInvalid", path, message, text))
            elif type(additional) is dict:
                findings.merge(_ratcheted(member, additional, f"{path}.{name}", before.get(name, ABSENT)))
        if len(findings.found) >= FOUND_MAX:
            return
    for name, below in properties.items():
        if name in value:
            place = f"{path}.{name}" if path else name
            findings.merge(_ratcheted(value[name], below, place, before.get(name, ABSENT)))
    for name in schema.get("required") or ():
        if name not in value:
            place = f"{path}.{name}"
            findings.add(Finding("FieldValueRequired", place, "Required value", _named(place, "is required")))


def _combination(path: str, rest: str) -> Finding:
    text = f"{quoting.quoted(path)} {rest}"
    return Finding("FieldValueInvalid", None, f'Invalid value: "": {text}', text)


def _combinations(value: Any, schema: Schema, path: str, old: Any) -> Findings:
    findings = Findings()
    any_of, one_of = schema.get("anyOf") or (), schema.get("oneOf") or ()
    if any_of:
        results = _until_valid([(value, branch, path, old) for branch in any_of])
        if results[-1].found:
            findings.add(_combination(path, "must validate at least one schema (anyOf)"))
            findings.merge(_best(results))
        else:
            findings.merge(results[-1])
    if one_of:
        results = [_at(value, branch, path, old) for branch in one_of]
        valid = [result for result in results if not result.found]
        if len(valid) == 1:
            findings.merge(valid[0])
        else:
            words = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
            findings.add(_combination(path, f"must validate one and only one schema (oneOf). {words}"))
            if not valid:
                findings.merge(_best(results))
    all_of = schema.get("allOf") or ()
    if all_of:
        results = [_at(value, branch, path, old) for branch in all_of]
        for result in results:
            findings.merge(result)
        valid_count = sum(not result.found for result in results)
        if valid_count != len(results):
            rest = "" if valid_count else ". None validated"
            findings.add(_combination(path, f"must validate all the schemas (allOf){rest}"))
    negated = schema.get("not")
    if type(negated) is dict and not _at(value, negated, path, old).found:
        findings.add(_combination(path, "must not validate the schema (not)"))
    findings.count += 1
    return findings


def _until_valid(branches: list[tuple[Any, Schema, str, Any]]) -> list[Findings]:
    results: list[Findings] = []
    for branch in branches:
        results.append(_at(*branch))
        if not results[-1].found:
            break
    return results


def _best(results: list[Findings]) -> Findings:
    """Of those that failed, the first with the most passed checks."""
    return max(results, key=lambda result: result.count)
