"""Schemas nobody would write: whatever they are, they are refused or they work."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.custom import publishing, structurality
from bascule.control.kinds import custom_kinds, custom_resource_definitions
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import errors
from tests.unit.control.custom import generated

CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
STRATEGY = custom_resource_definitions.STRATEGY
KEYWORDS = [
    *("type", "format", "pattern", "enum", "required", "default", "nullable", "title", "properties", "items", "not"),
    *("additionalProperties", "allOf", "anyOf", "oneOf", "minimum", "maximum", "multipleOf", "maxLength", "minItems"),
    *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-validations"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource", "$ref"),
]
ODD = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["object", "array", "string", "integer", "(", "map", "set", "date", ""])
    | st.just([{"rule": "self.a == 1"}])
    | st.just(["a"])
)
NAMES = st.sampled_from([*KEYWORDS, "a", "b", "metadata"])
JSON = st.recursive(ODD, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3))
SCHEMAS = st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=6)


def definition(schema: Any) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    obj = {
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [version],
        },
    }
    STRATEGY.default(obj)
    STRATEGY.prepare_create(obj, CONTEXT)
    return obj


def use(obj: dict[str, Any], value: Any) -> None:
    """What a served definition goes through."""
    made = custom_kinds.compile(obj).versions["v1"]
    instance = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "f"}, "spec": value, "a": value}
    try:
        made.prune(instance)
    except errors.StatusError:
        return
    made.default(instance)
    made.strategy.validate(instance)
    made.strategy.validate_update(instance, copy.deepcopy(instance))
    schema = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for version in (2, 3):
        publishing.definitions("com.example.v1.Foo", schema, ("example.com", "v1", "Foo"), version=version)


@settings(max_examples=200, deadline=None)
@given(generated.SCHEMAS, st.integers(0, 9), st.sampled_from(KEYWORDS), JSON, generated.VALUES)
def test_a_good_schema_with_one_odd_word(
    schema: dict[str, Any], place: int, keyword: str, odd: Any, value: Any
) -> None:
    schema = copy.deepcopy(schema)
    within = list(structurality.walk(schema))
    within[place % len(within)][keyword] = odd
    obj = definition({"type": "object", "properties": {"spec": schema}})
    if not STRATEGY.validate(obj):
        use(obj, value)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, JSON)
def test_any_schema_is_refused_or_works(schema: dict[str, Any], value: Any) -> None:
    obj = definition({"type": "object", "properties": {"spec": schema}})
    STRATEGY.warnings(obj)
    if not STRATEGY.validate(obj):
        use(obj, value)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_root_is_refused_or_works(schema: Any) -> None:
    obj = definition(schema)
    STRATEGY.warnings(obj)
    if not STRATEGY.validate(obj):
        use(obj, {"a": 1})
