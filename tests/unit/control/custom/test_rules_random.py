"""Schemas and objects of any shape: rules are checked and run without surprises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.custom import rules, structural

scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 2**70), st.floats(allow_nan=False), st.text(max_size=5))
garbage = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abck"), inner, max_size=3)),
    max_leaves=8,
)
texts = st.sampled_from(
    [
        "self.a == 1",
        "self == oldSelf",
        "has(self.a) && self.b.size() > 0",
        "self.all(x, x == self[0])",
        "type(self) == int",
        "self.exists(k, self[k] == 'x')",
        "true",
        "1",
        "self +",
        "oldSelf.hasValue()",
        "self.a.b.c",
        "self.k.map(x, x.a) == []",
    ]
)
rule = st.fixed_dictionaries(
    {"rule": st.one_of(texts, garbage)},
    optional=dict.fromkeys(("message", "messageExpression", "reason", "fieldPath", "optionalOldSelf"), garbage),
)
common = {
    "type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "", 5]),
    "format": st.sampled_from(["date", "date-time", "byte", "duration", "int32", 7]),
    "maxLength": garbage,
    "maxItems": garbage,
    "maxProperties": garbage,
    "enum": garbage,
    "default": garbage,
    "nullable": garbage,
    "required": garbage,
    "x-kubernetes-int-or-string": st.booleans(),
    "x-kubernetes-embedded-resource": st.booleans(),
    "x-kubernetes-preserve-unknown-fields": st.booleans(),
    "x-kubernetes-list-type": st.sampled_from(["map", "set", "atomic", 1]),
    "x-kubernetes-list-map-keys": st.lists(st.sampled_from("abk"), max_size=2),
    "x-kubernetes-validations": st.lists(rule, max_size=2),
}


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(st.sampled_from(["a", "b", "c-d", "k", "in"]), inner, max_size=3)
    more = {"properties": members, "items": inner, "additionalProperties": inner, "allOf": st.lists(inner, max_size=1)}
    return st.fixed_dictionaries({}, optional=common | more)


schemas = st.recursive(st.fixed_dictionaries({}, optional=common), nested, max_leaves=6)


@pytest.mark.slow
@given(schemas, garbage, garbage)
@settings(max_examples=60, deadline=None)
def test_any_schema_and_any_object(schema: dict[str, Any], value: Any, old: Any) -> None:
    node = structural.parse(schema)
    for cause in rules.rule_problems(node, "schema"):
        assert cause.field.startswith("schema")
    found = rules.compile(node)
    if found is not None:
        for cause in found.problems(value, old):
            assert cause.message
