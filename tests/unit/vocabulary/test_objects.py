"""Looking into objects: what is absent or null reads as empty, and nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.vocabulary import objects

json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
)

EMPTY: list[dict[str, Any]] = [
    {},
    {"metadata": None},
    {"metadata": {}},
    {"metadata": {"name": None, "labels": None, "annotations": None, "finalizers": None, "ownerReferences": None}},
]


@pytest.mark.parametrize("obj", EMPTY)
def test_absent_and_null_read_as_empty(obj: dict[str, Any]) -> None:
    assert (objects.name(obj), objects.namespace(obj), objects.uid(obj)) == ("", "", "")
    assert (objects.labels(obj), objects.annotations(obj)) == ({}, {})
    assert (objects.finalizers(obj), objects.owner_references(obj), objects.controller_of(obj)) == ([], [], None)
    assert (objects.resource_version(obj), objects.generation(obj), objects.deletion_timestamp(obj)) == (0, 0, None)
    assert objects.key(obj) == objects.Key("root", "", "")


def test_key_and_cluster() -> None:
    obj = {"metadata": {"name": "n", "namespace": "ns", "annotations": {objects.CLUSTER_ANNOTATION: "team"}}}
    assert objects.key(obj) == objects.Key("team", "ns", "n")
    assert objects.key(obj).text() == "team/ns/n"
    assert objects.Key.parse("team//n") == objects.Key("team", "", "n")


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/c/d"])
def test_a_key_has_three_parts(text: str) -> None:
    with pytest.raises(ValueError):
        objects.Key.parse(text)


@pytest.mark.parametrize(("text", "version"), [("12", 12), ("", 0), (None, 0), ("x1", 0), ("-1", 0), ("²", 0)])
def test_resource_version(text: str | None, version: int) -> None:
    assert objects.resource_version({"metadata": {"resourceVersion": text}}) == version


def test_owner_references() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "rs", "uid": "u"}}
    controlling = objects.owner_reference(owner)
    plain = objects.owner_reference(owner, controller=False)
    assert controlling == {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "rs",
        "uid": "u",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert objects.controller_of({"metadata": {"ownerReferences": [plain]}}) is None
    assert objects.controller_of({"metadata": {"ownerReferences": [plain, controlling]}}) == controlling


@given(json)
def test_a_deep_copy_is_equal_and_shares_no_container(value: Any) -> None:
    copy = objects.deep_copy(value)
    assert copy == value

    def containers(part: Any) -> set[int]:
        inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = {id(part)} if isinstance(part, (dict, list)) else set()
        return own.union(*(containers(inner) for inner in inside))

    assert not containers(copy) & containers(value)
