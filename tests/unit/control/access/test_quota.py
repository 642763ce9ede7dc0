"""ResourceQuota: never exceeded, whatever the order in which creates are admitted, stored, seen and fail."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bascule.control.access.admission import quota_sums, quota_usage, resource_quota
from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world


def quota(name: str = "q", **spec: Any) -> objects.Object:
    return world.named(name, "default", spec=spec)


def pod(name: str, cpu: str = "1", **rest: Any) -> objects.Object:
    made = world.pod(name, containers=[{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **rest)
    made["metadata"]["uid"] = f"uid-of-{name}"
    return made


def reserve(ledger: resource_quota.Ledger, obj: objects.Object, row: Any = builtins.PODS) -> resource_quota.Reservation:
    return ledger.reserve(world.asks(world.ALICE, "CREATE", row, obj), obj)


def test_words() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"pods": "2", "requests.cpu": "1500m"}))
    held.put("", "pods", pod("a"))
    ledger = resource_quota.Ledger(held)
    with pytest.raises(errors.StatusError) as caught:
        reserve(ledger, pod("b"))
    assert caught.value.message == (
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=1, '
        "limited: requests.cpu=1500m"
    )
    with pytest.raises(errors.StatusError, match=r"failed quota: q: must specify requests.cpu for: c"):
        reserve(ledger, world.pod("b"))
    reserve(ledger, pod("b", "500m"))


def test_a_failed_create_gives_back() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"pods": "1"}))
    ledger = resource_quota.Ledger(held)
    with reserve(ledger, pod("a")), pytest.raises(errors.StatusError, match="exceeded quota"):
        reserve(ledger, pod("b"))
    reserve(ledger, pod("b"))


def test_finished_pods_and_other_namespaces_do_not_count() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"pods": "1"}))
    held.put("", "pods", {**pod("done"), "status": {"phase": "Succeeded"}})
    held.put("", "pods", {**pod("far"), "metadata": {"name": "far", "namespace": "other"}})
    reserve(resource_quota.Ledger(held), pod("a"))


def test_counts_of_any_kind_and_growth_by_update() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"count/deployments.apps": "0", "services.nodeports": "1"}))
    ledger = resource_quota.Ledger(held)
    with pytest.raises(errors.StatusError, match=r"count/deployments\.apps"):
        reserve(ledger, world.named("d", "default"), builtins.DEPLOYMENTS)
    old = held.put("", "services", world.named("s", "default", spec={"type": "ClusterIP", "ports": [{}, {}]}))
    new = {**old, "spec": {"type": "NodePort", "ports": [{}, {}]}}
    with pytest.raises(errors.StatusError, match=r"requested: services\.nodeports=2"):
        ledger.reserve(world.asks(world.ALICE, "UPDATE", builtins.SERVICES, new, old=old), new)
    new["spec"]["ports"] = [{}]
    ledger.reserve(world.asks(world.ALICE, "UPDATE", builtins.SERVICES, new, old=old), new)


def test_scopes() -> None:
    held = world.DictReader()
    terms = [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
    held.put("", "resourcequotas", quota(hard={"pods": "0"}, scopeSelector={"matchExpressions": terms}))
    ledger = resource_quota.Ledger(held)
    reserve(ledger, pod("a"))
    with pytest.raises(errors.StatusError, match="exceeded quota"):
        reserve(ledger, pod("b", priorityClassName="high"))


def test_pod_totals_count_init_containers_and_sidecars() -> None:
    def asks(cpu: str, **rest: str) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **rest}

    spec = {"containers": [asks("1"), asks("1")], "initContainers": [asks("1", restartPolicy="Always"), asks("3")]}
    assert quota_usage.pod_totals({"spec": spec}, "requests") == {"cpu": 4 * quota_usage.BILLION}


def test_what_a_pod_states_as_a_whole_stands_for_its_containers() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"requests.cpu": "3", "limits.memory": "1Gi"}))
    ledger = resource_quota.Ledger(held)
    whole = {"requests": {"cpu": "2", "example.com/gpu": "9"}, "limits": {"memory": "512Mi", "hugepages-2Mi": "2Mi"}}
    containers = [{"name": "c", "resources": {"requests": {"cpu": "1"}}}, {"name": "silent"}]
    made = world.pod("a", containers=containers, resources=whole, overhead={"cpu": "250m"})
    assert quota_usage.pod_totals(made, "requests") == {"cpu": 2_250_000_000}
    assert quota_usage.pod_totals(made, "limits") == {
        "memory": 512 * 1024**2 * quota_usage.BILLION,
        "hugepages-2Mi": 2 * 1024**2 * quota_usage.BILLION,
    }
    reserve(ledger, made)  # Although one of its containers states nothing.
    with pytest.raises(errors.StatusError, match=r"exceeded quota: q, requested: requests\.cpu=2250m"):
        reserve(ledger, {**made, "metadata": {**made["metadata"], "name": "b", "uid": "b"}})


class Interleavings(RuleBasedStateMachine):
    """Creates in every stage at once: reserved, written but not visible, visible; some fail, some are deleted."""

    limit = 3

    def __init__(self) -> None:
        super().__init__()
        self.held = world.DictReader()
        self.held.put("", "resourcequotas", quota(hard={"pods": str(self.limit), "requests.cpu": "5"}))
        self.ledger = resource_quota.Ledger(self.held)
        self.pending: list[tuple[objects.Object, resource_quota.Reservation]] = []
        self.visible: list[tuple[objects.Object, resource_quota.Reservation]] = []
        self.count = 0

    @rule(cpu=st.sampled_from(["1", "2"]))
    def admit(self, cpu: str) -> None:
        self.count += 1
        made = pod(f"p{self.count}", cpu)
        stored = list(self.held.held.get(("", "pods"), {}).values())
        everything = stored + [obj for obj, _ in self.pending]
        total = sum(int(o["spec"]["containers"][0]["resources"]["requests"]["cpu"]) for o in everything)
        fits = len(everything) < self.limit and total + int(cpu) <= 5
        try:
            reservation = reserve(self.ledger, made)
        except errors.StatusError:
            assert not fits
        else:
            assert fits
            self.pending.append((made, reservation))

    @precondition(lambda self: self.pending)
    @rule(index=st.integers(0, 5), fails=st.booleans())
    def write(self, index: int, fails: bool) -> None:
        made, reservation = self.pending.pop(index % len(self.pending))
        if fails:
            reservation.release()
        else:
            self.held.put("", "pods", made)
            self.visible.append((made, reservation))

    @precondition(lambda self: self.visible)
    @rule(index=st.integers(0, 5))
    def settle(self, index: int) -> None:
        self.visible.pop(index % len(self.visible))[1].committed()

    @precondition(lambda self: self.held.held.get(("", "pods")))
    @rule(index=st.integers(0, 5))
    def delete(self, index: int) -> None:
        names = [objects.name(obj) for obj in self.held.held["", "pods"].values()]
        name = names[index % len(names)]
        settled = [pair for pair in self.visible if objects.name(pair[0]) == name]
        for pair in settled:
            pair[1].committed()
            self.visible.remove(pair)
        self.held.remove("", "pods", "default", name)

    @invariant()
    def never_exceeded(self) -> None:
        stored = self.held.held.get(("", "pods"), {}).values()
        assert len(stored) + len(self.pending) <= self.limit


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_damaged_quota_stops_nobody() -> None:
    held = world.DictReader()
    held.put("", "resourcequotas", quota(hard={"pods": "many", "requests.cpu": None, "secrets": "5"}))
    held.put("", "pods", pod("a", "what"))
    reserve(resource_quota.Ledger(held), pod("b", "1", priorityClassName=None))


def test_sums_follow_what_changes_and_not_what_is_said_of_the_quota() -> None:
    held = world.DictReader()
    document = held.put("", "resourcequotas", quota(hard={"requests.cpu": "10"}))
    counted = quota_sums.Quota("q", {"requests.cpu": 10 * quota_usage.BILLION}, document)
    sums = quota_sums.Sums(held)
    place = ("root", "default", "", "pods")

    def now() -> int:
        return sums.of(counted, place).get("requests.cpu", 0) // quota_usage.BILLION

    assert now() == 0
    held.put("", "pods", pod("a", "2"))
    held.put("", "pods", {**pod("far"), "metadata": {"name": "far", "namespace": "other"}})
    assert now() == 2
    held.list = None  # type: ignore[method-assign,assignment] # from here on nothing is counted anew
    held.put("", "pods", pod("a", "3"))
    held.put("", "pods", pod("b", "1"))
    assert now() == 4
    held.put("", "pods", {**pod("a", "3"), "status": {"phase": "Failed"}})
    assert now() == 1
    held.remove("", "pods", "default", "b")
    assert now() == 0
    counted = counted._replace(document={**document, "status": {"used": {}}})
    assert now() == 0


def test_sums_count_anew_when_too_much_has_changed() -> None:
    held = world.DictReader()
    document = held.put("", "resourcequotas", quota(hard={"pods": "10"}))
    counted = quota_sums.Quota("q", {"pods": 10 * quota_usage.BILLION}, document)
    sums = quota_sums.Sums(held)
    place = ("root", "default", "", "pods")
    assert not sums.of(counted, place)
    held.put("", "pods", pod("a"))
    held.changes = lambda *_: None  # type: ignore[method-assign,assignment]
    assert sums.of(counted, place) == {"pods": quota_usage.BILLION}
