"""Schemas and values for laws that hold for any."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

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
