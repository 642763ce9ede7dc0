"""Ownership after creates and updates."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import field_tree, managed_fields
from bascule.control.schema import catalog, types

T1, T2, T3 = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def schema(kind: str = "ConfigMap", api_version: str = "v1") -> types.TypeSchema:
    found = catalog.schema_of(api_version, kind)
    assert found is not None
    return found


def config(data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u", **metadata}, "data": data}


def record(
    old: dict[str, Any] | None, new: dict[str, Any], manager: str, now: str = T1, **options: Any
) -> dict[str, Any]:
    """The new object with its managedFields."""
    entries = managed_fields.record_update(
        old, new, manager, api_version="v1", now=now, schema=options.pop("schema", None) or schema(), **options
    )
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def owners(obj: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def changed(obj: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    return {**copy.deepcopy(obj), "data": data}


@given(
    st.fixed_dictionaries(
        {
            "containers": st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from("ab")},
                    optional={
                        "ports": st.lists(st.fixed_dictionaries({"containerPort": st.sampled_from([1, 2])}), max_size=2)
                    },
                ),
                max_size=2,
            )
        },
        optional={
            "hostNetwork": st.booleans(),
            "nodeSelector": st.none() | st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
        },
    )
)
def test_a_spec_that_was_created_lately_is_owned_as_any(spec: dict[str, Any]) -> None:
    pods = schema("Pod")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
    walked = field_tree.present(spec, pods.fields["spec"])
    for _ in range(2):
        created = record(None, copy.deepcopy(pod), "kubectl", schema=pods)
        assert (
            created["metadata"]["managedFields"] == []
            if not walked
            else owners(created) == {"kubectl": {"f:spec": walked}}
        )


def test_a_create_owns_all_but_identity() -> None:
    created = record(None, config({"a": "1"}, labels={"x": "y"}, generation=1), "kubectl")
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "kubectl",
            "operation": "Update",
            "apiVersion": "v1",
            "time": T1,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
                "f:data": {".": {}, "f:a": {}},
            },
        }
    ]


def test_lists_are_owned_by_item_where_the_schema_says_so() -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {
            "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
            "tolerations": [{"key": "k"}],
        },
        "status": {},
    }
    fields = owners(record(None, pod, "m", schema=schema("Pod")))["m"]["f:spec"]
    assert fields["f:tolerations"] == {}
    container = fields["f:containers"]['k:{"name":"c"}']
    assert container["f:name"] == {}
    assert container["f:ports"] == {
        ".": {},
        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
    }


def test_a_change_takes_ownership_and_only_of_what_changed() -> None:
    live = record(None, config({"a": "1", "b": "1"}), "first")
    after = record(live, changed(live, {"a": "2", "b": "1", "c": "1"}), "second", T2)
    assert owners(after) == {
        "first": {"f:data": {".": {}, "f:b": {}}},
        "second": {"f:data": {"f:a": {}, "f:c": {}}},
    }
    assert [entry["time"] for entry in after["metadata"]["managedFields"]] == [T1, T2]


def test_removal_ends_all_ownership() -> None:
    live = record(None, config({"a": "1", "b": "1"}), "first")
    after = record(live, changed(live, {"b": "1"}), "second", T2)
    assert owners(after) == {"first": {"f:data": {".": {}, "f:b": {}}}}
    gone = changed(live, {})
    del gone["data"]
    assert owners(record(live, gone, "second", T2)) == {}


def test_a_write_of_nothing_leaves_the_very_same_entries() -> None:
    live = record(None, config({"a": "1"}), "first")
    for new in (live, copy.deepcopy(live), changed(live, {"a": "1"})):
        entries = managed_fields.record_update(live, new, "second", api_version="v1", now=T2, schema=schema())
        assert entries is live["metadata"]["managedFields"]


def test_a_client_may_reset_but_not_through_a_subresource() -> None:
    live = record(None, config({"a": "1"}), "first")
    for sent in ([], [{}]):
        new = changed(live, {"a": "1", "b": "2"})
        new["metadata"]["managedFields"] = sent
        assert owners(record(live, new, "second", T2)) == {}
        assert "first" in owners(record(live, new, "second", T2, subresource="status"))


def test_nonsense_in_managed_fields_is_ignored() -> None:
    live = record(None, config({"a": "1"}), "first")
    for sent in ("x", [1], [{"manager": "x"}], [{"operation": "Update", "apiVersion": "v1", "fieldsType": "V9"}]):
        new = changed(live, {"a": "1"})
        new["metadata"]["managedFields"] = sent
        entries = managed_fields.record_update(live, new, "second", api_version="v1", now=T2, schema=schema())
        assert entries == live["metadata"]["managedFields"]


def test_a_client_may_move_ownership() -> None:
    live = record(None, config({"a": "1"}), "kubectl-client-side-apply")
    new = changed(live, {"a": "1"})
    new["metadata"]["managedFields"][0].update(manager="kubectl", operation="Apply")
    assert owners(record(live, new, "kubectl", T2)) == {"kubectl": {"f:data": {".": {}, "f:a": {}}}}


def test_subresources_have_entries_of_their_own_and_reset_fields_none() -> None:
    pod: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Pending"}}
    live = record(None, pod, "m", schema=schema("Pod"), reset_fields={"f:status": {}})
    assert owners(live) == {"m": {"f:spec": {"f:nodeName": {}}}}
    new = {**copy.deepcopy(live), "status": {"phase": "Running"}}
    after = record(live, new, "m", T2, schema=schema("Pod"), subresource="status", reset_fields={"f:spec": {}})
    assert [(e.get("subresource"), e["fieldsV1"]) for e in after["metadata"]["managedFields"]] == [
        (None, {"f:spec": {"f:nodeName": {}}}),
        ("status", {"f:status": {"f:phase": {}}}),
    ]


def test_at_most_ten_updaters_remain_apart() -> None:
    obj = record(None, config({"k0": "v"}), "m0")
    for number in range(1, 14):
        now = f"2026-01-01T00:00:{number:02}Z"
        obj = record(obj, changed(obj, {**obj["data"], f"k{number}": "v"}), f"m{number}", now)
    entries = obj["metadata"]["managedFields"]
    assert len(entries) == 10
    assert entries[0]["manager"] == "ancient-changes"
    assert entries[-1]["manager"] == "m13"
    assert set(entries[0]["fieldsV1"]["f:data"]) == {".", "f:k0", "f:k1", "f:k2", "f:k3", "f:k4"}


def test_the_oldest_are_folded_into_one_entry_whatever_the_times() -> None:
    obj = record(None, config({"k0": "v"}), "z0")
    for number in range(1, 25):
        obj = record(obj, changed(obj, {**obj["data"], f"k{number}": "v"}), f"{'az'[number % 2]}{number}", T2)
        managers = [entry["manager"] for entry in obj["metadata"]["managedFields"]]
        assert len(managers) == len(set(managers)) == min(number + 1, 10)
    owned = {label for tree in owners(obj).values() for label in tree["f:data"]}
    assert owned == {".", *(f"f:k{number}" for number in range(25))}


WRITES = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "cy"]),
        st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4),
    ),
    max_size=8,
)


@given(writes=WRITES)
def test_ownership_partitions_the_fields(writes: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever is written by whomever, every key has exactly one owner and no owner has a key that is not there."""
    obj = record(None, config({"a": "0"}), "creator")
    for manager, data in writes:
        obj = record(obj, changed(obj, data), manager, T2)
        owned = [label for tree in owners(obj).values() for label in tree.get("f:data", {}) if label != "."]
        assert sorted(owned) == sorted(f"f:{name}" for name in obj["data"])


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "owned"),
    [
        ("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {}}, None),
        ("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {"matchLabels": {"a": "b"}}}, {"f:podSelector": {}}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"scaleTargetRef": {"name": "a"}},
         {"f:scaleTargetRef": {"f:name": {}}}),
        ("storage.k8s.io/v1", "CSINode", {"drivers": [{"name": "a"}]},
         {"f:drivers": {'k:{"name":"a"}': {".": {}, "f:name": {}}}}),
    ],
)  # fmt: skip
def test_structs_held_by_value_are_not_owned_for_being_there(
    api_version: str, kind: str, spec: dict[str, Any], owned: Any
) -> None:
    schema = catalog.schema_of(api_version, kind)
    assert schema is not None
    new = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}, "spec": spec}
    entries = managed_fields.record_update(None, new, "me", api_version=api_version, now=T1, schema=schema)
    assert [entry["fieldsV1"] for entry in entries] == ([{"f:spec": owned}] if owned else [])


def test_an_atomic_struct_at_the_top_is_owned_when_it_says_something() -> None:
    schema = catalog.schema_of("rbac.authorization.k8s.io/v1", "RoleBinding")
    assert schema is not None
    new = {"metadata": {"name": "n"}, "roleRef": {"kind": "Role", "name": "r"}}
    entries = managed_fields.record_update(None, new, "me", api_version="v1", now=T1, schema=schema)
    assert [entry["fieldsV1"] for entry in entries] == [{"f:roleRef": {}}]
