"""When a CronJob is due, what it makes, what it clears away; and when storage may go."""

from datetime import UTC, datetime, timedelta

import pytest

from bascule.control.controllers import cron_job, cron_times, history, volume_protection
from bascule.vocabulary import cron
from tests.unit.control.controllers import make

NOON = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def clockwork(schedule: str, *, created="2026-01-01T11:00:00Z", last="", **spec):
    metadata = {"name": "c", "namespace": "n", "uid": "u", "creationTimestamp": created}
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"k": "v"}}, "spec": {"parallelism": 2}}
    status = {"lastScheduleTime": last} if last else {}
    described = {"apiVersion": "batch/v1", "kind": "CronJob"}
    return {
        **described,
        "metadata": metadata,
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
        "status": status,
    }


def ended(name: str, kind: str, started: str, done: str = ""):
    status = {"startTime": started, "conditions": [{"type": kind, "status": "True"}]}
    if done:
        status["completionTime"] = done
    return {"metadata": {"name": name, "namespace": "n", "uid": name}, "status": status}


@pytest.mark.parametrize(
    ("schedule", "given", "last", "later"),
    [
        ("0 * * * *", {}, datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 1, 13, 0, tzinfo=UTC)),
        ("0 * * * *", {"last": "2026-01-01T12:00:00Z"}, None, datetime(2026, 1, 1, 13, 0, tzinfo=UTC)),
        ("30 12 * * *", {}, None, datetime(2026, 1, 1, 12, 30, tzinfo=UTC)),
        ("0 7 * * *", {"timeZone": "America/New_York"}, datetime(2026, 1, 1, 12, 0, tzinfo=UTC), None),
        ("@every 10m", {}, datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 1, 12, 10, tzinfo=UTC)),
        ("0 12 * * *", {"startingDeadlineSeconds": 10}, None, datetime(2026, 1, 2, 12, 0, tzinfo=UTC)),
    ],
)
def test_the_latest_unseen_time_is_due(schedule, given, last, later):
    found = cron_times.due(clockwork(schedule, **given), NOON)
    assert found.last == last
    assert later is None or found.next == later
    assert not found.missed


@pytest.mark.parametrize("schedule", ["* * * * *", "0 * * * *", "@every 1m"])
def test_years_of_neglect_end_with_one_job(schedule):
    found = cron_times.due(clockwork(schedule, created="2024-01-01T00:00:00Z"), NOON)
    assert found.missed
    assert found.last is not None
    assert NOON - timedelta(hours=1) < found.last <= NOON


def test_a_day_that_never_comes_is_said_and_a_bad_schedule_too():
    with pytest.raises(cron_times.Unsatisfiable):
        cron_times.due(clockwork("59 23 31 2 *"), NOON)
    with pytest.raises(cron.BadSchedule):
        cron_times.due(clockwork("every now and then"), NOON)


def test_the_job_is_named_for_its_time_and_owned():
    made = cron_job.job_for(clockwork("0 * * * *"), datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
    assert made["metadata"]["name"] == f"c-{int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()) // 60}"
    assert made["metadata"]["annotations"] == {"k": "v", cron_job.SCHEDULED: "2026-01-01T12:00:00Z"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u"
    assert made["spec"] == {"parallelism": 2}


def test_history_keeps_three_successes_and_one_failure():
    done = [ended(f"s{n}", "Complete", f"2026-01-01T0{n}:00:00Z", f"2026-01-01T0{n}:30:00Z") for n in range(5)]
    failed = [ended(f"f{n}", "Failed", f"2026-01-01T0{n}:00:00Z") for n in range(2)]
    running = {"metadata": {"name": "r", "namespace": "n", "uid": "r"}, "status": {}}
    gone = [one["metadata"]["name"] for one in cron_job.surplus(clockwork("@daily"), [*done, *failed, running])]
    assert gone == ["s0", "s1", "f0"]
    status = cron_job.status_of(clockwork("@daily"), [*done, running], NOON)
    assert [one["name"] for one in status["active"]] == ["r"]
    assert status["lastSuccessfulTime"] == "2026-01-01T04:30:00Z"
    assert status["lastScheduleTime"] == "2026-01-01T12:00:30Z"


def test_a_claim_is_used_by_pods_on_nodes_that_have_not_finished():
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "disk"}}, {"name": "e", "ephemeral": {}}]
    assert volume_protection.uses(make.pod(node="x", volumes=volumes), "disk")
    assert not volume_protection.uses(make.pod(volumes=volumes), "disk")
    assert not volume_protection.uses(make.pod(node="x", phase="Succeeded", volumes=volumes), "disk")
    assert not volume_protection.uses(make.pod(node="x", volumes=volumes), "other")
    claim = {"metadata": {"finalizers": [volume_protection.CLAIM_FINALIZER]}}
    assert not volume_protection.releasable(claim, volume_protection.CLAIM_FINALIZER)
    claim["metadata"]["deletionTimestamp"] = make.LONG_AGO
    assert volume_protection.releasable(claim, volume_protection.CLAIM_FINALIZER)


def test_a_revision_remembers_the_cause_of_its_change():
    cause = {"kubernetes.io/change-cause": "kubectl apply"}
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "d", "uid": "u", "annotations": cause}}
    made = history.decide(owner, [], frozenset()).create
    assert made["metadata"]["annotations"] == cause
