"""What is filled in, and what null means."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import defaulting, structural


def schema(**properties: Any) -> structural.Node:
    return structural.parse({"type": "object", "properties": properties})


A = {"type": "string", "default": "a"}
CASES: list[tuple[dict[str, Any], Any, Any]] = [
    ({"a": A}, {}, {"a": "a"}),
    ({"a": A}, {"a": "b"}, {"a": "b"}),
    ({"a": A}, {"a": None}, {"a": "a"}),
    ({"a": {**A, "nullable": True}}, {"a": None}, {"a": None}),
    ({"a": {"type": "string"}}, {"a": None}, {}),
    ({"a": {"type": "string", "nullable": True}}, {"a": None}, {"a": None}),
    ({"o": {"type": "object", "properties": {"a": A}}}, {}, {}),
    ({"o": {"type": "object", "properties": {"a": A}}}, {"o": {}}, {"o": {"a": "a"}}),
    ({"o": {"type": "object", "default": {}, "properties": {"a": A}}}, {}, {"o": {"a": "a"}}),
    (
        {"l": {"type": "array", "items": {"type": "object", "properties": {"a": A}}}},
        {"l": [{}, {"a": "b"}]},
        {"l": [{"a": "a"}, {"a": "b"}]},
    ),
    ({"l": {"type": "array", "items": A}}, {"l": [None, "b"]}, {"l": ["a", "b"]}),
    ({"l": {"type": "array", "items": {"type": "string"}}}, {"l": [None]}, {"l": [None]}),
    (
        {"m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": A}}}},
        {"m": {"k": {}}},
        {"m": {"k": {"a": "a"}}},
    ),
    ({"m": {"type": "object", "additionalProperties": A}}, {"m": {"k": None}}, {"m": {"k": "a"}}),
    ({"n": {"type": "integer", "default": 0}}, {}, {"n": 0}),
    ({"b": {"type": "boolean", "default": False}}, {}, {"b": False}),
]


@pytest.mark.parametrize(("properties", "given", "expected"), CASES)
def test_defaulted(properties: dict[str, Any], given: Any, expected: Any) -> None:
    before = repr(given)
    changed = defaulting.default(given, schema(**properties))
    assert given == expected
    assert changed == (before != repr(expected))


def test_defaults_are_not_shared() -> None:
    node = schema(o={"type": "object", "default": {"list": []}, "x-kubernetes-preserve-unknown-fields": True})
    one: dict[str, Any] = {}
    defaulting.default(one, node)
    one["o"]["list"].append(1)
    other: dict[str, Any] = {}
    defaulting.default(other, node)
    assert other == {"o": {"list": []}}
