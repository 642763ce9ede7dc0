"""Jobs and CronJobs as conformance tests look at them; how their pods end, the tests say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import plane as planes

NOW = "2026-01-02T03:04:05Z"
UPDATED = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("jobs")) as running:
        yield running


def job(name: str, **spec: Any) -> objects.Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "r.example/c:1"}]}
    template = {"metadata": {"labels": {"job": name}}, "spec": pod}
    return {"metadata": {"name": name, "labels": {"e2e": name}}, "spec": {"template": template, **spec}}


def _changed(plane: planes.Plane, path: str, spec: objects.Object) -> Any:
    current = plane.get(path)
    current["spec"].update(spec)
    code, answer = plane.ask("PUT", path, current)
    return answer if code == 200 else None


def test_a_jobs_status_and_life(plane: planes.Plane) -> None:
    batch = f"/apis/batch/v1/namespaces/{plane.space()}/jobs"
    plane.make(batch, job("one", suspend=True, parallelism=2, completions=2, backoffLimit=6))
    plane.until(f"{batch}/one", lambda one: (one.get("status") or {}).get("conditions"))
    plane.done(
        "PATCH",
        f"{batch}/one",
        {"metadata": {"labels": {"patched": "yes"}}, "spec": {"parallelism": 1}},
        planes.STRATEGIC,
    )
    waiting.until_sync(lambda: _changed(plane, f"{batch}/one", {"suspend": False}))
    plane.until(f"{batch}/one", lambda one: one["status"].get("active") == 1)
    start = plane.get(f"{batch}/one")["status"]["startTime"]
    plane.done(
        "PATCH",
        f"{batch}/one/status",
        {
            "metadata": {"annotations": {"patchedstatus": "true"}},
            "status": {
                "conditions": [
                    {**UPDATED, "type": "CustomConditionType", "lastTransitionTime": NOW, "lastProbeTime": NOW}
                ]
            },
        },
    )
    read = plane.get(f"{batch}/one/status")
    assert read["metadata"]["annotations"]["patchedstatus"] == "true"
    assert read["status"]["startTime"] == start
    assert "CustomConditionType" in [one["type"] for one in read["status"]["conditions"]]
    code, refused = plane.ask("PATCH", f"{batch}/one/status", {"status": {"startTime": NOW}})
    assert code == 422, refused
    plane.done("DELETE", f"{batch}/one", {"propagationPolicy": "Foreground"})
    plane.gone(f"{batch}/one")


def test_a_suspended_job_may_be_given_another_start(plane: planes.Plane) -> None:
    batch = f"/apis/batch/v1/namespaces/{plane.space()}/jobs"
    plane.make(batch, job("one", parallelism=1))
    plane.until(f"{batch}/one", lambda one: (one.get("status") or {}).get("active") == 1)
    waiting.until_sync(lambda: _changed(plane, f"{batch}/one", {"suspend": True}))
    said = plane.until(
        f"{batch}/one", lambda one: not one["status"].get("startTime") and not one["status"].get("active")
    )
    suspended = next(one for one in said["status"]["conditions"] if one["type"] == "Suspended")
    assert (suspended["status"], suspended["reason"]) == ("True", "JobSuspended")
    plane.until(
        batch.removesuffix("/jobs").replace("/apis/batch/v1", "/api/v1") + "/pods", lambda pods: not pods["items"]
    )


def test_a_job_adopts_and_releases(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    plane.make(batch, job("one", parallelism=2, completions=4))
    first = plane.until(f"{space}/pods?labelSelector=job=one", lambda pods: len(pods["items"]) == 2)["items"][0]
    path = f"{space}/pods/{first['metadata']['name']}"
    plane.done("PATCH", path, {"metadata": {"ownerReferences": None}})
    plane.until(path, lambda one: one["metadata"].get("ownerReferences"))
    labels = dict.fromkeys(first["metadata"]["labels"])
    plane.done("PATCH", path, {"metadata": {"labels": labels}})
    plane.until(path, lambda one: not one["metadata"].get("ownerReferences"))


def finish(plane: planes.Plane, space: str, pod: objects.Object, phase: str, **more: Any) -> None:
    code = more.pop("code", 0)
    terminated = {"exitCode": code, "startedAt": NOW, "finishedAt": NOW}
    status = {
        "name": "c",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": terminated},
    }
    plane.done(
        "PATCH",
        f"{space}/pods/{pod['metadata']['name']}/status",
        {"status": {"phase": phase, "containerStatuses": [status], **more}},
        planes.STRATEGIC,
    )


def conditions_of(one: objects.Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each.get("reason", "")) for each in one["status"].get("conditions") or ()}


def test_an_indexed_job_runs_every_index_to_its_end(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    plane.make(batch, job("one", parallelism=2, completions=3, completionMode="Indexed"))
    ended: set[str] = set()
    while len(ended) < 3:
        pods = plane.until(
            f"{space}/pods", lambda pods: [one for one in pods["items"] if one["metadata"]["name"] not in ended]
        )
        for each in pods["items"]:
            if each["metadata"]["name"] not in ended:
                ended.add(each["metadata"]["name"])
                finish(plane, space, each, "Succeeded")
    done = plane.until(f"{batch}/one", lambda one: "Complete" in conditions_of(one))
    assert done["status"]["completedIndexes"] == "0-2"
    assert done["status"]["succeeded"] == 3
    assert list(conditions_of(done)) == ["SuccessCriteriaMet", "Complete"]


def test_a_failure_policy_fails_a_job_at_once(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    codes = {"containerName": "c", "operator": "In", "values": [1]}
    plane.make(
        batch, job("one", backoffLimit=5, podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": codes}]})
    )
    (pod,) = plane.until(f"{space}/pods", lambda pods: pods["items"])["items"]
    finish(plane, space, pod, "Failed", code=1)
    done = plane.until(f"{batch}/one", lambda one: "Failed" in conditions_of(one))
    assert conditions_of(done)["Failed"] == ("True", "PodFailurePolicy")
    assert conditions_of(done)["FailureTarget"] == ("True", "PodFailurePolicy")


def test_a_failure_that_is_ignored_does_not_count(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    rules = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
    plane.make(batch, job("one", backoffLimit=0, podFailurePolicy={"rules": rules}))
    (pod,) = plane.until(f"{space}/pods", lambda pods: pods["items"])["items"]
    finish(plane, space, pod, "Failed", code=1, conditions=[{"type": "DisruptionTarget", "status": "True"}])
    pods = plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 2)["items"]
    (second,) = [one for one in pods if one["metadata"]["uid"] != pod["metadata"]["uid"]]
    finish(plane, space, second, "Succeeded")
    done = plane.until(f"{batch}/one", lambda one: "Complete" in conditions_of(one))
    assert not done["status"].get("failed")


def test_an_index_may_fail_without_the_others(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    plane.make(batch, job("one", parallelism=2, completions=2, completionMode="Indexed", backoffLimitPerIndex=0))
    for each in plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 2)["items"]:
        index = each["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]
        finish(plane, space, each, "Failed" if index == "0" else "Succeeded", code=int(index == "0"))
    done = plane.until(f"{batch}/one", lambda one: "Failed" in conditions_of(one))
    assert conditions_of(done)["Failed"] == ("True", "FailedIndexes")
    assert (done["status"]["failedIndexes"], done["status"]["completedIndexes"]) == ("0", "1")


def test_a_job_is_done_when_its_success_policy_says_so(plane: planes.Plane) -> None:
    name = plane.space()
    space, batch = f"/api/v1/namespaces/{name}", f"/apis/batch/v1/namespaces/{name}/jobs"
    policy = {"rules": [{"succeededIndexes": "0"}]}
    plane.make(batch, job("one", parallelism=3, completions=3, completionMode="Indexed", successPolicy=policy))
    pods = plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 3)["items"]
    first = next(one for one in pods if one["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == "0")
    finish(plane, space, first, "Succeeded")
    done = plane.until(f"{batch}/one", lambda one: "Complete" in conditions_of(one))
    assert conditions_of(done)["SuccessCriteriaMet"] == ("True", "SuccessPolicy")
    assert conditions_of(done)["Complete"] == ("True", "SuccessPolicy")
    assert done["status"]["completedIndexes"] == "0"
    assert done["status"]["succeeded"] == 1


def test_cron_jobs_statuses(plane: planes.Plane) -> None:
    batch = f"/apis/batch/v1/namespaces/{plane.space()}/cronjobs"
    spec = {
        "schedule": "*/1 * * * ?",
        "suspend": True,
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": job("x")["spec"]},
    }
    made = plane.make(batch, {"metadata": {"name": "c", "labels": {"x": "y"}}, "spec": spec})
    stamp = made["metadata"]["creationTimestamp"]
    patched = plane.done(
        "PATCH",
        f"{batch}/c/status",
        {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"lastScheduleTime": stamp}},
    )
    assert (patched["status"]["lastScheduleTime"], patched["metadata"]["annotations"]["patchedstatus"]) == (
        stamp,
        "true",
    )
    patched["status"]["lastScheduleTime"] = NOW
    assert plane.done("PUT", f"{batch}/c/status", patched)["status"]["lastScheduleTime"] == NOW
    assert plane.get(f"{batch}/c/status")["spec"]["schedule"] == "*/1 * * * ?"
    plane.done("DELETE", f"{batch}?labelSelector=x=y")
    assert not plane.get(batch)["items"]


@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace"])
def test_a_cron_job_that_is_late_runs_once(plane: planes.Plane, policy: str) -> None:
    name = plane.space()
    batch = f"/apis/batch/v1/namespaces/{name}"
    spec = {
        "schedule": "0 0 1 1 ?",
        "suspend": True,
        "concurrencyPolicy": policy,
        "jobTemplate": {"spec": job("x")["spec"]},
    }
    made = plane.make(f"{batch}/cronjobs", {"metadata": {"name": "c"}, "spec": spec})
    plane.done("PATCH", f"{batch}/cronjobs/c/status", {"status": {"lastScheduleTime": "2025-01-02T03:04:05Z"}})
    plane.done("PATCH", f"{batch}/cronjobs/c", {"spec": {"suspend": False}})
    one = plane.until(f"{batch}/cronjobs/c", lambda one: (one.get("status") or {}).get("active"))
    (reference,) = one["status"]["active"]
    assert one["status"]["lastScheduleTime"].endswith("-01-01T00:00:00Z")
    (only,) = plane.get(f"{batch}/jobs")["items"]
    assert (only["metadata"]["uid"], only["metadata"]["name"]) == (reference["uid"], reference["name"])
    (owner,) = only["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("CronJob", made["metadata"]["uid"], True)
    plane.done("PATCH", f"{batch}/cronjobs/c/status", {"status": {"lastScheduleTime": "2025-01-02T03:04:05Z"}})
    plane.until(f"{batch}/cronjobs/c", lambda one: one["status"]["lastScheduleTime"] > "2025-02")
    assert [each["metadata"]["uid"] for each in plane.get(f"{batch}/jobs")["items"]] == [reference["uid"]]
    plane.done("DELETE", f"{batch}/cronjobs/c", {"propagationPolicy": "Background"})
    plane.until(f"{batch}/jobs", lambda found: not found["items"])
