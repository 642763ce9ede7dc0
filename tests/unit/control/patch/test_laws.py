"""The laws of ownership, over any sequence of applies and updates of pods by several managers."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from bascule.control.patch import apply, field_set, field_tree, managed_fields, merging, pruning, versions
from bascule.control.schema import catalog

Obj = dict[str, Any]
POD = catalog.schema_of("v1", "Pod")
assert POD is not None

_WORDS = st.sampled_from("xy")
_ENV = st.lists(st.fixed_dictionaries({"name": _WORDS}, optional={"value": _WORDS}), max_size=2, unique_by=repr)
_PORTS = st.lists(
    st.fixed_dictionaries({"containerPort": st.sampled_from([80, 81])}, optional={"name": _WORDS}), max_size=2
)


def _by(items: list[Obj], key: str) -> list[Obj]:
    return list({item[key]: item for item in items}.values())


_CONTAINER = st.fixed_dictionaries(
    {"name": st.sampled_from("abc")},
    optional={
        "image": _WORDS,
        "env": _ENV.map(lambda items: _by(items, "name")),
        "ports": _PORTS.map(lambda items: _by(items, "containerPort")),
        "resources": st.fixed_dictionaries({}, optional={"limits": st.dictionaries(_WORDS, _WORDS, max_size=2)}),
    },
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "hostname": _WORDS,
        "nodeSelector": st.dictionaries(_WORDS, _WORDS, max_size=2),
        "containers": st.lists(_CONTAINER, max_size=3).map(lambda items: _by(items, "name")),
        "tolerations": st.lists(st.fixed_dictionaries({"key": _WORDS}), max_size=1),
        "securityContext": st.fixed_dictionaries({}, optional={"runAsUser": st.sampled_from([1, 2])}),
    },
)
MANAGERS = st.sampled_from(["ann", "bob"])
STEPS = st.lists(st.tuples(st.booleans(), MANAGERS, SPECS), min_size=1, max_size=5)


def applied(live: Obj | None, spec: Obj, who: str, *, now: str = "2026-01-01T00:00:00Z") -> Obj:
    config = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": copy.deepcopy(spec)}
    before = copy.deepcopy((live, config))
    result = apply.server_side(live, config, who, force=True, schema=POD, now=now)
    assert (live, config) == before
    return result


def updated(live: Obj, spec: Obj, who: str) -> Obj:
    new = {**copy.deepcopy(live), "spec": copy.deepcopy(spec)}
    entries = managed_fields.record_update(live, new, who, api_version="v1", now="2026-01-02T00:00:00Z", schema=POD)
    new["metadata"]["managedFields"] = entries
    return new


def run(steps: list[tuple[bool, str, Obj]]) -> Obj:
    live = applied(None, {"hostname": "x"}, "creator")
    for applies, who, spec in steps:
        live = applied(live, spec, who) if applies else updated(live, spec, who)
    return live


def owned(obj: Obj, operation: str) -> list[dict[str, Any]]:
    return [e["fieldsV1"] for e in obj["metadata"]["managedFields"] if e["operation"] == operation]


def leaves(tree: dict[str, Any]) -> set[str]:
    return set(field_set.paths(tree))


@given(steps=STEPS, who=MANAGERS, spec=SPECS)
def test_applying_twice_is_applying_once(steps: list[tuple[bool, str, Obj]], who: str, spec: Obj) -> None:
    once = applied(run(steps), spec, who)
    assert applied(once, spec, who, now="2026-02-02T00:00:00Z") is once


@given(steps=STEPS, who=MANAGERS, spec=SPECS)
def test_an_applier_owns_what_it_states_and_sees_it(steps: list[tuple[bool, str, Obj]], who: str, spec: Obj) -> None:
    after = applied(run(steps), spec, who)
    mine = [e for e in after["metadata"]["managedFields"] if (e["manager"], e["operation"]) == (who, "Apply")]
    stated = field_tree.applied({"spec": spec}, POD)
    assert (mine[0]["fieldsV1"] if mine else {}) == stated
    assert leaves(stated) <= leaves(field_tree.complete({"spec": after["spec"]}, POD)) if "spec" in after else not mine


@given(steps=STEPS)
def test_updaters_own_no_field_twice_and_nobody_owns_what_is_not_there(steps: list[tuple[bool, str, Obj]]) -> None:
    live = run(steps)
    there = leaves(field_tree.complete({"spec": live.get("spec", {})}, POD))
    seen: set[str] = set()
    for tree in owned(live, "Update"):
        assert not seen & leaves(tree)
        seen |= leaves(tree)
    for tree in [*owned(live, "Update"), *owned(live, "Apply")]:
        assert leaves(tree) - {".spec"} <= there


@given(steps=STEPS, who=MANAGERS, spec=SPECS)
def test_what_its_applier_drops_goes_unless_another_owns_it(
    steps: list[tuple[bool, str, Obj]], who: str, spec: Obj
) -> None:
    live = run(steps)
    mine = [e for e in live["metadata"]["managedFields"] if (e["manager"], e["operation"]) == (who, "Apply")]
    before = leaves(mine[0]["fieldsV1"]) if mine else set()
    after = applied(live, spec, who)
    still = set().union(*(leaves(tree) for tree in [*owned(after, "Apply"), *owned(after, "Update")]))
    stays = leaves(field_tree.applied({"spec": after.get("spec", {})}, POD))
    # A container that somebody filled is not stated any more by being there: only what states something goes.
    was = leaves(field_tree.applied({"spec": live.get("spec", {})}, POD))
    assert not (before & was & stays) - still
    untouched = leaves(field_tree.applied({"spec": live.get("spec", {})}, POD)) - before - still
    gone = untouched - leaves(field_tree.complete({"spec": after.get("spec", {})}, POD))
    assert all(any(path.startswith(top) for top in before) for path in gone)


@given(steps=STEPS)
def test_writing_what_is_there_changes_no_entry(steps: list[tuple[bool, str, Obj]]) -> None:
    live = run(steps)
    same = managed_fields.record_update(
        live, copy.deepcopy(live), "carl", api_version="v1", now="2026-03-03T00:00:00Z", schema=POD
    )
    assert same == live["metadata"]["managedFields"]


@given(one=SPECS, other=SPECS)
def test_appliers_of_different_things_may_come_in_any_order(one: Obj, other: Obj) -> None:
    other = {name: value for name, value in other.items() if name not in one}
    assume(field_tree.applied({"spec": one}, POD) and field_tree.applied({"spec": other}, POD))
    left = applied(applied(None, one, "ann"), other, "bob")
    right = applied(applied(None, other, "bob"), one, "ann")
    assert left["spec"] == right["spec"]
    # Who comes second has no time where nothing was left to write.
    by_manager = [{e["manager"]: {**e, "time": ""} for e in obj["metadata"]["managedFields"]} for obj in (left, right)]
    assert by_manager[0] == by_manager[1]


@given(steps=STEPS, who=MANAGERS, spec=SPECS)
def test_pruning_is_the_same_through_conversions(steps: list[tuple[bool, str, Obj]], who: str, spec: Obj) -> None:
    live = run(steps)
    mine = [
        e["fieldsV1"] for e in live["metadata"]["managedFields"] if (e["manager"], e["operation"]) == (who, "Apply")
    ]
    merged = merging.merge(live, {"spec": spec}, POD)
    own = versions.own(POD)
    converted = versions.Version(POD, lambda obj: copy.deepcopy(obj), lambda obj: copy.deepcopy(obj))
    kept = field_tree.applied({"spec": spec}, POD)
    for before in mine:
        direct = pruning.prune(merged, before, own, [(own, kept)])
        assert direct == pruning.prune(merged, before, converted, [(own, kept)])
