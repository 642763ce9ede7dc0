"""Rules run on objects: what they see, what they say, and when they do not run."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import rules, structural
from bascule.vocabulary.errors import Cause

INT, STRING = {"type": "integer"}, {"type": "string"}


def rule(text: str, **more: Any) -> dict[str, Any]:
    return {"rule": text, **more}


def spec(properties: dict[str, Any], *texts: dict[str, Any] | str, **more: Any) -> dict[str, Any]:
    """A schema with a spec of these properties, and rules at the spec."""
    written = [rule(text) if isinstance(text, str) else text for text in texts]
    inner = {"type": "object", "properties": properties, "x-kubernetes-validations": written, **more}
    return {"type": "object", "properties": {"spec": inner}}


def problems(schema: dict[str, Any], value: Any, old: Any = None) -> list[Cause]:
    found = rules.compile(structural.parse(schema))
    assert found is not None
    before = {"spec": old} if old is not None else None
    return found.problems({"spec": value}, before)


def holds(properties: dict[str, Any], text: str, value: Any, **more: Any) -> bool:
    return not problems(spec(properties, text, **more), value)


def test_no_rules() -> None:
    assert rules.compile(structural.parse({"type": "object", "properties": {"spec": INT}})) is None


def test_a_rule_that_fails_says_so() -> None:
    schema = spec({"min": INT, "max": INT}, "self.min <= self.max")
    assert problems(schema, {"min": 1, "max": 2}) == []
    assert problems(schema, {"min": 3, "max": 2}) == [
        Cause("FieldValueInvalid", "spec", "Invalid value: failed rule: self.min <= self.max")
    ]


def test_simple_values_are_shown() -> None:
    schema = {"type": "object", "properties": {"spec": INT | {"x-kubernetes-validations": [rule("self > 5")]}}}
    assert problems(schema, 3) == [Cause("FieldValueInvalid", "spec", "Invalid value: 3: failed rule: self > 5")]


def test_a_rule_at_the_root_knows_the_resource() -> None:
    schema = {
        "type": "object",
        "x-kubernetes-validations": [rule("self.metadata.name != 'bad' && self.kind == 'K' && !has(self.spec)")],
        "properties": {"spec": STRING},
    }
    found = rules.compile(structural.parse(schema))
    assert found is not None
    good = {"apiVersion": "v1", "kind": "K", "metadata": {"name": "good", "labels": {}}}
    assert found.problems(good, None) == []
    (cause,) = found.problems({**good, "metadata": {"name": "bad"}}, None)
    assert cause.field == "<nil>"


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"message": " no "}, Cause("FieldValueInvalid", "spec", "Invalid value: no")),
        (
            {"messageExpression": "'a is ' + string(self.a)"},
            Cause("FieldValueInvalid", "spec", "Invalid value: a is 3"),
        ),
        ({"message": "m", "messageExpression": "''"}, Cause("FieldValueInvalid", "spec", "Invalid value: m")),
        ({"message": "m", "messageExpression": "'a\\nb'"}, Cause("FieldValueInvalid", "spec", "Invalid value: m")),
        ({"message": "m", "messageExpression": "string(1/0)"}, Cause("FieldValueInvalid", "spec", "Invalid value: m")),
        ({"message": "m", "fieldPath": ".a"}, Cause("FieldValueInvalid", "spec.a", "Invalid value: m")),
        ({"message": "m", "fieldPath": ".b['x.y']"}, Cause("FieldValueInvalid", "spec.b[x.y]", "Invalid value: m")),
        ({"message": "m", "reason": "FieldValueForbidden"}, Cause("FieldValueForbidden", "spec", "Forbidden: m")),
        ({"message": "m", "reason": "FieldValueRequired"}, Cause("FieldValueRequired", "spec", "Required value: m")),
        ({"message": "m", "reason": "FieldValueDuplicate"}, Cause("FieldValueDuplicate", "spec", "Duplicate value")),
    ],
)
def test_messages(more: dict[str, Any], cause: Cause) -> None:
    properties = {"a": INT, "b": {"type": "object", "additionalProperties": STRING}}
    assert problems(spec(properties, rule("self.a > 5", **more)), {"a": 3}) == [cause]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("self.b == 1", 'Invalid value: "object": no such key: b evaluating rule: self.b == 1'),
        ("self.a / 0 == 1", 'Invalid value: "object": division by zero evaluating rule: self.a / 0 == 1'),
        (
            "self.any + 1 == 2",
            "Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, "
            "function or macro signature for rule: self.any + 1 == 2",
        ),
    ],
)
def test_errors(text: str, message: str) -> None:
    properties = {"a": INT, "b": INT, "any": {"x-kubernetes-int-or-string": True}}
    (cause,) = problems(spec(properties, text), {"a": 1, "any": "x"})
    assert cause == Cause("FieldValueInvalid", "spec", message)


def test_a_value_that_is_not_what_it_should_be() -> None:
    checked = {"type": "string", "format": "date", "x-kubernetes-validations": [rule("self.getDate() == 1")]}
    (cause,) = problems(spec({"day": checked}), {"day": "someday"})
    assert cause.field == "spec.day"
    assert cause.message.endswith(" evaluating rule: self.getDate() == 1")


def test_null_is_absence() -> None:
    nullable = {"a": {"type": "string", "nullable": True}, "l": {"type": "array", "items": STRING | {"nullable": True}}}
    assert holds(nullable, "!has(self.a)", {"a": None})
    (cause,) = problems(spec(nullable, "self.a.startsWith('x')"), {"a": None})
    assert cause.message == "Invalid value: \"object\": no such key: a evaluating rule: self.a.startsWith('x')"
    (cause,) = problems(spec(nullable, "self.l[0].startsWith('x')"), {"l": [None]})
    assert cause.message.startswith("Invalid value: \"object\": 'no such overload': call arguments did not match")
    assert holds(nullable, "dyn(self.l[0]) == null", {"l": [None]})


def test_every_value_is_visited() -> None:
    checked = INT | {"x-kubernetes-validations": [rule("self < 5", message="too large")]}
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": checked},
                    "map": {"type": "object", "additionalProperties": checked},
                    "deep": {"type": "object", "properties": {"a-b": checked}},
                },
            }
        },
    }
    found = problems(schema, {"list": [1, 9], "map": {"k": 9, "l": 1}, "deep": {"a-b": 9}})
    assert [cause.field for cause in found] == ["spec.list[1]", "spec.map[k]", "spec.deep.a-b"]


def test_null_is_not_visited() -> None:
    inner = INT | {"nullable": True, "x-kubernetes-validations": [rule("self > 0")]}
    assert (
        problems(
            {"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": inner}}}}, {"a": None}
        )
        == []
    )


def test_all_of_adds_rules() -> None:
    inner = INT | {
        "allOf": [{"x-kubernetes-validations": [rule("self > 0")]}],
        "x-kubernetes-validations": [rule("self < 9")],
    }
    schema = {"type": "object", "properties": {"spec": inner}}
    assert [cause.message for cause in problems(schema, 0)] == ["Invalid value: 0: failed rule: self > 0"]


@pytest.mark.parametrize(
    ("property_name", "text"),
    [
        ("a-b", "self.a__dash__b == 1"),
        ("a.b", "self.a__dot__b == 1"),
        ("a/b", "self.a__slash__b == 1"),
        ("a__b", "self.a__underscores__b == 1"),
        ("namespace", "self.__namespace__ == 1"),
        ("if", "has(self.__if__)"),
    ],
)
def test_names_that_are_no_identifiers(property_name: str, text: str) -> None:
    assert holds({property_name: INT}, text, {property_name: 1})


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "number"}, 1, "self.v == 1.0 && type(self.v) == double"),
        ({"type": "string", "format": "byte"}, "QUI=", "self.v == b'AB' && size(self.v) == 2"),
        ({"type": "string", "format": "duration"}, "1h", "self.v == duration('60m')"),
        ({"type": "string", "format": "duration"}, "2d", "self.v == duration('48h')"),
        ({"type": "string", "format": "date"}, "2020-01-02", "self.v.getDate() == 2"),
        ({"type": "string", "format": "date-time"}, "2020-01-02T03:04:05+01:00", "self.v.getHours() == 2"),
        ({"x-kubernetes-int-or-string": True}, "5%", "type(self.v) == string && self.v != 5"),
        ({"x-kubernetes-int-or-string": True}, 5, "type(self.v) == int ? self.v < 6 : self.v.size() > 9"),
        ({"type": "array", "items": INT}, [1, 2], "self.v == [1, 2] && self.v != [2, 1] && self.v + [3] == [1, 2, 3]"),
        (
            {"type": "array", "items": INT, "x-kubernetes-list-type": "set"},
            [1, 2],
            "self.v == [2, 1] && self.v + [2, 3] == [1, 2, 3] && 2 in self.v",
        ),
        (
            {"type": "object", "additionalProperties": INT},
            {"a": 1},
            "'a' in self.v && self.v.a == 1 && self.v.all(k, k == 'a')",
        ),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"a": 1}, "has(self.v)"),
        (
            {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}},
            "self.v.kind == 'Pod' && self.v.metadata.name == 'n'",
        ),
    ],
)
def test_values_mean_what_the_schema_says(schema: dict[str, Any], value: Any, text: str) -> None:
    assert holds({"v": schema}, text, {"v": value})


def test_lists_that_are_maps() -> None:
    items = {"type": "object", "properties": {"k": STRING, "v": INT}}
    listed = {"type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    one, two, other = {"k": "x", "v": 1}, {"k": "y", "v": 2}, {"k": "x", "v": 9}
    lists = {"v": {"type": "array", "items": listed}}
    value = {"v": [[one, two], [two, one], [other], [other, two]]}
    assert holds(lists, "self.v[0] == self.v[1] && self.v[0] != self.v[3]", value)
    assert holds(lists, "self.v[0] + self.v[2] == self.v[3] && size(self.v[2] + self.v[0]) == 2", value)
    assert holds(lists, "self.v[0] == [self.v[0][1], self.v[0][0]]", value)
    assert holds(lists, "self.v[0].all(i, i in self.v[1]) && !(self.v[2][0] in self.v[0])", value)


def test_transition_rules_need_an_old_value() -> None:
    schema = spec({"a": INT | {"x-kubernetes-validations": [rule("self >= oldSelf")]}})
    assert problems(schema, {"a": 1}) == []
    assert problems(schema, {"a": 1}, {}) == []
    assert problems(schema, {"a": 2}, {"a": 1}) == []
    assert [cause.field for cause in problems(schema, {"a": 1}, {"a": 2})] == ["spec.a"]


def test_optional_old_values() -> None:
    text = rule("!oldSelf.hasValue() ? self == 1 : oldSelf.value() < self", optionalOldSelf=True)
    schema = spec({"a": INT | {"x-kubernetes-validations": [text]}})
    assert problems(schema, {"a": 1}) == []
    assert len(problems(schema, {"a": 2})) == 1
    assert problems(schema, {"a": 3}, {"a": 2}) == []
    assert len(problems(schema, {"a": 2}, {"a": 2})) == 1


def test_old_items_are_found_by_their_keys() -> None:
    items = {
        "type": "object",
        "properties": {"k": STRING, "v": INT},
        "x-kubernetes-validations": [rule("self.v == oldSelf.v")],
    }
    listed = {"type": "array", "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    old = {"list": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]}
    moved = {"list": [{"k": "b", "v": 2}, {"k": "new", "v": 9}, {"k": "a", "v": 1}]}
    assert problems(spec({"list": listed}), moved, old) == []
    changed = {"list": [{"k": "b", "v": 3}]}
    assert [cause.field for cause in problems(spec({"list": listed}), changed, old)] == ["spec.list[0]"]


def test_what_was_wrong_before_is_forgiven() -> None:
    inner = {"type": "object", "properties": {"a": INT}, "x-kubernetes-validations": [rule("self.a > 0")]}
    schema = spec({"one": inner, "other": INT})
    assert problems(schema, {"one": {"a": 0}, "other": 2}, {"one": {"a": 0}, "other": 1}) == []
    assert len(problems(schema, {"one": {"a": -1}, "other": 1}, {"one": {"a": 0}, "other": 1})) == 1
    assert len(problems(schema, {"one": {"a": 0}}, {"one": {"a": 1}})) == 1
    found = rules.compile(structural.parse(schema))
    warnings: list[Cause] = []
    assert found is not None
    found.problems({"spec": {"one": {"a": 0}}}, {"spec": {"one": {"a": 0}}}, warnings=warnings)
    assert [warning.field for warning in warnings] == ["spec.one"]


def test_items_of_lists_without_keys_are_forgiven_with_their_list() -> None:
    schema = spec(
        {"list": {"type": "array", "items": INT | {"x-kubernetes-validations": [rule("self > 0")]}}, "b": INT}
    )
    assert problems(schema, {"list": [0], "b": 2}, {"list": [0], "b": 1}) == []
    assert [cause.field for cause in problems(schema, {"list": [0, 1]}, {"list": [0]})] == ["spec.list[0]"]


@pytest.mark.slow
def test_one_rule_may_not_cost_too_much() -> None:
    text = "self.list.all(a, self.list.all(b, self.list.all(c, a + b + c >= 0)))"
    schema = spec({"list": {"type": "array", "items": INT}}, text, "false")
    (cause,) = problems(schema, {"list": list(range(100))})
    assert cause.message == (
        "Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation rules "
        f"will be run due to call cost exceeds limit for rule: {text}"
    )


def test_all_rules_together_may_not_cost_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "OBJECT_BUDGET", 100_000)
    text = "self.all(a, self.all(b, a + b >= 0))"
    many = {"type": "array", "items": {"type": "array", "items": INT, "x-kubernetes-validations": [rule(text)]}}
    found = problems(spec({"list": many}), {"list": [list(range(50))] * 10})
    assert [cause.message for cause in found] == [
        'Invalid value: "array": validation failed due to running out of cost budget, no further validation rules '
        "will be run"
    ]


def test_a_rule_that_does_not_compile_says_so() -> None:
    (cause,) = problems(spec({"a": INT}, "self.b"), {"a": 1})
    assert cause.message.startswith(
        'Invalid value: "object": rule compile error: compilation failed: ERROR: <input>:1:5: undefined'
    )


def test_a_prefix_leads_to_the_object() -> None:
    found = rules.compile(structural.parse(spec({"a": INT}, "false")))
    assert found is not None
    assert [cause.field for cause in found.problems({"spec": {}}, None, "items[0]")] == ["items[0].spec"]
