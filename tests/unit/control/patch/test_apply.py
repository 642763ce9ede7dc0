"""Server-side apply: ownership, removal, conflicts, force, lists, upgrades."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.patch import apply, last_applied, managed_fields
from bascule.control.schema import catalog, types
from bascule.vocabulary import errors

T1, T2, T3 = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))
Obj = dict[str, Any]


def schema_of(obj: Obj) -> types.TypeSchema:
    found = catalog.schema_of(obj["apiVersion"], obj["kind"])
    assert found is not None
    return found


def server_side(live: Obj | None, applied: Obj, manager: str, now: str = T1, *, force: bool = False) -> Obj:
    before = copy.deepcopy((live, applied))
    result = apply.server_side(live, applied, manager, force=force, schema=schema_of(applied), now=now)
    assert (live, applied) == before, "inputs were changed"
    return result


def config(data: dict[str, str] | None, **metadata: Any) -> Obj:
    obj: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}}
    return obj if data is None else {**obj, "data": data}


def deployment(*containers: Obj, **spec: Any) -> Obj:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": template, **spec},
    }


def updated(live: Obj, new: Obj, manager: str, now: str = T2) -> Obj:
    entries = managed_fields.record_update(
        live, new, manager, api_version=new["apiVersion"], now=now, schema=schema_of(new)
    )
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def owners(obj: Obj) -> dict[tuple[str, str], Any]:
    return {(e["manager"], e["operation"]): e["fieldsV1"] for e in obj["metadata"]["managedFields"]}


def test_applying_creates_and_owns_leaves_only() -> None:
    created = server_side(None, config({"a": "1"}, labels={"x": "y"}), "me")
    assert created["data"] == {"a": "1"}
    assert owners(created) == {("me", "Apply"): {"f:metadata": {"f:labels": {"f:x": {}}}, "f:data": {"f:a": {}}}}


def test_applying_the_same_again_is_the_live_object_itself() -> None:
    created = server_side(None, config({"a": "1"}), "me")
    assert server_side(created, config({"a": "1"}), "me", T2) is created


def test_what_a_manager_no_longer_applies_is_removed() -> None:
    live = server_side(None, config({"a": "1", "b": "2"}, labels={"x": "y"}), "me")
    after = server_side(live, config({"a": "1"}), "me", T2)
    assert after["data"] == {"a": "1"}
    assert "labels" not in after["metadata"]
    assert after["metadata"]["managedFields"][0]["time"] == T2
    assert "data" not in server_side(live, config(None), "me", T2)


def test_what_another_owns_too_stays() -> None:
    live = server_side(None, config({"a": "1", "b": "2"}), "me")
    shared = server_side(live, config({"b": "2"}), "you", T2)
    after = server_side(shared, config({"a": "1"}), "me", T3)
    assert after["data"] == {"a": "1", "b": "2"}
    assert owners(after) == {("me", "Apply"): {"f:data": {"f:a": {}}}, ("you", "Apply"): {"f:data": {"f:b": {}}}}


def test_what_an_updater_owns_too_stays() -> None:
    live = config({"a": "1", "b": "2"})
    entries = managed_fields.record_update(None, live, "editor", api_version="v1", now=T1, schema=schema_of(live))
    live["metadata"]["managedFields"] = entries
    shared = server_side(live, config({"b": "2", "c": "3"}), "me", T2)
    after = server_side(shared, config({"a": "1"}), "me", T3)
    assert after["data"] == {"a": "1", "b": "2"}
    assert owners(after)["editor", "Update"] == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


def test_what_nobody_applied_stays() -> None:
    live = server_side(None, config({"a": "1"}), "me")
    live = updated(live, {**live, "data": {"a": "1", "z": "9"}}, "editor")
    assert server_side(live, config({"b": "2"}), "me", T3)["data"] == {"b": "2", "z": "9"}


def test_a_conflict_names_field_and_manager_as_upstream_does() -> None:
    live = server_side(None, config({"a": "1"}), "me")
    live = updated(live, {**live, "data": {"a": "2"}}, "kubectl-edit")
    with pytest.raises(errors.StatusError) as refusal:
        server_side(live, config({"a": "3"}), "me", T3)
    status = refusal.value.status()
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.a'
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using v1', "field": ".data.a"}
    ]


def test_a_null_for_what_another_owns_whole_is_a_conflict() -> None:
    live = server_side(None, config({"a": "1", "b": "1"}, labels={"x": "y"}), "you")
    nulls = config({"a": None}, labels=None)  # type: ignore[dict-item]
    with pytest.raises(errors.StatusError) as refusal:
        server_side(live, nulls, "me", T2)
    assert refusal.value.message == 'Apply failed with 1 conflict: conflict with "you": .data.a'
    after = server_side(live, nulls, "me", T2, force=True)
    assert after["data"] == {"b": "1"}
    assert owners(after)["you", "Apply"] == {"f:metadata": {"f:labels": {"f:x": {}}}, "f:data": {"f:b": {}}}
    again = config({"a": None})  # type: ignore[dict-item]
    with pytest.raises(errors.StatusError, match=r'conflict with "me": \.data\.a'):
        server_side(after, again, "third", T3)


def test_several_conflicts_are_listed_by_manager() -> None:
    live = server_side(None, config({"a": "1", "b": "1"}), "you")
    with pytest.raises(errors.StatusError) as refusal:
        server_side(live, config({"a": "2", "b": "2"}), "me", T2)
    assert refusal.value.message == ('Apply failed with 2 conflicts: conflicts with "you":\n- .data.a\n- .data.b')


def test_force_takes_ownership() -> None:
    live = server_side(None, config({"a": "1", "b": "1"}), "you")
    after = server_side(live, config({"a": "2"}), "me", T2, force=True)
    assert after["data"] == {"a": "2", "b": "1"}
    assert owners(after) == {("me", "Apply"): {"f:data": {"f:a": {}}}, ("you", "Apply"): {"f:data": {"f:b": {}}}}


def test_agreeing_is_no_conflict() -> None:
    live = server_side(None, config({"a": "1"}), "you")
    after = server_side(live, config({"a": "1"}), "me", T2)
    assert set(owners(after)) == {("me", "Apply"), ("you", "Apply")}


def test_keyed_lists_merge_and_items_go_with_their_applier() -> None:
    live = server_side(None, deployment({"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}), "me")
    sidecar = server_side(live, deployment({"name": "s", "image": "s:1"}), "injector", T2)
    containers = sidecar["spec"]["template"]["spec"]["containers"]
    assert [c["name"] for c in containers] == ["a", "b", "s"]
    after = server_side(sidecar, deployment({"name": "b", "image": "b:2"}), "me", T3)
    assert after["spec"]["template"]["spec"]["containers"] == [
        {"name": "b", "image": "b:2"},
        {"name": "s", "image": "s:1"},
    ]


def test_ports_are_identified_by_number_and_protocol_with_tcp_for_none() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]
    live = server_side(None, deployment({"name": "a", "ports": ports}), "me")
    after = server_side(live, deployment({"name": "a", "ports": ports[1:]}), "me", T2)
    assert after["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 53}]


def test_atomic_values_are_replaced_whole() -> None:
    live = server_side(None, deployment(selector={"matchLabels": {"a": "b"}}), "me")
    after = server_side(live, deployment(selector={"matchLabels": {"c": "d"}}), "me", T2)
    assert after["spec"]["selector"] == {"matchLabels": {"c": "d"}}
    assert owners(after)["me", "Apply"]["f:spec"]["f:selector"] == {}


@pytest.mark.parametrize(
    ("applied", "problem"),
    [
        (config({}, bogus=1), ".metadata.bogus: field not declared in schema"),
        (config({}, managedFields=[]), "metadata.managedFields must be nil"),
        (deployment({"image": "x"}), 'omits key field "name"'),
        (deployment({"name": "a"}, {"name": "a"}), "duplicate entries for key"),
        (
            config({}, finalizers=["a", "b", "a", "b"]),
            'errors:\n  .metadata.finalizers: duplicate entries for key [="a"]\n'
            '  .metadata.finalizers: duplicate entries for key [="b"]',
        ),
    ],
)
def test_what_cannot_be_applied_is_refused(applied: Obj, problem: str) -> None:
    with pytest.raises(errors.StatusError) as refusal:
        server_side(None, applied, "me")
    assert refusal.value.code == 400
    assert problem in refusal.value.message


def test_client_side_apply_is_upgraded_without_conflict() -> None:
    stated = config({"a": "1"})
    live = config({"a": "1"}, annotations={last_applied.ANNOTATION: json.dumps(stated)})
    live["metadata"]["managedFields"] = managed_fields.record_update(
        None, live, "kubectl-client-side-apply", api_version="v1", now=T1, schema=schema_of(live)
    )
    with pytest.raises(errors.StatusError):
        server_side(live, config({"a": "2"}), "someone", T2)
    after = server_side(live, config({"a": "2"}), "kubectl", T2)
    assert after["data"] == {"a": "2"}
    assert json.loads(after["metadata"]["annotations"][last_applied.ANNOTATION])["data"] == {"a": "2"}


def test_untracked_objects_belong_to_who_came_before() -> None:
    after = server_side(config({"a": "1"}), config({"b": "1"}), "me", T2)
    assert ("before-first-apply", "Update") in owners(after)
    with pytest.raises(errors.StatusError, match='conflict with "before-first-apply" using v1'):
        server_side(config({"a": "1"}), config({"a": "2"}), "me", T2)


def test_who_came_before_owns_only_what_the_endpoint_lets_anyone_own() -> None:
    live = {**deployment(replicas=1), "status": {"replicas": 1}}

    def owned(subresource: str, reset_fields: Obj, **stated: Any) -> set[tuple[str, str, str]]:
        applied = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, **stated}
        after = apply.server_side(
            live,
            applied,
            "me",
            force=False,
            schema=schema_of(applied),
            now=T2,
            subresource=subresource,
            reset_fields=reset_fields,
        )
        found = after["metadata"]["managedFields"]
        return {(e["manager"], e.get("subresource", ""), ",".join(sorted(e["fieldsV1"]))) for e in found}

    assert owned("", {"f:status": {}}, spec={"paused": True}) == {
        ("before-first-apply", "", "f:spec"),
        ("me", "", "f:spec"),
    }
    assert owned("status", {"f:spec": {}, "f:metadata": {}}, status={"updatedReplicas": 1}) == {
        ("before-first-apply", "status", "f:status"),
        ("me", "status", "f:status"),
    }


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4)
APPLIES = st.lists(st.tuples(st.sampled_from(["ann", "bob"]), DATA), min_size=1, max_size=6)


@given(applies=APPLIES)
def test_an_applier_gets_what_it_states_and_owns_exactly_that(applies: list[tuple[str, dict[str, str]]]) -> None:
    live: Obj | None = None
    for manager, data in applies:
        live = server_side(live, config(data), manager, force=True)
        assert data.items() <= live.get("data", {}).items()
        mine = owners(live).get((manager, "Apply"), {})
        assert set(mine.get("f:data", {})) == {f"f:{name}" for name in data}
        owned = {name for fields in owners(live).values() for name in fields.get("f:data", {})}
        assert owned == {f"f:{name}" for name in live.get("data", {})}
        again = server_side(live, config(data), manager, T2, force=True)
        assert again is live
