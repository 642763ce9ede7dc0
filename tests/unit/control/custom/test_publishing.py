"""Custom resources in OpenAPI: whole in version 3, reduced in version 2."""

from __future__ import annotations

from typing import Any, Literal

from bascule.control.custom import publishing

GVK = ("stable.example.com", "v1", "CronTab")
NAME = "com.example.stable.v1.CronTab"


def published(schema: dict[str, Any], version: Literal[2, 3]) -> dict[str, Any]:
    made = publishing.definitions(NAME, schema, GVK, version=version, plural="crontabs")
    assert set(made) == {NAME, NAME + "List"}
    return made[NAME]


def spec_of(member: dict[str, Any], version: Literal[2, 3]) -> Any:
    return published({"type": "object", "properties": {"a": member}}, version)["properties"]["a"]


def test_names() -> None:
    assert publishing.definition_name(*GVK) == NAME


def test_the_root_is_a_resource() -> None:
    made = published({"type": "object", "description": "d", "properties": {"spec": {"type": "object"}}}, 3)
    assert set(made["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    meta = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert made["properties"]["metadata"]["allOf"] == [{"$ref": meta}]
    assert made["description"] == "d"
    assert made["x-kubernetes-group-version-kind"] == [{"group": GVK[0], "version": "v1", "kind": "CronTab"}]


def test_the_list() -> None:
    node = {"type": "object"}
    made = publishing.definitions(NAME, node, GVK, version=2, list_kind="Tabs", plural="crontabs")
    listed = made["com.example.stable.v1.Tabs"]
    assert listed["required"] == ["items"]
    assert listed["properties"]["items"]["items"] == {"$ref": f"#/definitions/{NAME}"}
    assert listed["description"] == "Tabs is a list of CronTab"


def test_version_3_keeps_everything() -> None:
    member = {
        "type": "object",
        "nullable": True,
        "minProperties": 0,
        "default": False,
        "x-kubernetes-validations": [{"rule": "true"}],
        "anyOf": [{"required": ["x"]}],
        "properties": {"x": {"type": "integer", "minimum": 0}},
    }
    assert spec_of(member, 3) == member


def test_version_2_drops_combinations_and_types_of_what_may_be_null() -> None:
    assert spec_of({"type": "string", "anyOf": [{"minLength": 1}], "not": {"enum": ["x"]}}, 2) == {"type": "string"}
    assert spec_of({"type": "object", "nullable": True, "properties": {"x": {"type": "string"}}}, 2) == {}
    assert spec_of({"type": "array", "x-kubernetes-preserve-unknown-fields": True, "items": {"type": "string"}}, 2) == {
        "x-kubernetes-preserve-unknown-fields": True
    }


def test_version_2_does_not_require_what_may_be_null() -> None:
    schema = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "nullable": True}}}
    assert published(schema, 2)["required"] == ["b"]


def test_version_2_says_nothing_of_a_root_that_keeps_everything() -> None:
    made = published({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, 2)
    assert set(made) == {"type", "x-kubernetes-group-version-kind"}


def test_int_or_string_is_unfolded() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    assert spec_of({"x-kubernetes-int-or-string": True}, 3)["anyOf"] == either
    other = [{"maxLength": 2}]
    made = spec_of({"x-kubernetes-int-or-string": True, "anyOf": other}, 3)
    assert (made["anyOf"], made["allOf"]) == (other, [{"anyOf": either}])
    assert "anyOf" not in spec_of({"x-kubernetes-int-or-string": True}, 2)


def test_embedded_resources_are_resources() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    made = spec_of(embedded, 2)
    assert made["required"] == ["kind", "apiVersion"]
    assert set(made["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    kept = spec_of({**embedded, "x-kubernetes-preserve-unknown-fields": True}, 2)
    assert "properties" not in kept
