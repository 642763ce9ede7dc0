"""Laws of pruning and defaulting, for any schema and any value."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings

from bascule.control.custom import checking, defaulting, explaining, pruning, structural, validating
from tests.unit.control.custom.generated import SCHEMAS, VALUES


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
