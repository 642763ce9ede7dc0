"""What Jobs' policies make of pods that end."""

import pytest

from bascule.control.controllers import job, job_policies
from bascule.vocabulary import objects
from tests.unit.control.controllers import make
from tests.unit.control.controllers.test_workloads import workload

EXIT = {"onExitCodes": {"operator": "In", "values": [3, 42]}}
OTHER = {"onExitCodes": {"operator": "NotIn", "values": [3], "containerName": "c"}}
EVICTED = {"onPodConditions": [{"type": "DisruptionTarget"}]}


def ended(name: str, code: int, *, index: int = -1, conditions=(), before: int = 0) -> objects.Object:
    pod = make.pod(name, phase="Failed" if code else "Succeeded")
    pod["status"]["containerStatuses"] = [{"name": "c", "state": {"terminated": {"exitCode": code}}}]
    pod["status"]["conditions"] = [{"type": kind, "status": "True"} for kind in conditions]
    if index >= 0:
        pod["metadata"]["annotations"] = {job.INDEX: str(index), job_policies.FAILURES: str(before)}
    return pod


@pytest.mark.parametrize(
    ("rules", "pod", "counted", "fatal"),
    [
        ([], ended("a", 1), 1, ""),
        ([{**EXIT, "action": "Ignore"}], ended("a", 42), 0, ""),
        ([{**EXIT, "action": "Ignore"}], ended("a", 1), 1, ""),
        ([{**EXIT, "action": "Ignore"}], ended("a", 0), 0, ""),
        ([{**OTHER, "action": "FailJob"}], ended("a", 3), 1, ""),
        ([{**OTHER, "action": "FailJob"}], ended("a", 4), 1,
         "Container c for pod n/a failed with exit code 4 matching FailJob rule at index 0"),
        ([{**EXIT, "action": "Count"}, {**OTHER, "action": "FailJob"}], ended("a", 42), 1, ""),
        ([{**EVICTED, "action": "Ignore"}], ended("a", 1, conditions=["DisruptionTarget"]), 0, ""),
        ([{**EXIT, "action": "Ignore"}, {**EVICTED, "action": "FailJob"}],
         ended("a", 1, conditions=["DisruptionTarget"]), 1,
         "Pod n/a has condition DisruptionTarget matching FailJob rule at index 1"),
    ],
)  # fmt: skip
def test_the_first_rule_that_fits_decides(rules, pod, counted, fatal):
    subject = workload("Job", completions=1, podFailurePolicy={"rules": rules})
    assert len(job_policies.counted(subject, [pod])) == counted
    assert job_policies.fatal(subject, [pod]) == fatal
    verdict = job.decide(subject, [pod], make.NOW).verdict
    assert (verdict is not None and verdict[1] == "PodFailurePolicy") == bool(fatal)


def indexed(**spec) -> objects.Object:
    return workload("Job", completions=3, parallelism=3, completionMode="Indexed", **spec)


def test_each_index_has_failures_of_its_own():
    subject = indexed(backoffLimitPerIndex=1, backoffLimit=1 << 31)
    once, twice = ended("a", 1, index=0), ended("b", 1, index=1, before=1)
    assert job_policies.failures(subject, [once, twice]) == {0: 1, 1: 2}
    assert job_policies.lost(subject, [once, twice]) == {1}
    plan = job.decide(subject, [once, twice], make.NOW)
    assert (plan.create, plan.verdict) == ([0, 2], None)
    status = job.status_of(subject, [once, twice], None, make.NOW)
    assert (status["failedIndexes"], status["failed"]) == ("1", 2)
    subject["status"] = {"failedIndexes": "1-2", "completedIndexes": "0"}
    assert job.decide(subject, [], make.NOW).verdict == ("Failed", "FailedIndexes", "Job has failed indexes")
    subject["spec"]["maxFailedIndexes"] = 1
    verdict = job.decide(subject, [], make.NOW).verdict
    assert verdict is not None
    assert verdict[1] == "MaxFailedIndexesExceeded"


def test_a_rule_loses_an_index_at_once():
    rules = [{**EXIT, "action": "FailIndex"}]
    subject = indexed(backoffLimitPerIndex=5, podFailurePolicy={"rules": rules})
    assert job_policies.lost(subject, [ended("a", 42, index=2), ended("b", 1, index=0)]) == {2}


@pytest.mark.parametrize(
    ("rules", "done", "enough"),
    [
        ([{"succeededIndexes": "0,2"}], {0}, ""),
        ([{"succeededIndexes": "0,2"}], {0, 2}, "Matched rules at index 0"),
        ([{"succeededIndexes": "0,2", "succeededCount": 1}], {2}, "Matched rules at index 0"),
        ([{"succeededIndexes": "2"}, {"succeededCount": 2}], {0, 1}, "Matched rules at index 1"),
        ([{"succeededCount": 2}], {0}, ""),
    ],
)
def test_enough_is_enough(rules, done, enough):
    subject = indexed(successPolicy={"rules": rules})
    assert job_policies.enough(subject, done) == enough
    pods = [ended(str(index), 0, index=index) for index in done]
    verdict = job.decide(subject, pods, make.NOW).verdict
    assert (verdict or ("", "", ""))[1:] == (("SuccessPolicy", enough) if enough else ("", ""))


def test_a_pod_on_its_way_out_may_have_to_be_gone_before_another_comes():
    subject = workload("Job", completions=1, podReplacementPolicy="Failed")
    assert job.decide(subject, [make.pod("a", leaving=True)], make.NOW).create == []
    subject["spec"]["podReplacementPolicy"] = "TerminatingOrFailed"
    assert job.decide(subject, [make.pod("a", leaving=True)], make.NOW).create == [-1]


def standing(**conditions: str) -> objects.Object:
    return {
        "conditions": [
            {"type": kind, "status": status, "reason": f"{kind}Reason", "message": kind.lower()}
            for kind, status in conditions.items()
        ]
    }


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {}, []),
        ({}, standing(Complete="True"), [("Normal", "Completed", "Job completed")]),
        ({}, standing(Failed="True"), [("Warning", "FailedReason", "failed")]),
        (standing(Failed="True"), standing(Failed="True"), []),
        ({}, standing(Suspended="True"), [("Normal", "Suspended", "Job suspended")]),
        (standing(Suspended="True"), standing(Suspended="False"), [("Normal", "Resumed", "Job resumed")]),
        ({}, standing(Suspended="False", SuccessCriteriaMet="True"), []),
    ],
)
def test_changes_of_a_job_are_told_as_upstream_tells_them(before, after, told):
    assert list(job.news(before, after)) == told
