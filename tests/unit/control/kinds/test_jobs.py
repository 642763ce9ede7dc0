"""Jobs: what their policies, their completion modes and their status may say, and what may change of them."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds import job_indexes
from bascule.control.kinds.strategy import Context
from tests.unit.control.kinds import samples

CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
STRATEGY = kinds.strategy_for("batch", "jobs")
Object = dict[str, Any]


def job(**spec: Any) -> Object:
    obj: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": samples.metadata(),
        "spec": {"template": samples.template(restartPolicy="Never"), **spec},
    }
    STRATEGY.default(obj)
    STRATEGY.prepare_create(obj, CONTEXT)
    return obj


def indexed(**spec: Any) -> Object:
    return job(**{"completionMode": "Indexed", "completions": 5, "parallelism": 2, **spec})


def told(causes: list[Any]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


RULE = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2]}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"podFailurePolicy": {"rules": [{"action": "FailJob"}]}},
            "spec.podFailurePolicy.rules[0]: Invalid value: "
            "specifying one of OnExitCodes and OnPodConditions is required",
        ),
        (
            {"podFailurePolicy": {"rules": [{**RULE, "action": "FailIndex"}]}},
            'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": '
            "requires the backoffLimitPerIndex to be set",
        ),
        (
            {"podFailurePolicy": {"rules": [{**RULE, "action": ""}]}},
            "spec.podFailurePolicy.rules[0].action: Required value: "
            'valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        ),
        (
            {"podFailurePolicy": {"rules": [{**RULE, "onExitCodes": {"operator": "In", "values": [0]}}]}},
            "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        ),
        (
            {"podFailurePolicy": {"rules": [RULE]}, "podReplacementPolicy": "TerminatingOrFailed"},
            'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
        ),
        ({"completionMode": "Indexed"}, "spec.completions: Required value: when completion mode is Indexed"),
        ({"maxFailedIndexes": 1}, "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"),
        (
            {"managedBy": "me"},
            'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
        ),
        (
            {"successPolicy": {"rules": [{"succeededCount": 1}]}},
            'spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode',
        ),
        (
            {
                "completionMode": "Indexed",
                "completions": 3,
                "successPolicy": {"rules": [{"succeededIndexes": "0-3"}]},
            },
            'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-3": '
            'error parsing succeededIndexes: too large index: "3"',
        ),
    ],
)
def test_refused(spec: Object, expected: str) -> None:
    if "completionMode" in spec and "completions" not in spec:
        spec = {**spec, "parallelism": 1}
    assert expected in told(STRATEGY.validate(job(**spec)))


def test_labels_of_ones_own_are_not_overwritten_but_refused() -> None:
    template = samples.template(restartPolicy="Never")
    template["metadata"]["labels"]["job-name"] = "another"
    found = told(STRATEGY.validate(job(template=template)))
    assert [line.partition(": Invalid")[0] for line in found] == ["spec.template.metadata.labels[job-name]"]


def test_an_indexed_job_is_scaled_in_tandem() -> None:
    old = indexed()
    new = copy.deepcopy(old)
    new["spec"] |= {"completions": 7, "parallelism": 7}
    assert STRATEGY.validate_update(new, old) == []
    new["spec"]["parallelism"] = 2
    assert told(STRATEGY.validate_update(new, old)) == [
        "spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism"
    ]


def test_what_schedules_a_suspended_job_may_change_until_it_has_started() -> None:
    old = job(suspend=True)
    new = copy.deepcopy(old)
    new["spec"]["template"]["spec"] |= {"nodeSelector": {"a": "b"}, "affinity": {"nodeAffinity": {}}}
    new["spec"]["template"]["metadata"]["annotations"] = {"a": "b"}
    assert STRATEGY.validate_update(new, old) == []
    new["spec"]["template"]["spec"]["affinity"]["podAffinity"] = {}
    assert [cause.field for cause in STRATEGY.validate_update(new, old)] == ["spec.template"]
    old["status"]["startTime"] = "2026-01-02T03:04:05Z"
    del new["spec"]["template"]["spec"]["affinity"]
    assert [cause.field for cause in STRATEGY.validate_update(new, old)] == ["spec.template"]


def true(*names: str) -> list[Object]:
    return [{"type": name, "status": "True"} for name in names]


START, END = "2026-01-02T03:04:05Z", "2026-01-02T03:05:05Z"
DONE = {"startTime": START, "completionTime": END, "conditions": true("SuccessCriteriaMet", "Complete")}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, DONE, []),
        (DONE, {**DONE, "active": 1}, ["status.active: Invalid value: 1: active>0 is invalid for finished job"]),
        (
            {},
            {"startTime": START, "conditions": true("Failed")},
            [
                "status.conditions: Invalid value: "
                "cannot set Failed=True condition without the FailureTarget=true condition"
            ],
        ),
        (
            {"startTime": START},
            {"startTime": START, "conditions": true("SuccessCriteriaMet", "Complete")},
            ["status.completionTime: Required value: completionTime is required for Complete jobs"],
        ),
        (
            DONE,
            {**DONE, "completionTime": "2026-01-02T03:06:05Z"},
            ['status.completionTime: Invalid value: "2026-01-02T03:06:05Z": completionTime cannot be mutated'],
        ),
        ({"failed": 2}, {"failed": 1}, ["status.failed: Invalid value: 1: cannot decrease the failed counter"]),
        (
            {"startTime": START},
            {},
            ["status.startTime: Required value: startTime cannot be removed for unsuspended job"],
        ),
        (
            {},
            {"completedIndexes": "1"},
            [
                'status.completedIndexes: Invalid value: "1": error parsing completedIndexes: too large index: "1"',
                'status.completedIndexes: Invalid value: "1": cannot set non-empty completedIndexes '
                "when non-indexed completion mode",
            ],
        ),
    ],
)
def test_status(before: Object, after: Object, expected: list[str]) -> None:
    old, new = job(), job()
    old["status"], new["status"] = before, after
    found = told(STRATEGY.validate_status(new, old))
    assert found == expected


def test_indexes() -> None:
    assert job_indexes.count("0,2-4", 5) == 4
    assert job_indexes.common("0,2-4", "1,4", 5) == 4
    assert job_indexes.common("0,2", "1,3-4", 5) is None
    for text, message in (("2,1", "non-increasing order, previous: 2, current: 1"), ("x", 'integer for index: "x"')):
        with pytest.raises(job_indexes.BadIndexes, match=message):
            job_indexes.count(text, 5)
