"""Job, DaemonSet, StatefulSet and disruption budgets: their decisions."""

from datetime import timedelta

import pytest

from bascule.control.controllers import daemon_set, disruption, history, job, stateful_set
from bascule.vocabulary import objects, timestamps
from tests.unit.control.controllers import make

NOW = make.NOW
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "v1"}]}}


def workload(kind: str, **spec) -> objects.Object:
    metadata = {"name": "web", "namespace": "n", "uid": "w", "generation": 1}
    spec = {"template": objects.deep_copy(TEMPLATE), **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": {}}


def job_pods(*phases: str) -> list[objects.Object]:
    return [make.pod(str(number), phase=phase) for number, phase in enumerate(phases)]


@pytest.mark.parametrize(
    ("spec", "phases", "created", "deleted", "verdict"),
    [
        ({"completions": 3, "parallelism": 2}, [], 2, 0, None),
        ({"completions": 3, "parallelism": 2}, ["Succeeded", "Succeeded"], 1, 0, None),
        ({"completions": 2, "parallelism": 2}, ["Succeeded", "Succeeded"], 0, 0, "Complete"),
        ({"parallelism": 2}, [], 2, 0, None),
        ({"parallelism": 2}, ["Succeeded", "Running"], 0, 0, None),
        ({"parallelism": 2}, ["Succeeded", "Succeeded"], 0, 0, "Complete"),
        ({"completions": 1, "backoffLimit": 1}, ["Failed", "Failed"], 0, 0, "Failed"),
        ({"completions": 1, "backoffLimit": 2}, ["Failed", "Failed"], 1, 0, None),
        ({"completions": 1, "suspend": True}, ["Running"], 0, 1, None),
        ({"completions": 4, "parallelism": 1}, ["Running", "Running", "Running"], 0, 2, None),
    ],
)
def test_jobs(spec, phases, created, deleted, verdict):
    plan = job.decide(workload("Job", **spec), job_pods(*phases), NOW)
    assert (len(plan.create), len(plan.delete)) == (created, deleted)
    assert (plan.verdict[0] if plan.verdict else None) == verdict


def test_a_failed_pod_is_replaced_after_a_pause():
    failed = make.pod("a", phase="Failed")
    failed["status"]["conditions"][0]["lastTransitionTime"] = timestamps.format(NOW - timedelta(seconds=4))
    plan = job.decide(workload("Job", completions=1), [failed], NOW)
    assert (plan.create, plan.later_seconds) == ([], 6)


def test_indexed_jobs_fill_the_gaps():
    subject = workload("Job", completions=4, parallelism=4, completionMode="Indexed")
    done = make.pod("a", phase="Succeeded")
    done["metadata"]["annotations"] = {job.INDEX: "1"}
    assert job.decide(subject, [done], NOW).create == [0, 2, 3]
    assert job.status_of(subject, [done], None, NOW)["completedIndexes"] == "1"


def test_a_job_that_is_over_time_fails():
    subject = workload("Job", completions=1, activeDeadlineSeconds=60)
    subject["status"] = {"startTime": timestamps.format(NOW - timedelta(seconds=61))}
    plan = job.decide(subject, job_pods("Running"), NOW)
    assert plan.verdict is not None
    assert (plan.verdict[1], len(plan.delete)) == ("DeadlineExceeded", 1)


def daemon_pod(node: str, revision="r1", **options) -> objects.Object:
    pod = make.pod(f"d-{node}", node=node, **options)
    pod["metadata"]["labels"][daemon_set.HASH] = revision
    return pod


def test_daemons_go_where_they_fit():
    tainted = make.node("tainted", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    lost = make.node("lost", taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])
    nodes = [make.node("a"), make.node("b"), tainted, lost]
    plan = daemon_set.decide(workload("DaemonSet"), nodes, [daemon_pod("b", ready=True)], "r1", NOW)
    assert plan.create == ["a", "lost"]
    made = daemon_set.pod_for(workload("DaemonSet"), "a", "r1")
    assert daemon_set.target(made) == "a"


def test_daemons_are_replaced_one_at_a_time_and_broken_ones_at_once():
    nodes = [make.node(name) for name in "abc"]
    own = [daemon_pod("a", ready=True), daemon_pod("b", ready=True), daemon_pod("c", ready=True)]
    assert len(daemon_set.decide(workload("DaemonSet"), nodes, own, "r2", NOW).delete) == 1
    own[0] = daemon_pod("a", ready=False)
    plan = daemon_set.decide(workload("DaemonSet"), nodes, own, "r2", NOW)
    assert [objects.name(pod) for pod in plan.delete] == ["d-a"]
    status = daemon_set.status_of(workload("DaemonSet"), nodes, own, "r1", NOW)
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberUnavailable"]) == (3, 2, 1)


def test_conditions_others_have_set_stay():
    said = [{"type": "Seen", "status": "True"}]
    subject = {**workload("DaemonSet"), "status": {"conditions": said}}
    assert daemon_set.status_of(subject, [], [], "r1", NOW)["conditions"] == said
    subject = {**workload("StatefulSet"), "status": {"conditions": said}}
    assert stateful_set.status_of(subject, [], "r1", "r1", NOW)["conditions"] == said


def stateful_pod(number: int, revision="r1", *, ready=True, **options) -> objects.Object:
    pod = make.pod(f"web-{number}", ready=ready, **options)
    pod["metadata"]["labels"][stateful_set.REVISION] = revision
    return pod


def settled(subject, own, current="r1", update="r1"):
    plan = stateful_set.decide(subject, own, current, update, NOW)
    return plan.create, [objects.name(pod) for pod in plan.delete]


def test_stateful_pods_come_one_after_the_other():
    subject = workload("StatefulSet", replicas=3)
    assert settled(subject, []) == ([(0, "r1")], [])
    assert settled(subject, [stateful_pod(0, ready=False)]) == ([], [])
    assert settled(subject, [stateful_pod(0)]) == ([(1, "r1")], [])
    parallel = workload("StatefulSet", replicas=3, podManagementPolicy="Parallel")
    assert settled(parallel, []) == ([(0, "r1"), (1, "r1"), (2, "r1")], [])


def test_stateful_pods_go_from_the_highest():
    subject = workload("StatefulSet", replicas=1)
    own = [stateful_pod(0), stateful_pod(1), stateful_pod(2)]
    assert settled(subject, own) == ([], ["web-2"])
    own[2] = stateful_pod(2, leaving=True)
    assert settled(subject, own) == ([], [])


def test_a_name_is_not_given_again_while_its_pod_is_leaving():
    subject = workload("StatefulSet", replicas=2)
    assert settled(subject, [stateful_pod(0, leaving=True), stateful_pod(1)]) == ([], [])


def test_stateful_updates_go_downwards_to_the_partition():
    own = [stateful_pod(0), stateful_pod(1), stateful_pod(2)]
    assert settled(workload("StatefulSet", replicas=3), own, "r1", "r2") == ([], ["web-2"])
    own[2] = stateful_pod(2, "r2", ready=False)
    assert settled(workload("StatefulSet", replicas=3), own, "r1", "r2") == ([], [])
    own[2] = stateful_pod(2, "r2")
    assert settled(workload("StatefulSet", replicas=3), own, "r1", "r2") == ([], ["web-1"])
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert settled(workload("StatefulSet", replicas=3, updateStrategy=partition), own, "r1", "r2") == ([], [])


def test_a_broken_update_can_be_replaced_by_its_mend():
    own = [stateful_pod(0), stateful_pod(1, "r2", ready=False)]
    assert settled(workload("StatefulSet", replicas=2), own, "r1", "r3") == ([], ["web-1"])


def test_the_update_is_over_when_everything_is_new_and_available():
    subject = workload("StatefulSet", replicas=2)
    own = [stateful_pod(0, "r2"), stateful_pod(1, "r2")]
    status = stateful_set.status_of(subject, own, "r1", "r2", NOW)
    assert (status["currentRevision"], status["updatedReplicas"], status["currentReplicas"]) == ("r2", 2, 2)
    own[0] = stateful_pod(0)
    assert stateful_set.status_of(subject, own, "r1", "r2", NOW)["currentRevision"] == "r1"


def test_stateful_pods_have_their_own_names_and_claims():
    claim = {"metadata": {"name": "data"}, "spec": {}}
    subject = workload("StatefulSet", serviceName="db", volumeClaimTemplates=[claim])
    pod = stateful_set.pod_for(subject, 1, "r1", TEMPLATE)
    assert (objects.name(pod), pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web-1", "db")
    assert pod["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}]
    assert [objects.name(one) for one in stateful_set.claims_for(subject, 1)] == ["data-web-1"]


def test_history_renumbers_instead_of_repeating():
    subject = workload("StatefulSet")
    first = history.decide(subject, [], frozenset()).create
    assert first is not None
    subject["spec"]["template"]["spec"]["containers"][0]["image"] = "v2"
    second = history.decide(subject, [first], frozenset()).create
    assert second is not None
    assert (first["revision"], second["revision"]) == (1, 2)
    subject["spec"]["template"] = history.template_in(first)
    again = history.decide(subject, [first, second], frozenset())
    assert again.create is None
    assert again.renumber is not None
    assert (again.renumber["revision"], again.current) == (3, objects.name(first))


@pytest.mark.parametrize(
    ("spec", "ready", "unready", "expected", "allowed"),
    [
        ({"minAvailable": 2}, 3, 0, 3, 1),
        ({"minAvailable": 2}, 2, 1, 3, 0),
        ({"minAvailable": "50%"}, 3, 0, 4, 1),
        ({"maxUnavailable": 1}, 3, 0, 3, 1),
        ({"maxUnavailable": 1}, 2, 1, 3, 0),
        ({"maxUnavailable": "34%"}, 3, 0, 3, 2),
        ({"minAvailable": 0}, 0, 0, 0, 0),
    ],
)
def test_disruption_budgets(spec, ready, unready, expected, allowed):
    pods = [make.pod(f"r{n}", ready=True) for n in range(ready)] + [make.pod(f"u{n}") for n in range(unready)]
    budget = {"metadata": {"name": "b", "generation": 1}, "spec": spec}
    assert disruption.decide(budget, pods, expected, NOW)["disruptionsAllowed"] == allowed


def test_an_eviction_counts_until_its_pod_is_gone_or_the_note_is_old():
    pods = [make.pod(name, ready=True) for name in "abc"]
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 2}}
    budget["status"] = {"disruptedPods": {"a": timestamps.format(NOW), "gone": timestamps.format(NOW)}}
    status = disruption.decide(budget, pods, 3, NOW)
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["a"])
    later = disruption.decide(budget, pods, 3, NOW + timedelta(minutes=3))
    assert later["disruptionsAllowed"] == 1


def test_a_copy_of_a_revision_stands_for_it():
    owner = workload("DaemonSet")
    first = history.decide(owner, [], frozenset()).create
    assert first is not None
    copy = {**first, "metadata": {**first["metadata"], "name": "copy"}, "revision": 2}
    for known in ([first, copy], [copy]):
        plan = history.decide(owner, known, frozenset())
        assert (plan.create, plan.renumber, plan.delete) == (None, None, [])
    other = {**copy, "data": {"spec": {"template": {}}}}
    plan = history.decide(owner, [first, other], frozenset())
    assert plan.renumber is not None
    assert (plan.renumber["metadata"]["name"], plan.renumber["revision"]) == (first["metadata"]["name"], 3)
