"""Laws of pruning and defaulting, for any schema and any value."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.custom import checking, defaulting, explaining, pruning, structural, validating

NAMES = st.sampled_from(["a", "b", "c", "metadata", "kind"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "bb", "ccc"]) | st.just(1.5)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=4), max_leaves=12
)
CONSTRAINTS: dict[str, list[dict[str, Any]]] = {
    "string": [{}, {"maxLength": 2}, {"pattern": "^a"}, {"enum": ["a", "bb"]}, {"format": "date"}, {"minLength": 1}],
    "integer": [{}, {"minimum": 0}, {"maximum": 1, "exclusiveMaximum": True}, {"multipleOf": 2}],
    "number": [{}, {"minimum": -1.5}],
    "boolean": [{}],
}
DEFAULTS: dict[str, Any] = {"string": "a", "integer": 1, "number": 1.5, "boolean": True}


@st.composite
def scalar_schemas(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(CONSTRAINTS)))
    made = {"type": kind, **draw(st.sampled_from(CONSTRAINTS[kind]))}
    if draw(st.booleans()):
        made["nullable"] = True
    if draw(st.booleans()):
        made["default"] = DEFAULTS[kind]
    return made


def container_schemas(below: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, below, max_size=3)},
        optional={
            "x-kubernetes-preserve-unknown-fields": st.just(True),
            "required": st.lists(NAMES, max_size=1),
            "nullable": st.booleans(),
            "maxProperties": st.integers(0, 3),
            "anyOf": st.just([{"required": ["a"]}, {"required": ["b"]}]),
            "oneOf": st.just([{"required": ["a"]}, {"required": ["b"]}]),
            "not": st.just({"required": ["c"]}),
            "default": st.just({}),
        },
    )
    maps = st.fixed_dictionaries({"type": st.just("object"), "additionalProperties": below | st.just(True)})
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": below},
        optional={"maxItems": st.integers(0, 2), "x-kubernetes-list-type": st.just("set")},
    )
    return objects | maps | lists


SCHEMAS = st.recursive(
    scalar_schemas()
    | st.just({"x-kubernetes-int-or-string": True})
    | st.just({"x-kubernetes-preserve-unknown-fields": True}),
    container_schemas,
    max_leaves=8,
)


def leaves(value: Any, schema: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Every declared scalar of a value, with its path."""
    if isinstance(value, dict):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        found = []
        for name, member in value.items():
            below = properties.get(name) or (additional if isinstance(additional, dict) else None)
            if below is not None:
                found += leaves(member, below, f"{path}.{name}")
        return found
    if isinstance(value, list):
        items = schema.get("items")
        return [x for i, item in enumerate(value) if items for x in leaves(item, items, f"{path}[{i}]")]
    return [(path, value)]


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_pruning_is_idempotent_and_keeps_what_is_declared(schema: dict[str, Any], value: Any) -> None:
    node = structural.parse(schema)
    before = leaves(value, schema)
    pruning.prune_value(value, node)
    assert leaves(value, schema) == before
    once = copy.deepcopy(value)
    assert pruning.prune_value(value, node) == []
    assert value == once


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_defaulting_is_idempotent(schema: dict[str, Any], value: Any) -> None:
    node = structural.parse(schema)
    defaulting.defaulter(node)(value)
    once = copy.deepcopy(value)
    assert not defaulting.defaulter(node)(value)
    assert value == once


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_defaults_are_never_pruned(schema: dict[str, Any], value: Any) -> None:
    node = structural.parse(schema)
    pruning.prune_value(value, node)
    defaulting.defaulter(node)(value)
    once = copy.deepcopy(value)
    assert pruning.prune_value(value, node) == []
    assert value == once


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, VALUES)
def test_the_quick_check_and_the_explanation_agree(schema: dict[str, Any], value: Any) -> None:
    assert checking.compile(schema)(value) == (not explaining.explain(value, schema))


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, VALUES)
def test_what_is_pruned_and_defaulted_validates_the_same_when_it_is_read_again(
    schema: dict[str, Any], value: Any
) -> None:
    node = structural.parse(schema)
    pruning.prune_value(value, node)
    defaulting.defaulter(node)(value)
    validator = validating.compile(node)
    before = validator.problems(value)
    read = copy.deepcopy(value)
    pruning.prune_value(read, node)
    defaulting.defaulter(node)(read)
    assert validator.problems(read) == before
    assert value is None or validator.problems(read, value) == [], "what did not change is forgiven"
