"""Schemas of one digest store alike; those that prune or fill in otherwise have another."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from bascule.control.custom import defaulting, pruning, storing, structural
from tests.unit.control.custom import generated

SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "default": "x", "description": "words"},
        "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": "integer"}}}},
        "m": {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
    },
}


def _digest(schema: dict[str, Any]) -> bytes:
    return storing.digest(structural.parse({"type": "object", "properties": {"spec": schema}}))


def _changed(**changes: Any) -> dict[str, Any]:
    """`a__b=value`: below spec's property a, its b."""
    changed = copy.deepcopy(SPEC)
    for path, value in changes.items():
        *way, last = path.split("__")
        below = changed["properties"]
        for step in way:
            below = below[step]
        below[last] = value
    return changed


@pytest.mark.parametrize(
    "same",
    [
        {"a__description": "other words"},
        {"a__maxLength": 5},
        {"a__enum": ["x", "y"]},
        {"b__x-kubernetes-validations": [{"rule": "size(self) < 5"}]},
        {"b__items__properties__c__minimum": 1},
    ],
)
def test_what_only_describes_or_demands_changes_nothing(same: dict[str, Any]) -> None:
    assert _digest(_changed(**same)) == _digest(SPEC)


@pytest.mark.parametrize(
    "other",
    [
        {"a__default": "y"},
        {"d": {"type": "string"}},
        {"b__items__properties__d": {"type": "string"}},
        {"b__items__x-kubernetes-preserve-unknown-fields": True},
        {"m__additionalProperties__nullable": False},
        {"b__items__x-kubernetes-embedded-resource": True},
    ],
)
def test_what_prunes_or_fills_in_otherwise_is_another(other: dict[str, Any]) -> None:
    assert _digest(_changed(**other)) != _digest(SPEC)


def _stored(schema: dict[str, Any], value: Any) -> Any:
    node = structural.parse({"type": "object", "properties": {"spec": schema}})
    obj = {"apiVersion": "a/v1", "kind": "A", "metadata": {}, "spec": copy.deepcopy(value)}
    pruning.prune(obj, node)
    defaulting.default(obj, node)
    return obj


@settings(max_examples=100, deadline=None)
@given(generated.SCHEMAS, generated.SCHEMAS, generated.VALUES)
def test_schemas_of_one_digest_store_alike(one: dict[str, Any], other: dict[str, Any], value: Any) -> None:
    plainer = {key: member for key, member in one.items() if key not in ("description", "enum", "maxLength", "pattern")}
    for compared in (plainer, other):
        if _digest(one) == _digest(compared):
            assert _stored(one, value) == _stored(compared, value)
