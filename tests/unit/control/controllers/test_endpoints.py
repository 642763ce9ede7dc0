import hypothesis
import pytest
from hypothesis import strategies as st

from bascule.control.controllers import backends, endpoint_slice_mirroring, endpoints, slicing
from bascule.vocabulary import objects
from tests.unit.control.controllers import make


def slices_after(existing: list[objects.Object], changes: slicing.Changes) -> list[objects.Object]:
    """What the server has when the changes are written."""
    gone = {objects.name(one) for one in changes.delete}
    updated = {objects.name(one): one for one in changes.update}
    kept = [updated.get(objects.name(one), one) for one in existing if objects.name(one) not in gone]
    taken = {objects.name(one) for one in kept} | gone
    for one in changes.create:
        made = objects.deep_copy(one)
        made["metadata"]["name"] = next(name for name in map(str, range(999)) if name not in taken)
        taken.add(made["metadata"]["name"])
        kept.append(made)
    return kept


def addresses(slices: list[objects.Object]) -> list[str]:
    return [endpoint["addresses"][0] for one in slices for endpoint in one["endpoints"]]


def test_conditions_zone_and_named_port():
    pods = [
        make.pod("a", node="x", ready=True, ip="10.0.0.1"),
        make.pod("b", node="x", ip="10.0.0.2"),
        make.pod("c", node="x", ready=True, ip="10.0.0.3", leaving=True),
        make.pod("d", node="x", ip="10.0.0.4", phase="Succeeded"),
        make.pod("e", node="x", ready=True),
    ]
    found = backends.of_service(make.service(), pods, {"x": make.node("x", zone="z1")})
    states = {one.endpoint["addresses"][0]: tuple(one.endpoint["conditions"].values()) for one in found}
    assert states == {
        "10.0.0.1": (True, True, False),
        "10.0.0.2": (False, False, False),
        "10.0.0.3": (False, True, True),
    }
    assert {one.ports for one in found} == {(backends.Port("", "TCP", 80, ""),)}
    assert found[0].endpoint["zone"] == "z1"
    assert found[0].endpoint["targetRef"]["uid"] == "uid-a"


def test_a_headless_service_that_publishes_everything():
    service = make.service(clusterIP="None", publishNotReadyAddresses=True, ports=[])
    pod = make.pod("a", ip="10.0.0.1", hostname="db-0", subdomain="web")
    found = backends.of_service(service, [pod], {})
    assert found[0].endpoint["conditions"]["ready"]
    assert found[0].endpoint["hostname"] == "db-0"
    made = slicing.decide(service, found, [], manager="m").create[0]
    assert made["ports"] == []
    assert objects.labels(made)[slicing.HEADLESS] == ""


def test_pods_that_name_the_port_differently_get_slices_of_their_own():
    other = make.pod("b", ready=True, ip="10.0.0.2")
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = 8000
    unnamed = make.pod("c", ready=True, ip="10.0.0.3")
    unnamed["spec"]["containers"][0]["ports"] = []
    found = backends.of_service(make.service(), [make.pod("a", ready=True, ip="10.0.0.1"), other, unnamed], {})
    made = slicing.decide(make.service(), found, [], manager="m").create
    assert sorted((one["ports"][0]["port"], addresses([one])) for one in made) == [
        (80, ["10.0.0.1"]),
        (8000, ["10.0.0.2"]),
    ]


@pytest.mark.parametrize(
    ("lost", "withdrawn"),
    [("a", {"10.0.0.1"}), ("", set()), ("ab", set()), ("abc", set())],
)
def test_lost_nodes_withdraw_endpoints_unless_most_are_lost(lost, withdrawn):
    pods = [make.pod(name, node=name, ready=True, ip=f"10.0.0.{n}") for n, name in enumerate("abc", 1)]
    nodes = {name: make.node(name, ready="Unknown" if name in lost else "True") for name in "abc"}
    found = backends.of_service(make.service(), pods, nodes)
    unready = {one.endpoint["addresses"][0] for one in found if not one.endpoint["conditions"]["ready"]}
    assert unready == withdrawn


def test_the_only_backend_is_never_withdrawn_by_inference():
    nodes = {"a": make.node("a", ready="Unknown"), "b": make.node("b"), "c": make.node("c")}
    pods = [make.pod("a", node="a", ready=True, ip="10.0.0.1")]
    assert backends.of_service(make.service(), pods, nodes)[0].endpoint["conditions"]["ready"]


def test_a_service_without_pods_has_an_empty_slice_and_keeps_it():
    made = slices_after([], slicing.decide(make.service(), [], [], manager="m"))
    assert [one["endpoints"] for one in made] == [[]]
    assert slicing.decide(make.service(), [], made, manager="m") == slicing.Changes()


@hypothesis.given(
    rounds=st.lists(st.frozensets(st.integers(0, 400), max_size=260), min_size=1, max_size=4),
)
@hypothesis.settings(deadline=None, max_examples=40)
def test_placement_is_complete_bounded_and_stable(rounds):
    service, existing = make.service(), []
    for wanted in rounds:
        found = [
            backends.Backend(
                "IPv4",
                (backends.Port("", "TCP", 80, ""),),
                {"addresses": [f"10.0.{n // 200}.{n % 200}"], "conditions": {}, "targetRef": {"uid": str(n)}},
            )
            for n in sorted(wanted)
        ]
        changes = slicing.decide(service, found, existing, manager="m")
        before = {address: objects.name(one) for one in existing for address in addresses([one])}
        existing = slices_after(existing, changes)
        after = {address: objects.name(one) for one in existing for address in addresses([one])}
        assert sorted(addresses(existing)) == sorted(one.endpoint["addresses"][0] for one in found)
        assert all(len(one["endpoints"]) <= slicing.MOST for one in existing)
        assert all(after[address] == name for address, name in before.items() if address in after)
        assert slicing.decide(service, found, existing, manager="m") == slicing.Changes()


def test_one_change_touches_one_slice():
    service = make.service()
    pods = [make.pod(f"p{n:03}", ready=True, ip=f"10.0.{n // 200}.{n % 200}") for n in range(250)]
    existing = slices_after([], slicing.decide(service, backends.of_service(service, pods, {}), [], manager="m"))
    assert len(existing) == 3
    pods[7] = make.pod("p007", ready=False, ip="10.0.0.7")
    changes = slicing.decide(service, backends.of_service(service, pods, {}), existing, manager="m")
    assert (len(changes.create), len(changes.update), len(changes.delete)) == (0, 1, 0)


def test_the_mirror_separates_ready_from_not_ready():
    pods = [make.pod("a", ready=True, ip="10.0.0.2"), make.pod("b", ip="10.0.0.1")]
    service = make.service()
    found = backends.of_service(service, pods, {})
    document = endpoints.decide(service, found, None)
    subset = document["subsets"][0]
    assert [one["ip"] for one in subset["addresses"]] == ["10.0.0.2"]
    assert [one["ip"] for one in subset["notReadyAddresses"]] == ["10.0.0.1"]
    assert subset["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
    assert endpoints.decide(service, found, document) is None


def test_hand_written_endpoints_are_mirrored():
    written = {
        "metadata": {"name": "web", "namespace": "n"},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5432}]}],
    }
    service = make.service(selector=None)
    assert endpoint_slice_mirroring.mirrored(service, written)
    assert not endpoint_slice_mirroring.mirrored(make.service(), written)
    found = endpoint_slice_mirroring.backends_of(written)
    assert found[0].endpoint == {"addresses": ["192.0.2.1"], "conditions": {"ready": True}}
    assert found[0].ports == (backends.Port("", "TCP", 5432, ""),)
