"""Which rules may be written in a schema."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import rules, structural
from bascule.vocabulary.errors import Cause

STRING = {"type": "string"}
ADVICE = (
    " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are "
    "declared)"
)
AT = "schema.properties[spec].x-kubernetes-validations[0]"


def written(schema: dict[str, Any], *more: dict[str, Any] | str) -> list[Cause]:
    found = [{"rule": text} if isinstance(text, str) else text for text in more]
    whole = {"type": "object", "properties": {"spec": {**schema, "x-kubernetes-validations": found}}}
    return list(rules.rule_problems(structural.parse(whole), "schema"))


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def test_sound_rules() -> None:
    assert (
        written(STRING, "self.size() > 1", {"rule": "self == oldSelf", "message": "m", "reason": "FieldValueInvalid"})
        == []
    )


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        ({"rule": " "}, Cause("FieldValueRequired", f"{AT}.rule", "Required value: rule is not specified")),
        (
            {"rule": "true", "message": " "},
            Cause("FieldValueInvalid", f"{AT}.message", 'Invalid value: " ": message must be non-empty if specified'),
        ),
        (
            {"rule": "true", "message": "a\nb"},
            Cause("FieldValueInvalid", f"{AT}.message", 'Invalid value: "a\\nb": message must not contain line breaks'),
        ),
        (
            {"rule": "true &&\ntrue"},
            Cause(
                "FieldValueRequired",
                f"{AT}.message",
                "Required value: message must be specified if rule contains line breaks",
            ),
        ),
        (
            {"rule": "true", "messageExpression": " "},
            Cause(
                "FieldValueRequired",
                f"{AT}.messageExpression",
                "Required value: messageExpression must be non-empty if specified",
            ),
        ),
        (
            {"rule": "true", "reason": "Other"},
            Cause(
                "FieldValueNotSupported",
                f"{AT}.reason",
                'Unsupported value: "Other": supported values: "FieldValueDuplicate", "FieldValueForbidden", '
                '"FieldValueInvalid", "FieldValueRequired"',
            ),
        ),
        (
            {"rule": "true", "fieldPath": ".nothing"},
            Cause("FieldValueInvalid", f"{AT}.fieldPath", 'Invalid value: ".nothing": fieldPath must be a valid path'),
        ),
        (
            {"rule": "true", "optionalOldSelf": True},
            Cause(
                "FieldValueInvalid",
                f"{AT}.optionalOldSelf",
                "Invalid value: true: may not be set if oldSelf is not used in rule",
            ),
        ),
    ],
)
def test_form(rule: dict[str, Any], cause: Cause) -> None:
    assert written({"type": "object", "properties": {"a": STRING}}, rule) == [cause]


@pytest.mark.parametrize(
    ("rule", "field", "message"),
    [
        (
            {"rule": "self.b == 1"},
            "rule",
            "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == 1\n | ....^",
        ),
        (
            {"rule": "self.a.find(')') == ''"},
            "rule",
            "program instantiation failed: error parsing regexp: unexpected ): `)`",
        ),
        ({"rule": "1 + 1"}, "rule", "cel expression must evaluate to a bool"),
        (
            {"rule": "true", "messageExpression": "x"},
            "messageExpression",
            "messageExpression compilation failed: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n"
            " | x\n | ^",
        ),
        (
            {"rule": "true", "messageExpression": "1"},
            "messageExpression",
            "messageExpression must evaluate to a string",
        ),
    ],
)
def test_what_does_not_compile(rule: dict[str, Any], field: str, message: str) -> None:
    (cause,) = written({"type": "object", "properties": {"a": STRING}}, rule)
    assert (cause.type, cause.field) == ("FieldValueInvalid", f"{AT}.{field}")
    assert cause.message.startswith('Invalid value: {"Rule":')
    assert cause.message.endswith(f"}}: {message}")


def test_old_values_of_list_items_are_not_known() -> None:
    at_item = {**STRING, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    found = written(listed(at_item, maxItems=5), "true")
    assert found == [
        Cause(
            "FieldValueInvalid",
            "schema.properties[spec].items.x-kubernetes-validations[0].rule",
            'Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema '
            "within schema.properties[spec]",
        )
    ]
    keyed = {"type": "object", "properties": {"k": STRING, "v": STRING | {"maxLength": 5}}, "required": ["k"]}
    keyed["x-kubernetes-validations"] = [{"rule": "self.v == oldSelf.v"}]
    as_map = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    assert written(listed(keyed, maxItems=5, **as_map), "true") == []


def test_too_expensive() -> None:
    found = written(listed(STRING), "self.all(x, x.contains('gpu'))")
    assert found == [
        Cause(
            "FieldValueForbidden",
            f"{AT}.rule",
            f"Forbidden: estimated rule cost exceeds budget by factor of more than 100x{ADVICE}",
        ),
        Cause(
            "FieldValueForbidden",
            f"{AT}.rule",
            "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema",
        ),
        Cause(
            "FieldValueForbidden",
            "schema",
            "Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget "
            f"by factor of more than 100x{ADVICE}",
        ),
    ]


@pytest.mark.parametrize(("length", "items"), [(16, 909_090), (63, 333_333), (253, 94_339), (1024, 24_154)])
def test_the_largest_lists_that_upstream_accepts(length: int, items: int) -> None:
    text = STRING | {"maxLength": length}
    assert written(listed(text, maxItems=items), "self.all(x, x.contains('gpu'))") == []
    (cause,) = written(listed(text, maxItems=items + 1), "self.all(x, x.contains('gpu'))")
    assert cause.message.startswith("Forbidden: estimated rule cost exceeds budget by factor of 1.0000")


def test_a_rule_below_a_list_runs_for_each_item() -> None:
    item = STRING | {"maxLength": 4000, "x-kubernetes-validations": [{"rule": "self.contains('gpu')"}]}
    assert written(listed(item, maxItems=10), "true") == []
    (first, *_) = written(listed(item, maxItems=100_000), "true")
    assert first.field == "schema.properties[spec].items.x-kubernetes-validations[0].rule"
    assert first.message.startswith("Forbidden: estimated rule cost exceeds budget by factor of 16.0x")


def test_no_rules_where_nothing_is_declared() -> None:
    (cause,) = written({"x-kubernetes-preserve-unknown-fields": True}, "true")
    assert cause.type == "InternalError"


def test_defaults_must_keep_the_rules() -> None:
    number = {"type": "integer", "default": 3}
    spec = {"type": "object", "properties": {"min": number, "max": number}, "default": {}}
    whole = {"rule": "self.min <= self.max"}
    (cause,) = written(spec, whole)
    assert cause.field == "schema.properties[spec].default"
    assert cause.message == 'Invalid value: "object": no such key: min evaluating rule: self.min <= self.max'
    assert written({**spec, "default": {"min": 1, "max": 2}}, whole) == []
    (cause,) = written({"type": "integer", "default": 0}, "self > 0")
    assert cause.message == "Invalid value: 0: failed rule: self > 0"
