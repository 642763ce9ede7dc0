"""What is dropped from an object, and what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from bascule.control.custom import pruning, structural
from bascule.vocabulary import errors

META = {"apiVersion": "g.example.com/v1", "kind": "K", "metadata": {"name": "n"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "list": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"known": {"type": "string"}}},
                },
                "map": {
                    "type": "object",
                    "additionalProperties": {"type": "object", "properties": {"known": {"type": "string"}}},
                },
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"strict": {"type": "object", "properties": {"known": {"type": "string"}}}},
                },
                "anything": {"type": "object", "additionalProperties": True},
                "pod": {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "properties": {"spec": {"type": "object", "properties": {"known": {"type": "string"}}}},
                },
            },
        }
    },
}


def pruned(spec: Any, schema: dict[str, Any] = SCHEMA) -> tuple[Any, list[str]]:
    obj = {**META, "metadata": {"name": "n"}, "spec": spec}
    dropped = pruning.prune(obj, structural.parse(schema))
    return obj["spec"], dropped


CASES: list[tuple[Any, Any, list[str]]] = [
    ({"text": "a", "x": 1}, {"text": "a"}, ["spec.x"]),
    ({"text": {"deep": {"er": 1}}}, {"text": {}}, ["spec.text.deep"]),
    ({"text": [{"a": 1}]}, {"text": [{}]}, ["spec.text[0].a"]),
    ({"list": [{"known": "", "x": 1}, {}]}, {"list": [{"known": ""}, {}]}, ["spec.list[0].x"]),
    ({"map": {"any": {"known": "", "x": 1}}}, {"map": {"any": {"known": ""}}}, ["spec.map.any.x"]),
    (
        {"free": {"x": {"y": [{"z": 1}]}, "strict": {"known": "", "x": 1}}},
        {"free": {"x": {"y": [{"z": 1}]}, "strict": {"known": ""}}},
        ["spec.free.strict.x"],
    ),
    ({"anything": {"a": 1, "b": {"c": 1}}}, {"anything": {"a": 1, "b": {}}}, ["spec.anything.b.c"]),
    (
        {
            "pod": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p", "x": 1},
                "spec": {"known": "", "y": 1},
                "z": 1,
            }
        },
        {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"known": ""}}},
        ["spec.pod.spec.y", "spec.pod.z", "spec.pod.metadata.x"],
    ),
]


@pytest.mark.parametrize(("spec", "kept", "dropped"), CASES)
def test_pruned(spec: Any, kept: Any, dropped: list[str]) -> None:
    assert pruned(spec) == (kept, dropped)


def test_what_every_resource_has_is_kept() -> None:
    obj = {**META, "extra": 1}
    assert pruning.prune(obj, structural.parse({"type": "object"})) == ["extra"]
    assert obj == META


def test_unknown_metadata_is_dropped() -> None:
    obj = {**META, "metadata": {"name": "n", "color": "red", "creationTimestamp": None}}
    assert pruning.prune(obj, structural.parse(SCHEMA)) == ["metadata.color"]
    assert obj["metadata"] == {"name": "n", "creationTimestamp": None}


@pytest.mark.parametrize("metadata", [{"labels": {"a": 1}}, "text", {"name": 5}])
def test_metadata_of_a_wrong_type_is_refused(metadata: Any) -> None:
    with pytest.raises(errors.StatusError) as raised:
        pruning.prune({**META, "metadata": metadata}, structural.parse(SCHEMA))
    assert raised.value.code == 400


def test_embedded_metadata_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(errors.StatusError) as raised:
        pruned({"pod": {"apiVersion": 1, "kind": "Pod"}})
    assert raised.value.message == "spec.pod.apiVersion: Invalid value: 1: must be a string"


def test_deep_unknown_content_is_dropped_without_recursion() -> None:
    deep: Any = {}
    for _ in range(20_000):
        deep = {"x": deep}
    assert pruned({"text": [deep], "y": deep})[1] == ["spec.text[0].x", "spec.y"]
