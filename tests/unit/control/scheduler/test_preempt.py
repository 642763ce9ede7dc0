"""Who goes for whom: small worlds, and random ones in which it must be right and change nothing."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.scheduler import decide, demand, preempt
from bascule.control.scheduler.world import World
from bascule.vocabulary import labels


def node(name: str, cpu: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"allocatable": {"cpu": str(cpu), "pods": "110"}}}


def pod(name: str, cpu: int, priority: int, app: str = "", **spec: Any) -> demand.Demand:
    container: dict[str, Any] = {"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}
    if port := spec.pop("port", 0):
        container["ports"] = [{"hostPort": port, "containerPort": port}]
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": {"app": app or name}}
    return demand.of({"metadata": metadata, "spec": {"containers": [container], "priority": priority, **spec}})


def world(nodes: dict[str, int], *placed: tuple[str, demand.Demand]) -> World:
    made = World()
    for name, cpu in nodes.items():
        made.put_node(node(name, cpu))
    for where, one in placed:
        made.place(one, where)
    return made


def planned(made: World, wanted: demand.Demand, *budgets: preempt.Budget) -> tuple[str, list[str]] | None:
    found = preempt.plan(made, wanted, budgets, random.Random(1))
    return None if found is None else (found.node, sorted(one.key.name for one in found.victims))


def test_the_least_important_go_and_only_as_many_as_must() -> None:
    made = world({"a": 4, "b": 4}, ("a", pod("low", 2, 1)), ("a", pod("mid", 2, 5)), ("b", pod("high", 4, 9)))
    assert planned(made, pod("new", 2, 7)) == ("a", ["low"])
    assert planned(made, pod("new", 4, 7)) == ("a", ["low", "mid"])
    assert planned(made, pod("new", 4, 10)) == ("a", ["low", "mid"])
    assert planned(made, pod("new", 2, 1)) is None
    assert planned(made, pod("new", 5, 10)) is None
    assert planned(made, pod("new", 2, 7, preemptionPolicy="Never")) is None


def test_a_port_is_made_free_and_a_selector_kept_to() -> None:
    made = world({"a": 4, "b": 4}, ("a", pod("web", 1, 0, port=80)), ("a", pod("other", 1, 0)))
    assert planned(made, pod("new", 1, 1, port=80, nodeSelector={"x": "y"})) is None
    assert planned(made, pod("new", 1, 1, port=80)) == ("a", ["web"])


def test_who_repels_the_pod_goes() -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "new"}}}
    alone = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = World()
    made.put_node(node("a", 8) | {"metadata": {"name": "a", "labels": {"kubernetes.io/hostname": "a"}}})
    for one in (pod("loner", 1, 0, affinity=alone), pod("calm", 1, 0)):
        made.place(one, "a")
    assert planned(made, pod("new", 1, 1)) == ("a", ["loner"])


def test_a_budget_is_kept_where_another_node_helps_too() -> None:
    made = world({"a": 2, "b": 2}, ("a", pod("kept", 2, 0, app="kept")), ("b", pod("dear", 2, 5)))
    budget = preempt.Budget("root", "default", labels.parse("app=kept"), 0)
    assert planned(made, pod("new", 2, 9)) == ("a", ["kept"])
    assert planned(made, pod("new", 2, 9), budget) == ("b", ["dear"])
    made.remove(pod("dear", 2, 5).key)
    made.place(pod("higher", 2, 10), "b")
    assert planned(made, pod("new", 2, 9), budget) == ("a", ["kept"])


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 4), st.booleans()), max_size=12),
    st.integers(1, 5),
    st.integers(0, 5),
    st.booleans(),
)
def test_it_makes_room_for_the_pod_and_nobody_else_goes(
    held: list[tuple[str, int, int, bool]], cpu: int, priority: int, port: bool
) -> None:
    made = world({"a": 4, "b": 4, "c": 4})
    for number, (name, size, important, has_port) in enumerate(held):
        one = pod(f"p{number}", size, important, port=80 if has_port else 0)
        if decide.feasible(made, one)[0][made.columns.slot_of[name]]:
            made.place(one, name)
    wanted = pod("new", cpu, priority, port=80 if port else 0)
    if decide.choose(made, wanted, random.Random(1)).node is not None:
        return
    before = {demanded.key: slot for demanded, slot in made.placed()}
    found = preempt.plan(made, wanted, (), random.Random(1))
    assert {demanded.key: slot for demanded, slot in made.placed()} == before
    assert decide.choose(made, wanted, random.Random(1)).node is None
    helps = [
        name
        for name in "abc"
        if cpu <= 4 - sum(d.requests["cpu"] for d in made.on_node(name) if d.priority >= priority) // 1000
        and not (port and any(d.host_ports for d in made.on_node(name) if d.priority >= priority))
    ]
    assert (found is not None) == bool(helps)
    if found is None:
        return
    slot = made.columns.slot_of[found.node]
    assert all(one.priority < priority for one in found.victims)
    for one in found.victims:
        made.remove(one.key)
    assert decide.feasible(made, wanted)[0][slot]
    for one in found.victims:  # none of them in vain
        made.place(one, found.node)
        assert not decide.feasible(made, wanted)[0][slot]
        made.remove(one.key)
