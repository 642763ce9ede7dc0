from datetime import timedelta

import hypothesis
import pytest
from hypothesis import strategies as st

from bascule.control.controllers import lost_nodes, node_health, node_ipam, pod_collection, taint_eviction
from bascule.vocabulary import conditions, timestamps
from tests.unit.control.controllers import make

NOW, GRACE = make.NOW, node_health.Grace()
UNREACHABLE = ("node.kubernetes.io/unreachable", "NoExecute")


def ago(seconds: float) -> str:
    return timestamps.format(NOW - timedelta(seconds=seconds))


def lease(seconds_ago: float) -> dict:
    return {"spec": {"renewTime": timestamps.format_micro(NOW - timedelta(seconds=seconds_ago))}}


@pytest.mark.parametrize(
    ("node", "the_lease", "expected"),
    [
        (make.node(connected="True"), None, float("inf")),
        (make.node(connected="False", since=ago(2)), lease(0), 3),
        (make.node(connected="False", since=ago(60)), lease(0), -55),
        (make.node(), lease(10), 30),
        (make.node(), lease(100), -60),
        (make.node(), None, -60),
    ],
)
def test_when_silence_counts(node, the_lease, expected):
    first_seen = NOW - timedelta(seconds=100)
    assert node_health.silent_in_seconds(node, the_lease, first_seen, NOW, GRACE) == expected


def test_a_lost_node_knows_nothing_of_itself_any_more():
    node = make.node()
    node["status"]["conditions"].append({"type": "DiskPressure", "status": "False"})
    items = node_health.conditions_when_lost(node, NOW)
    assert {one["type"]: one["status"] for one in items} == {"Ready": "Unknown", "DiskPressure": "Unknown"}
    node["status"]["conditions"] = items
    assert node_health.conditions_when_lost(node, NOW) is None


@pytest.mark.parametrize(
    ("node", "eviction", "expected"),
    [
        (make.node(), "begin", set()),
        (make.node(ready="Unknown"), "keep", {("unreachable", "NoSchedule")}),
        (make.node(ready="Unknown"), "begin", {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}),
        (make.node(ready="False"), "none", {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}),
        (make.node(ready=""), "none", {("not-ready", "NoSchedule")}),
    ],
)
def test_taints_follow_conditions(node, eviction, expected):
    wanted = node_health.taints(node, eviction=eviction, now=NOW) or []
    assert {(one["key"].removeprefix("node.kubernetes.io/"), one["effect"]) for one in wanted} == expected


def test_taints_of_others_stay_and_ours_go_when_the_node_is_back():
    mine = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": ago(9)}
    other = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
    node = make.node(taints=[mine, other])
    assert node_health.taints(node, eviction="keep", now=NOW) == [other]


def test_an_eviction_that_has_begun_goes_on_or_is_called_off():
    mine = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": ago(9)}
    silent = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}
    node = make.node(ready="Unknown", taints=[silent, mine])
    assert node_health.taints(node, eviction="keep", now=NOW) is None
    assert node_health.taints(node, eviction="none", now=NOW) == [silent]


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ({"a": "LLL", "b": "...", "c": "..."}, {"a": 0.05, "b": 1.0, "c": 1.0}),
        ({"a": "L", "b": ".", "c": "."}, {"a": 1.0, "b": 1.0, "c": 1.0}),
        ({"a": "L..", "b": "...", "c": "..."}, {"a": 1.0, "b": 1.0, "c": 1.0}),
        ({"": "L.."}, {"": 1.0}),
        ({"": "LL."}, {"": 0.0}),
        ({"a": "LLL", "b": "LL.", "c": "..."}, {"a": 0.0, "b": 0.0, "c": 0.0}),
        ({"a": "LLLL......", "b": "...."}, {"a": 1.0, "b": 1.0}),
        ({"a": "LLLLLL....", "b": "...."}, {"a": 0.05, "b": 1.0}),
    ],
)
def test_the_pace_of_evictions_by_zone(zones, expected):
    nodes = [
        make.node(f"{zone}{number}", zone=zone, ready="Unknown" if mark == "L" else "True")
        for zone, marks in zones.items()
        for number, mark in enumerate(marks)
    ]
    found = {zone: pace.evictions_per_second for (_, zone), pace in lost_nodes.paces(nodes).items()}
    assert found == expected


@hypothesis.given(st.lists(st.sampled_from(["True", "Unknown", "silent"]), min_size=1, max_size=12))
def test_when_most_vanish_nobody_is_evicted(states):
    nodes = [
        make.node(
            str(number),
            ready="True" if state == "silent" else state,
            connected="False" if state == "silent" else None,
        )
        for number, state in enumerate(states)
    ]
    gone = sum(state != "True" for state in states)
    if gone * 2 > len(states):
        assert all(pace.evictions_per_second == 0 for pace in lost_nodes.paces(nodes).values())


@hypothesis.given(
    ready=st.lists(st.tuples(st.text("abc", min_size=1), st.sampled_from(["x", "y", "z"])), unique_by=lambda b: b[0]),
    lost=st.frozensets(st.sampled_from(["x", "y", "z"])),
)
def test_inference_withdraws_at_most_half(ready, lost):
    withdrawn = lost_nodes.withdrawable(ready, lost)
    assert len(withdrawn) * 2 <= len(ready)
    assert withdrawn <= {name for name, node in ready if node in lost}


TAINT = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": ago(100)}


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], 0),
        ([{"operator": "Exists"}], None),
        ([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300}], 200),
        ([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 30}], -70),
        ([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoSchedule"}], 0),
        ([{"key": "node.kubernetes.io/unreachable", "value": "other"}], 0),
        ([{"key": "node.kubernetes.io/unreachable"}], None),
        ([{"operator": "Exists", "tolerationSeconds": -5}], -100),
    ],
)
def test_when_a_pod_must_go(tolerations, expected):
    pod = make.pod(tolerations=tolerations)
    assert taint_eviction.decide(pod, [TAINT], NOW) == expected


def test_a_pod_stays_where_nothing_executes():
    assert taint_eviction.decide(make.pod(), [{"key": "a", "effect": "NoSchedule"}], NOW) is None


def test_pod_ranges_do_not_overlap_and_end():
    import ipaddress

    cluster = ipaddress.ip_network("10.0.0.0/22")
    taken: list[str] = []
    while (given := node_ipam.decide(cluster, taken)) is not None:
        taken.append(given)
    assert taken == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"]
    assert node_ipam.decide(cluster, [taken[0], taken[2]]) == "10.0.1.0/24"


def test_which_pods_are_garbage():
    orphan, unscheduled = make.pod("orphan", node="gone"), make.pod("unscheduled", leaving=True)
    fine, waiting = make.pod("fine", node="x"), make.pod("waiting")
    done = [make.pod(f"done{number}", node="x", phase="Succeeded") for number in range(3)]
    for number, pod in enumerate(done):
        pod["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{number}Z"
    garbage = pod_collection.decide(
        [orphan, unscheduled, fine, waiting, *done], absent=frozenset({("root", "gone")}), finished_kept=1
    )
    assert garbage == pod_collection.Garbage(done[:2], [orphan], [unscheduled])


def test_the_lost_condition_moves_its_time():
    items = node_health.conditions_when_lost(make.node(), NOW)
    assert conditions.find(items, "Ready")["lastTransitionTime"] == timestamps.format(NOW)
