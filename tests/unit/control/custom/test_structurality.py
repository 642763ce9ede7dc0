"""Which schemas are structural, which are allowed, and what upstream says of others."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import default_rules, keywords, schema_rules, structural, structurality

STRING = {"type": "string"}
OBJECT = {"type": "object"}


def with_spec(**spec: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": spec}}


def texts(causes: Any) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


SPEC = "x.properties[spec]"
NOT_STRUCTURAL: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["x.type: Required value: must not be empty at the root"]),
    ({"type": "array", "items": STRING}, ['x.type: Invalid value: "array": must be object at the root']),
    (with_spec(), [f"{SPEC}.type: Required value: must not be empty for specified object fields"]),
    (with_spec(type="array"), [f"{SPEC}.items: Required value: must be specified"]),
    (
        with_spec(type="array", items={}),
        [f"{SPEC}.items.type: Required value: must not be empty for specified array items"],
    ),
    (
        {"type": "object", "additionalProperties": STRING},
        ["x.additionalProperties: Forbidden: must not be used at the root"],
    ),
    (
        {"type": "object", "anyOf": [{"properties": {"a": {"properties": {"b": {}}}}}], "properties": {"a": OBJECT}},
        [
            "x.properties[a].properties[b]: Required value: because it is defined in "
            "x.anyOf[0].properties[a].properties[b]"
        ],
    ),
    (
        with_spec(type="array", items=STRING, **{"not": {"items": {"type": "string", "title": "t"}}}),
        [
            f"{SPEC}.not.items.title: Forbidden: must be empty to be structural",
            f"{SPEC}.not.items.type: Forbidden: must be empty to be structural",
        ],
    ),
    (
        with_spec(type="string", allOf=[{"default": "a", "nullable": True, "x-kubernetes-int-or-string": True}]),
        [
            f"{SPEC}.allOf[0].default: Forbidden: must be undefined to be structural",
            f"{SPEC}.allOf[0].nullable: Forbidden: must be false to be structural",
            f"{SPEC}.allOf[0].x-kubernetes-int-or-string: Forbidden: must be false to be structural",
        ],
    ),
    (
        with_spec(type="object", properties={"metadata": STRING}, oneOf=[{"properties": {"metadata": {}}}]),
        [f"{SPEC}.oneOf[0].properties[metadata]: Forbidden: must not be specified in a nested context"],
    ),
    (
        with_spec(**{"x-kubernetes-int-or-string": True, "x-kubernetes-preserve-unknown-fields": True}),
        [
            f"{SPEC}.x-kubernetes-preserve-unknown-fields: Invalid value: true: "
            "must be false if x-kubernetes-int-or-string is true"
        ],
    ),
    (
        with_spec(type="string", **{"x-kubernetes-embedded-resource": True}),
        [
            f"{SPEC}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields",
            f'{SPEC}.type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true',
        ],
    ),
    (
        {
            "type": "object",
            "properties": {"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
        },
        [
            "x.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but "
            "metadata is implicitly specified"
        ],
    ),
    (
        {"type": "object", "properties": {"kind": {"type": "integer"}}},
        ['x.properties[kind].type: Invalid value: "integer": must be string'],
    ),
    (
        with_spec(type="string", pattern="(a"),
        [
            f'{SPEC}.pattern: Invalid value: "(a": must be a valid regular expression, but isn\'t: '
            "error parsing regexp: missing closing ): `(a`"
        ],
    ),
]


@pytest.mark.parametrize(("schema", "expected"), NOT_STRUCTURAL)
def test_not_structural(schema: dict[str, Any], expected: list[str]) -> None:
    assert texts(structurality.problems(schema, "x")) == expected


STRUCTURAL: list[dict[str, Any]] = [
    {"type": "object"},
    {"x-kubernetes-preserve-unknown-fields": True},
    {"type": "object", "properties": {"metadata": {"type": "object"}}},
    {"type": "object", "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string"}}}}},
    with_spec(**{"x-kubernetes-int-or-string": True}),
    with_spec(**{"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
    with_spec(
        **{
            "x-kubernetes-int-or-string": True,
            "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"maxLength": 3}],
        }
    ),
    with_spec(
        type="object", properties={"a": STRING}, oneOf=[{"required": ["a"]}, {"properties": {"a": {"enum": ["x"]}}}]
    ),
    with_spec(type="object", **{"x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}),
]


@pytest.mark.parametrize("schema", STRUCTURAL)
def test_structural(schema: dict[str, Any]) -> None:
    assert structurality.problems(schema, "x") == []
    assert structurality.unsupported(schema) == ""


def keyed(**items: Any) -> dict[str, Any]:
    return with_spec(
        type="array",
        items={"type": "object", "properties": {"k": STRING}, **items},
        **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
    )


FORBIDDEN: list[tuple[dict[str, Any], list[str]]] = [
    (
        with_spec(type="text"),
        [
            f'{SPEC}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", '
            '"object", "string"'
        ],
    ),
    ({**with_spec(type="string"), "$ref": "#/x"}, ["x.$ref: Forbidden: $ref is not supported"]),
    ({"type": "object", "definitions": {"a": {}}}, ["x.definitions: Forbidden: definitions is not supported"]),
    (
        with_spec(type="array", uniqueItems=True, items=STRING),
        [
            f"{SPEC}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes "
            "quadratic"
        ],
    ),
    (
        with_spec(type="object", properties={"a": STRING}, additionalProperties=STRING),
        [f"{SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"],
    ),
    (
        {"type": "object", "properties": {"metadata": {"type": "object", "default": {}}}},
        ["x.properties[metadata].default: Forbidden: must not be set in top-level metadata"],
    ),
    (
        with_spec(type="object", **{"x-kubernetes-preserve-unknown-fields": False}),
        [f"{SPEC}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"],
    ),
    (
        with_spec(type="object", **{"x-kubernetes-list-type": "set"}),
        [f'{SPEC}.type: Invalid value: "object": must be array if x-kubernetes-list-type is specified'],
    ),
    (
        with_spec(type="array", items=STRING, **{"x-kubernetes-list-type": "bag"}),
        [f'{SPEC}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"'],
    ),
    (
        with_spec(type="object", **{"x-kubernetes-map-type": "odd"}),
        [f'{SPEC}.x-kubernetes-map-type: Unsupported value: "odd": supported values: "atomic", "granular"'],
    ),
    (
        with_spec(type="array", items={"type": "object"}, **{"x-kubernetes-list-type": "set"}),
        [
            f"{SPEC}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with "
            "x-kubernetes-list-type=set"
        ],
    ),
    (
        with_spec(type="array", items=STRING, **{"x-kubernetes-list-type": "map"}),
        [
            f"{SPEC}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map",
            f'{SPEC}.items.type: Invalid value: "string": must be object if '
            "parent array's x-kubernetes-list-type is map",
        ],
    ),
    (
        keyed(),
        [
            f"{SPEC}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so "
            "it must have a default or be a required property"
        ],
    ),
    (
        keyed(required=["k"], nullable=True),
        [f"{SPEC}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map"],
    ),
    (
        keyed(required=["k"], properties={"k": {"type": "object"}}),
        [
            f'{SPEC}.items.properties[k].type: Invalid value: "object": must be a scalar type if parent array\'s '
            "x-kubernetes-list-type is map"
        ],
    ),
    (
        keyed(required=["k"], properties={"j": STRING}),
        [f'{SPEC}.x-kubernetes-list-map-keys: Invalid value: ["k"]: entries must all be names of item properties'],
    ),
]


@pytest.mark.parametrize(("schema", "expected"), FORBIDDEN)
def test_forbidden(schema: dict[str, Any], expected: list[str]) -> None:
    assert texts(schema_rules.problems(schema, "x", schema_rules.Options())) == expected


def test_an_update_demands_what_the_old_schema_kept_to() -> None:
    kept = schema_rules.kept(keyed())
    assert (kept.sound_keys, kept.atomic_sets, kept.valid_types) == (False, True, True)
    assert schema_rules.problems(keyed(), "x", kept) == []


DEFAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "integer", "default": 5}, []),
    (
        {"type": "integer", "default": "a"},
        [f'{SPEC}.default: Invalid value: "string":  in body must be of type integer: "string"'],
    ),
    (
        {"type": "object", "properties": {"a": STRING}, "default": {"b": 1}},
        [f'{SPEC}.default: Invalid value: {{"b":1}}: must not have unknown fields'],
    ),
    (
        {"type": "object", "properties": {"a": {"type": "string", "maxLength": 1}}, "default": {"a": "long"}},
        [f"{SPEC}.default.a: Too long: may not be more than 1 bytes"],
    ),
    (
        {"type": "object", "properties": {"a": {"type": "string", "default": ""}}, "required": ["a"], "default": {}},
        [f"{SPEC}.default.a: Required value"],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), DEFAULTS)
def test_defaults(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(default_rules.problems(structural.parse(with_spec(**spec)), "x")) == expected


MALFORMED: list[tuple[dict[str, Any], str]] = [
    (with_spec(type=5), f"{SPEC}.type: Invalid value: must be of type string"),
    (
        with_spec(type="array", items={"type": "string", "maxLength": "1"}),
        f"{SPEC}.items.maxLength: Invalid value: must be of type integer",
    ),
    (
        with_spec(type="object", additionalProperties={"properties": []}),
        f"{SPEC}.additionalProperties.properties: Invalid value: must be of type object",
    ),
    (with_spec(type="object", required=[1]), f"{SPEC}.required: Invalid value: must be a list of strings"),
    (with_spec(anyOf=["x"]), f"{SPEC}.anyOf: Invalid value: must only have objects in it"),
    (with_spec(type="array", items=[5]), f"{SPEC}.items: Invalid value: must only have objects in it"),
    (
        with_spec(allOf=[{"additionalProperties": "yes"}]),
        f"{SPEC}.allOf[0].additionalProperties: Invalid value: must be of type object or boolean",
    ),
]


@pytest.mark.parametrize(("schema", "expected"), MALFORMED)
def test_malformed(schema: dict[str, Any], expected: str) -> None:
    problem = keywords.malformed(schema, "x")
    assert problem is not None
    assert texts([problem]) == [expected]


def test_schemas_may_not_nest_without_end() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    problem = keywords.malformed({"type": "object", "properties": {"a": schema}}, "x")
    assert problem is not None
    assert problem.message == "Forbidden: schemas may nest at most 100 levels deep"


def test_the_deepest_schema_allowed_works() -> None:
    schema: dict[str, Any] = {"type": "string", "maxLength": 1, "default": "a"}
    value: Any = "a"
    for _ in range(structurality.DEPTH_MAX - 2):
        schema = {"type": "object", "properties": {"a": schema}, "anyOf": [{"required": ["a"]}]}
        value = {"a": value}
    whole = {"type": "object", "properties": {"spec": schema}}
    assert keywords.malformed(whole, "x") is None
    assert structurality.problems(whole, "x") == []
    assert schema_rules.problems(whole, "x", schema_rules.Options()) == []
    node = structural.parse(whole)
    assert texts(default_rules.problems(node, "x")) == []
