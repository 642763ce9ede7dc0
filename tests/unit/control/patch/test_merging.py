"""The order of merged lists, items that share a key, nulls, and what pruning leaves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_tree, merging, pruning
from bascule.control.schema import catalog, types

SET = types.TypeSchema("list")
SET.direct({"x-kubernetes-list-type": "set"})
SET.items = types.TypeSchema("string")


def pod_spec() -> types.TypeSchema:
    found = catalog.load().by_definition("io.k8s.api.core.v1.PodSpec")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("live", "applied", "merged"),
    [
        ("abc", "de", "abcde"),
        ("abc", "abd", "abcd"),
        ("abc", "bad", "bcad"),
        ("abcd", "dba", "cdba"),
        ("abcde", "edba", "cedba"),
        ("abcde", "adbe", "acdbe"),
        ("abc", "axyzb", "axyzbc"),
        ("ab", "ab", "ab"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
        ("abx", "ba", "bxa"),
        ("xab", "nab", "xnab"),
    ],
)
def test_lists_merge_in_the_applied_order(live: str, applied: str, merged: str) -> None:
    assert "".join(merging.merge(list(live), list(applied), SET)) == merged


@given(
    live=st.lists(st.sampled_from("abcdefg"), unique=True, max_size=7),
    applied=st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=7),
)
def test_merged_lists_keep_both_orders_and_every_item(live: list[str], applied: list[str]) -> None:
    merged = merging.merge(live, applied, SET)
    assert sorted(merged) == sorted(set(live) | set(applied))
    assert [item for item in merged if item in applied] == applied
    rest = [item for item in live if item not in applied]
    assert [item for item in merged if item in rest] == rest
    assert merging.merge(merged, applied, SET) == merged


def test_an_applied_item_replaces_all_live_ones_of_its_key() -> None:
    live = {"containers": [{"name": "a", "image": "1"}, {"name": "a", "image": "2"}, {"name": "b", "image": "3"}]}
    merged = merging.merge(live, {"containers": [{"name": "a", "image": "4"}]}, pod_spec())
    assert merged["containers"] == [{"name": "a", "image": "4"}, {"name": "b", "image": "3"}]
    assert merging.merge(live, {"containers": [{"name": "b", "image": "4"}]}, pod_spec())["containers"] == [
        *live["containers"][:2],
        {"name": "b", "image": "4"},
    ]


def test_items_of_one_key_are_owned_whole() -> None:
    once: dict[str, Any] = {"containers": [{"name": "a", "image": "1"}]}
    twice: dict[str, Any] = {"containers": [{"name": "a", "image": "1"}, {"name": "a", "image": "2"}]}
    key = 'k:{"name":"a"}'
    assert field_tree.complete(twice, pod_spec())["f:containers"] == {".": {}, key: {}}
    changed, removed = field_tree.compare(once, twice, pod_spec())
    assert changed == {"f:containers": {key: {}}}
    assert removed == {"f:containers": {key: {"f:name": {}, "f:image": {}}}}
    changed, removed = field_tree.compare(twice, once, pod_spec())
    assert (changed, removed) == ({"f:containers": {key: {}}}, {})
    assert field_tree.compare(twice, twice, pod_spec()) == ({}, {})


def test_a_null_takes_a_value_away_and_leaves_containers() -> None:
    live = {"hostname": "h", "nodeSelector": {"a": "b"}, "containers": [{"name": "a"}], "volumes": [{"name": "v"}]}
    stated = {"hostname": None, "nodeSelector": None, "containers": None, "volumes": [], "dnsConfig": {}}
    merged = merging.merge(live, stated, pod_spec())
    assert merged == {
        "containers": [{"name": "a"}],
        "volumes": [{"name": "v"}],
        "dnsConfig": {},
    }
    assert field_tree.applied(stated, pod_spec()) == {
        "f:hostname": {},
        "f:nodeSelector": {},
        "f:containers": {},
        "f:dnsConfig": {},
    }


@pytest.mark.parametrize(
    ("value", "gone", "left"),
    [
        ({"hostname": "h"}, {"f:hostname": {}}, None),
        ({"hostname": "h", "nodeName": "n"}, {"f:hostname": {}}, {"nodeName": "n"}),
        ({"securityContext": {"runAsUser": 1}, "nodeName": "n"}, {"f:securityContext": {"f:runAsUser": {}}},
         {"nodeName": "n"}),
        ({"securityContext": {"seLinuxOptions": {"level": "1"}}},
         {"f:securityContext": {"f:seLinuxOptions": {"f:level": {}}}}, None),
        ({"volumes": [{"name": "v"}, {"name": "w"}]}, {"f:volumes": {'k:{"name":"v"}': {".": {}, "f:name": {}}}},
         {"volumes": [{"name": "w"}]}),
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, {"f:volumes": {'k:{"name":"v"}': {"f:emptyDir": {}}}},
         {"volumes": [{"name": "v"}]}),
        ({"volumes": [{"name": "v"}]}, {"f:volumes": {'k:{"name":"v"}': {}}}, None),
        ({"tolerations": [{"key": "a"}]}, {"f:tolerations": {'k:{"key":"a"}': {}}}, {"tolerations": [{"key": "a"}]}),
    ],
)  # fmt: skip
def test_what_is_taken_out_leaves_what_was_beside_it(value: Any, gone: Any, left: Any) -> None:
    assert pruning.without(value, gone, pod_spec()) == left
