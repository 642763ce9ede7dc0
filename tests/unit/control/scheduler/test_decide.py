"""Decisions, rule by rule, on small worlds; and that no rule ever breaks, on random ones."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bascule.control.scheduler import decide, demand, filters
from bascule.control.scheduler.columns import Taint
from bascule.control.scheduler.world import World

SEED = random.Random(7)


def node(name: str, *, zone: str = "", cpu: str = "4", pods: str = "110", **spec: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name} | ({"topology.kubernetes.io/zone": zone} if zone else {})
    allocatable = {"cpu": cpu, "memory": "8Gi", "pods": pods}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"allocatable": allocatable}}


def pod(
    name: str, *, labels: dict[str, str] | None = None, cpu: str = "", owner: str = "", **spec: Any
) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    metadata: dict[str, Any] = {"name": name, "namespace": "default", "uid": name, "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "controller": True}]
    return {"metadata": metadata, "spec": {"containers": [{"name": "c", "resources": resources}]} | spec}


def world(*nodes: dict[str, Any]) -> World:
    made = World()
    for one in nodes:
        made.put_node(one)
    return made


def run(made: World, *pods: dict[str, Any]) -> list[str | None]:
    """Schedules the pods in turn; where each went."""
    chosen = []
    for one in pods:
        wanted = demand.of(one)
        choice = decide.choose(made, wanted, SEED)
        if choice.node:
            made.place(wanted, choice.node)
        chosen.append(choice.node)
    return chosen


def choose(made: World, one: dict[str, Any]) -> decide.Choice:
    return decide.choose(made, demand.of(one), SEED)


def test_a_pod_goes_where_it_fits_and_says_why_nowhere_else() -> None:
    made = world(node("small", cpu="1"), node("big", cpu="8"))
    assert run(made, pod("a", cpu="2")) == ["big"]
    choice = choose(made, pod("b", cpu="7"))
    assert choice.message() == "0/2 nodes are available: 2 Insufficient cpu."


def test_no_nodes_has_its_own_message() -> None:
    assert choose(World(), pod("a")).message() == "no nodes available to schedule pods"


def test_a_full_node_takes_no_more_pods_and_a_freed_one_does() -> None:
    made = world(node("n", pods="1"))
    assert run(made, pod("a"), pod("b")) == ["n", None]
    made.remove(demand.of(pod("a")).key)
    assert run(made, pod("b")) == ["n"]


def test_init_containers_and_sidecars_count_at_their_worst_moment() -> None:
    amounts = {"requests": {"cpu": "1"}}
    spec = {
        "containers": [{"resources": amounts}],
        "initContainers": [
            {"resources": {"requests": {"cpu": "3"}}},
            {"resources": amounts, "restartPolicy": "Always"},
            {"resources": {"requests": {"cpu": "2500m"}}},
        ],
    }
    assert demand.requests_of(spec)["cpu"] == 3500


def test_node_selector_and_affinity() -> None:
    made = world(node("a", zone="z1"), node("b", zone="z2"))
    assert run(made, pod("p", nodeSelector={"topology.kubernetes.io/zone": "z2"})) == ["b"]
    required = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "NotIn", "values": ["z2"]}]}
            ]
        }
    }
    assert run(made, pod("q", affinity={"nodeAffinity": required})) == ["a"]
    by_name = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]
        }
    }
    assert run(made, pod("r", affinity={"nodeAffinity": by_name})) == ["b"]
    nowhere = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    assert "didn't match Pod's node affinity" in choose(made, pod("s", affinity={"nodeAffinity": nowhere})).message()


def test_preferred_node_affinity_decides_among_equals() -> None:
    made = world(*(node(f"n{i}", zone=f"z{i}") for i in range(5)))
    preference = {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 50,
                "preference": {
                    "matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z3"]}]
                },
            }
        ]
    }
    assert run(made, pod("p", affinity={"nodeAffinity": preference})) == ["n3"]


def test_taints_need_tolerations() -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    made = world(node("t", taints=[taint]))
    assert choose(made, pod("p")).message() == (
        "0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}."
    )
    assert run(made, pod("q", tolerations=[{"key": "dedicated", "operator": "Exists"}])) == ["t"]
    made.put_node(node("t", unschedulable=True))
    assert "were unschedulable" in choose(made, pod("p")).message()


@pytest.mark.parametrize(
    ("toleration", "holds"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({}, False),
    ],
)
def test_toleration(toleration: dict[str, Any], holds: bool) -> None:
    assert filters.tolerates(toleration, Taint("k", "v", "NoSchedule")) is holds


def anti(app: str, key: str = "kubernetes.io/hostname") -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def near(app: str, key: str = "topology.kubernetes.io/zone") -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def test_anti_affinity_keeps_apart_both_ways() -> None:
    made = world(node("a"), node("b"))
    mine = {"labels": {"app": "x"}, "affinity": anti("x")}
    first, second, third = run(made, pod("1", **mine), pod("2", **mine), pod("3", **mine))
    assert {first, second} == {"a", "b"}
    assert third is None
    assert run(made, pod("4", labels={"app": "x"})) == [None], "those already there do not want it either"


def test_affinity_draws_together_and_lets_the_first_in() -> None:
    made = world(node("a", zone="z1"), node("b", zone="z2"), node("c", zone="z2"), node("keyless"))
    assert choose(made, pod("lone", affinity=near("nobody"))).node is None
    mine = {"labels": {"app": "y"}, "affinity": near("y")}
    chosen = run(made, *(pod(str(i), **mine) for i in range(6)))
    zones = {{"a": "z1", "b": "z2", "c": "z2"}[name or ""] for name in chosen}
    assert len(zones) == 1


def test_affinity_looks_only_into_the_namespaces_it_names() -> None:
    made = world(node("a", zone="z1"))
    other = pod("o", labels={"app": "x"})
    other["metadata"]["namespace"] = "elsewhere"
    made.place(demand.of(other), "a")
    assert choose(made, pod("p", affinity=near("x"))).node is None
    wide = near("x")
    wide["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["namespaceSelector"] = {
        "matchLabels": {"team": "red"}
    }
    assert choose(made, pod("p", affinity=wide)).node is None
    made.set_namespace("root", "elsewhere", {"team": "red"})
    assert choose(made, pod("p", affinity=wide)).node == "a"


def spread(skew: int = 1, **more: Any) -> list[dict[str, Any]]:
    base = {
        "maxSkew": skew,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "s"}},
    }
    return [base | more]


def test_spread_holds_the_skew() -> None:
    made = world(node("a1", zone="a", cpu="64"), node("b1", zone="b", cpu="1"), node("c1", zone="c", cpu="1"))
    mine = {"labels": {"app": "s"}, "topologySpreadConstraints": spread()}
    assert sorted(str(n) for n in run(made, *(pod(str(i), **mine) for i in range(6)))) == [
        "a1",
        "a1",
        "b1",
        "b1",
        "c1",
        "c1",
    ]
    made.put_node(node("c1", zone="c", cpu="1", unschedulable=True))
    blocked = pod("x", cpu="900m", **mine)
    assert "topology spread constraints" in choose(made, blocked).message() or choose(made, blocked).node is not None


def test_spread_needs_enough_domains() -> None:
    made = world(node("a", zone="a"), node("b", zone="b"))
    mine = {"labels": {"app": "s"}, "topologySpreadConstraints": spread(minDomains=3)}
    assert run(made, *(pod(str(i), **mine) for i in range(3)))[2] is None


def test_replicas_of_one_controller_spread_unasked() -> None:
    made = world(*(node(f"n{i}", zone=f"z{i % 2}") for i in range(4)))
    chosen = run(made, *(pod(str(i), owner="rs") for i in range(4)))
    assert len(set(chosen)) == 4


def test_host_ports_are_exclusive_per_address() -> None:
    made = world(node("a"))
    wide = [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80}]}]
    narrow = [{"name": "c", "ports": [{"hostPort": 80, "containerPort": 80, "hostIP": "10.0.0.1"}]}]
    assert run(made, pod("1", containers=wide), pod("2", containers=narrow)) == ["a", None]


def test_pods_known_before_their_node_count_once_it_appears() -> None:
    made = World()
    made.place(demand.of(pod("early", cpu="3")), "n")
    made.put_node(node("n"))
    assert choose(made, pod("late", cpu="2")).node is None
    made.remove_node("n")
    made.put_node(node("n"))
    assert choose(made, pod("late", cpu="2")).node is None


def test_columns_grow_and_slots_are_used_again() -> None:
    made = world(*(node(f"n{i}", zone=f"z{i}") for i in range(40)))
    for i in range(40):
        made.remove_node(f"n{i}")
    made.put_node(node("new", taints=[{"key": "k", "effect": "NoSchedule"}]))
    assert choose(made, pod("p")).node is None
    assert choose(made, pod("p", tolerations=[{"operator": "Exists"}])).node == "new"


events = st.lists(
    st.one_of(
        st.tuples(st.just("pod"), st.integers(0, 12), st.sampled_from(["", "anti", "spread", "near"])),
        st.tuples(st.just("gone"), st.integers(0, 12), st.just("")),
        st.tuples(st.just("node"), st.integers(0, 4), st.sampled_from(["z1", "z2"])),
        st.tuples(st.just("lost"), st.integers(0, 4), st.just("")),
    ),
    max_size=40,
)


@settings(max_examples=60)
@given(events)
def test_whatever_happens_no_node_is_overfull_and_anti_affinity_holds(history: list[tuple[str, int, str]]) -> None:
    made = world(node("n0", cpu="2"))
    placed: dict[str, tuple[str, str]] = {}
    for what, number, more in history:
        name = str(number)
        if what == "node":
            made.put_node(node(f"n{number}", zone=more, cpu="2"))
        elif what == "lost":
            made.remove_node(f"n{number}")
            placed = {p: (n, m) for p, (n, m) in placed.items() if n != f"n{number}" or not made.remove(_key(p))}
        elif what == "gone":
            made.remove(_key(name))
            placed.pop(name, None)
        elif name not in placed:
            affinity = {"anti": anti(more or "x"), "near": near("near")}.get(more, {})
            constraints = spread() if more == "spread" else []
            wanted = pod(
                name, labels={"app": more}, cpu="700m", affinity=affinity, topologySpreadConstraints=constraints
            )
            (chosen,) = run(made, wanted)
            if chosen:
                placed[name] = (chosen, more)
    for one in made.columns.slot_of:
        mine = [more for _, (n, more) in placed.items() if n == one]
        assert len(mine) <= 2, "700m twice into 2 cores, not three times"
        assert mine.count("anti") <= 1
        assert made.columns.used["cpu"][made.columns.slot_of[one]] == 700 * len(mine)


def _key(name: str) -> Any:
    return demand.of(pod(name)).key
