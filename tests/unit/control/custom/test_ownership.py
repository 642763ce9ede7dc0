"""Who owns what of content that a schema keeps without describing it."""

from __future__ import annotations

from typing import Any

from bascule.control.custom import structural, type_schema
from bascule.control.patch import field_tree, merging, pruning, versions
from bascule.control.schema import types

GVK = ("example.com", "v1", "Foo")
FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def spec(schema: dict[str, Any]) -> types.TypeSchema:
    node = structural.parse({"type": "object", "properties": {"spec": schema}})
    return type_schema.of(node, GVK).fields["spec"]


def test_objects_are_owned_member_by_member_lists_whole() -> None:
    value = {"a": {"b": 1, "c": [1, {"d": 2}]}, "e": []}
    expected = {".": {}, "f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:e": {}}
    assert field_tree.complete(value, spec(FREE)) == expected
    assert field_tree.applied(value, spec(FREE)) == {
        "f:a": {".": {}, "f:b": {}, "f:c": {}},
        "f:e": {},
    }


def test_what_changed_is_found_within() -> None:
    old = {"a": {"b": 1, "c": [1]}, "x": {"y": 1}}
    new = {"a": {"b": 2, "c": [1, 2]}}
    changed, removed = field_tree.compare(old, new, spec(FREE))
    assert changed == {"f:a": {"f:b": {}, "f:c": {}}}
    assert removed == {"f:x": {}}


def test_merging_keeps_what_others_said() -> None:
    live = {"a": {"mine": 1, "list": [1]}}
    assert merging.merge(live, {"a": {"theirs": 2, "list": [2]}}, spec(FREE)) == {
        "a": {"mine": 1, "theirs": 2, "list": [2]}
    }


def test_what_nobody_owns_any_longer_goes() -> None:
    value = {"a": {"b": 1, "c": [1]}}
    dropped = {"f:a": {".": {}, "f:b": {}, "f:c": {}}}
    only = versions.own(spec(FREE))
    kept = {"f:a": {".": {}, "f:b": {}}}
    assert pruning.prune(value, dropped, only, [(only, kept)]) == {"a": {"b": 1}}


def test_undeclared_members_beside_declared_ones() -> None:
    schema = spec({**FREE, "properties": {"known": {"type": "object", "x-kubernetes-map-type": "atomic"}}})
    tree = field_tree.complete({"known": {"a": 1}, "other": {"a": 1}}, schema)
    assert tree == {".": {}, "f:known": {}, "f:other": {".": {}, "f:a": {}}}


def test_keyed_lists_are_owned_item_by_item() -> None:
    keyed = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {
            "type": "object",
            "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}},
        },
    }
    schema = spec({"type": "object", "properties": {"ports": keyed}})
    tree = field_tree.complete({"ports": [{"port": 80}]}, schema)
    assert tree == {".": {}, "f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}
