from datetime import timedelta

import pytest

from bascule.control.controllers import claims, ranking, replica_set
from bascule.vocabulary import conditions, labels, objects, timestamps
from tests.unit.control.controllers import make

NOW = make.NOW


def owner(replicas=3, **spec) -> objects.Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "rs", "namespace": "n", "uid": "rs", "generation": 2},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


def names(pods) -> list[str]:
    return [objects.name(pod) for pod in pods]


@pytest.mark.parametrize(
    ("replicas", "pods", "create", "delete"),
    [
        (3, [], 3, 0),
        (3, ["Running", "Failed", "Succeeded"], 2, 0),
        (0, ["Running", "Pending"], 0, 2),
        (2, ["Running", "Running"], 0, 0),
        (900, [], 500, 0),
    ],
)
def test_counting(replicas, pods, create, delete):
    own = [make.pod(str(n), phase=phase) for n, phase in enumerate(pods)]
    plan = replica_set.decide(owner(replicas), own, own, NOW)
    assert (plan.create, len(plan.delete)) == (create, delete)


def test_a_set_that_is_going_makes_and_removes_nothing():
    going = owner(3)
    going["metadata"]["deletionTimestamp"] = make.LONG_AGO
    assert replica_set.decide(going, [], [], NOW) == replica_set.Plan(0, [])


def test_the_least_useful_pod_goes_first():
    cheap = make.pod("cheap", node="x", ready=True)
    cheap["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
    restarted = make.pod("restarted", node="y", ready=True)
    restarted["status"]["containerStatuses"] = [{"restartCount": 4}]
    young = make.pod("young", node="z", ready=True)
    young["status"]["conditions"][0]["lastTransitionTime"] = timestamps.format(NOW - timedelta(seconds=5))
    pods = [
        make.pod("good", node="w", ready=True),
        restarted,
        young,
        cheap,
        make.pod("unready", node="x"),
        make.pod("pending", node="x", phase="Pending"),
        make.pod("unassigned", phase="Pending"),
    ]
    order = ["unassigned", "pending", "unready", "cheap", "young", "restarted", "good"]
    assert names(ranking.to_delete(pods, [], 7, NOW)) == order


def test_crowded_nodes_are_thinned_first():
    pods = [make.pod(name, node=node, ready=True) for name, node in [("a", "x"), ("b", "y"), ("c", "y")]]
    assert names(ranking.to_delete(pods, pods, 1, NOW))[0] in {"b", "c"}


def test_status_counts_and_says_when_to_look_again():
    fresh = make.pod("fresh", ready=True)
    fresh["status"]["conditions"][0]["lastTransitionTime"] = timestamps.format(NOW - timedelta(seconds=4))
    own = [make.pod("a", ready=True), fresh, make.pod("b"), make.pod("going", leaving=True)]
    status, later = replica_set.status_of(owner(minReadySeconds=10), own, None, NOW)
    assert status == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 2,
        "terminatingReplicas": 1,
    }
    assert later == 6


def test_failure_is_a_condition_that_goes_away():
    subject = owner()
    subject["status"], _ = replica_set.status_of(subject, [], "quota", NOW)
    failure = conditions.find(subject["status"]["conditions"], "ReplicaFailure")
    assert (failure["reason"], failure["message"]) == ("FailedCreate", "quota")
    status, _ = replica_set.status_of(subject, [], None, NOW)
    assert "conditions" not in status


def test_claims():
    mine = {"uid": "rs", "controller": True, "kind": "ReplicaSet", "name": "rs"}
    other = {"uid": "other", "controller": True, "kind": "ReplicaSet", "name": "other"}

    def pod(name, reference=None, labels=None, **options):
        made = make.pod(name, labels=labels, **options)
        if reference:
            made["metadata"]["ownerReferences"] = [reference]
        return made

    candidates = [
        pod("kept", mine),
        pod("released", mine, {"app": "other"}),
        pod("adopted"),
        pod("foreign", other),
        pod("unrelated", None, {"app": "other"}),
        pod("going", leaving=True),
    ]
    claim = claims.decide(owner(), labels.from_label_selector({"matchLabels": {"app": "web"}}), candidates)
    assert [names(part) for part in (claim.kept, claim.adopt, claim.release)] == [["kept"], ["adopted"], ["released"]]


async def test_a_broken_template_costs_one_request():
    tries = []

    async def refuse() -> None:
        tries.append(1)
        raise ValueError("quota")

    assert (await replica_set.slow_start(100, refuse))[0] == 0
    assert len(tries) == 1


async def test_slow_start_reaches_everything():
    tries = []

    async def act() -> None:
        tries.append(1)

    assert await replica_set.slow_start(100, act) == (100, None)
    assert len(tries) == 100
