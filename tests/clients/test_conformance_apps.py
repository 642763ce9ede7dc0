"""Workloads as conformance tests look at them: statuses, scales, lives, adoption; nothing runs their pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import plane as planes
from tests.clients import stand_in

NOW = "2026-01-02T03:04:05Z"
UPDATED = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
PATCHED = {"type": "StatusPatched", "status": "True"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("apps")) as running, stand_in.node(running):
        yield running


def template(app: str = "web", **spec: Any) -> objects.Object:
    labels = {"app": app, **spec.pop("labels", {})}
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "r.example/c:1"}], **spec}}


def workload(name: str, app: str = "web", **spec: Any) -> objects.Object:
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"selector": {"matchLabels": {"app": app}}, "template": template(app), **spec},
    }


KINDS = {
    "deployments": {"replicas": 1},
    "replicasets": {"replicas": 1},
    "statefulsets": {"replicas": 1, "serviceName": "web"},
    "daemonsets": {},
}


@pytest.mark.parametrize("plural", KINDS)
def test_a_status_written_by_clients_is_seen_by_watches(plane: planes.Plane, plural: str) -> None:
    apps = f"/apis/apps/v1/namespaces/{plane.space()}/{plural}"
    plane.make(apps, workload("web", **KINDS[plural]))
    ready = {"daemonsets": "numberReady"}.get(plural, "readyReplicas")
    plane.until(f"{apps}/web", lambda one: (one.get("status") or {}).get(ready) == 1)
    version = plane.get(f"{apps}?labelSelector=app=web")["metadata"]["resourceVersion"]

    def update() -> Any:
        current = plane.get(f"{apps}/web/status")
        current["status"].setdefault("conditions", []).append(UPDATED)
        code, answer = plane.ask("PUT", f"{apps}/web/status", current)
        return answer if code == 200 else None

    def has(kind: str, one: objects.Object) -> bool:
        return any(condition["type"] == kind for condition in one["status"].get("conditions") or ())

    with plane.watching(f"{apps}?labelSelector=app=web&resourceVersion={version}") as watch:
        waiting.until_sync(update, what="a status update")
        watch.saw(lambda _, one: has("StatusUpdate", one), "the update")
        plane.done("PATCH", f"{apps}/web/status", {"status": {"conditions": [PATCHED]}}, planes.MERGE)
        told = watch.saw(lambda _, one: has("StatusPatched", one), "the patch")
        assert not has("StatusUpdate", told)


@pytest.mark.parametrize("plural", ["deployments", "replicasets", "statefulsets", "replicationcontrollers"])
def test_the_scale_subresource_works(plane: planes.Plane, plural: str) -> None:
    space = plane.space()
    path = f"/apis/apps/v1/namespaces/{space}/{plural}"
    made = workload("web", replicas=1)
    if plural == "replicationcontrollers":
        path = f"/api/v1/namespaces/{space}/{plural}"
        made["spec"]["selector"] = {"app": "web"}
    plane.make(path, made)
    plane.until(f"{path}/web", lambda one: (one.get("status") or {}).get("readyReplicas") == 1)
    scale = plane.get(f"{path}/web/scale")
    assert (scale["kind"], scale["spec"], scale["status"]["replicas"]) == ("Scale", {"replicas": 1}, 1)
    assert scale["status"]["selector"] == "app=web"
    scale["metadata"]["resourceVersion"] = ""
    scale["spec"]["replicas"] = 2
    assert plane.done("PUT", f"{path}/web/scale", scale)["spec"]["replicas"] == 2
    assert plane.get(f"{path}/web")["spec"]["replicas"] == 2
    plane.done("PATCH", f"{path}/web/scale", {"spec": {"replicas": 4}}, planes.STRATEGIC)
    plane.until(f"{path}/web", lambda one: one["status"].get("readyReplicas") == 4)


@pytest.mark.parametrize("plural", ["replicasets", "replicationcontrollers"])
def test_orphans_are_adopted_and_strangers_released(plane: planes.Plane, plural: str) -> None:
    name = plane.space()
    space = f"/api/v1/namespaces/{name}"
    path = f"{space}/{plural}" if plural == "replicationcontrollers" else f"/apis/apps/v1/namespaces/{name}/{plural}"
    plane.make(f"{space}/pods", {"metadata": {"name": "orphan", "labels": {"app": "web"}}, "spec": template()["spec"]})
    plane.until(f"{space}/pods/orphan", lambda one: one["status"]["phase"] == "Running")  # Else it may be one too many.
    made = workload("web", replicas=1)
    if plural == "replicationcontrollers":
        made["spec"]["selector"] = {"app": "web"}
    owner = plane.make(path, made)
    adopted = plane.until(f"{space}/pods/orphan", lambda one: one["metadata"].get("ownerReferences"))
    (reference,) = adopted["metadata"]["ownerReferences"]
    assert (reference["uid"], reference["controller"], reference["blockOwnerDeletion"]) == (
        owner["metadata"]["uid"],
        True,
        True,
    )
    plane.done("PATCH", f"{space}/pods/orphan", {"metadata": {"labels": {"app": "other"}}})
    plane.until(f"{space}/pods/orphan", lambda one: not one["metadata"].get("ownerReferences"))
    plane.until(f"{space}/pods?labelSelector=app=web", lambda pods: len(pods["items"]) == 1)


@pytest.mark.parametrize("plural", ["replicasets", "replicationcontrollers"])
def test_a_quota_in_the_way_is_said_until_it_is_not(plane: planes.Plane, plural: str) -> None:
    name = plane.space()
    space = f"/api/v1/namespaces/{name}"
    path = f"{space}/{plural}" if plural == "replicationcontrollers" else f"/apis/apps/v1/namespaces/{name}/{plural}"
    plane.make(f"{space}/resourcequotas", {"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}})
    plane.until(f"{space}/resourcequotas/two", lambda one: (one.get("status") or {}).get("hard"))
    made = workload("web", replicas=3)
    if plural == "replicationcontrollers":
        made["spec"]["selector"] = {"app": "web"}
    plane.make(path, made)

    def failing(one: objects.Object) -> bool:
        return any(each["type"] == "ReplicaFailure" for each in one["status"].get("conditions") or ())

    said = plane.until(f"{path}/web", failing)
    (condition,) = said["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: two" in condition["message"]
    plane.done("PATCH", f"{path}/web", {"spec": {"replicas": 2}})
    plane.until(f"{path}/web", lambda one: not failing(one))


def test_the_life_of_a_deployment(plane: planes.Plane) -> None:
    name = plane.space()
    path = f"/apis/apps/v1/namespaces/{name}/deployments"
    with plane.watching(f"{path}?labelSelector=app=web") as watch:
        plane.make(path, workload("web", replicas=2))
        watch.saw(lambda type_, one: type_ == "ADDED", "its creation")
        watch.saw(lambda _, one: (one.get("status") or {}).get("readyReplicas") == 2, "readiness")
        change = {
            "metadata": {"labels": {"patched": "yes"}},
            "spec": {
                "replicas": 1,
                "template": {
                    "spec": {
                        "terminationGracePeriodSeconds": 0,
                        "containers": [{"name": "c", "image": "r.example/c:2"}],
                    }
                },
            },
        }
        plane.done("PATCH", f"{path}/web", change, planes.STRATEGIC)
        watch.saw(
            lambda _, one: (
                one["status"].get("readyReplicas") == 1
                and one["status"]["observedGeneration"] == one["metadata"]["generation"]
                and one["metadata"]["labels"].get("patched")
            ),
            "one replica of the new image",
        )
        assert any(one["metadata"]["labels"].get("patched") for one in plane.get("/apis/apps/v1/deployments")["items"])

        def update() -> Any:
            current = plane.get(f"{path}/web")
            current["spec"]["replicas"] = 2
            current["spec"]["template"]["spec"]["containers"][0]["image"] = "r.example/c:3"
            code, answer = plane.ask("PUT", f"{path}/web", current)
            return answer if code == 200 else None

        wanted = waiting.until_sync(update)["metadata"]["generation"]
        done = plane.until(
            f"{path}/web",
            lambda one: (
                one["status"]["observedGeneration"] >= wanted
                and one["status"].get("readyReplicas") == 2
                and one["status"].get("updatedReplicas") == 2
                and one["status"].get("replicas") == 2
            ),
        )
        kinds = {one["type"]: (one["status"], one["reason"]) for one in done["status"]["conditions"]}
        assert kinds["Available"] == ("True", "MinimumReplicasAvailable")
        assert kinds["Progressing"] == ("True", "NewReplicaSetAvailable")
        plane.done("DELETE", f"{path}?labelSelector=app=web")
        watch.saw(lambda type_, _: type_ == "DELETED", "its deletion")


def test_disruption_budgets_live_and_block(plane: planes.Plane) -> None:
    name = plane.space()
    space, policy = f"/api/v1/namespaces/{name}", f"/apis/policy/v1/namespaces/{name}/poddisruptionbudgets"
    selector = {"matchLabels": {"app": "web"}}
    plane.make(
        policy, {"metadata": {"name": "b", "labels": {"x": "y"}}, "spec": {"minAvailable": "1%", "selector": selector}}
    )
    first = plane.until(f"{policy}/b", lambda one: (one.get("status") or {}).get("observedGeneration") == 1)
    assert first["status"]["conditions"][0]["reason"] == "InsufficientPods"
    first["spec"]["minAvailable"] = "2%"
    changed = waiting.until_sync(lambda: _changed(plane, f"{policy}/b", {"minAvailable": "2%"}))
    assert changed["spec"]["minAvailable"] == "2%"
    plane.until(f"{policy}/b", lambda one: one["status"]["observedGeneration"] == 2)
    plane.done("PATCH", f"{policy}/b/status", {"status": {"disruptedPods": {"gone": NOW}}}, planes.MERGE)
    plane.done("DELETE", f"{policy}?labelSelector=x=y")
    plane.gone(f"{policy}/b")
    for number in range(3):
        plane.make(
            f"{space}/pods", {"metadata": {"name": f"p{number}", "labels": {"app": "web"}}, "spec": template()["spec"]}
        )
    plane.until(f"{space}/pods", lambda pods: all(one["status"]["phase"] == "Running" for one in pods["items"]))
    plane.make(policy, {"metadata": {"name": "b"}, "spec": {"minAvailable": 3, "selector": selector}})
    plane.until(f"{policy}/b", lambda one: (one.get("status") or {}).get("currentHealthy") == 3)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p0"}}
    code, refused = plane.ask("POST", f"{space}/pods/p0/eviction", eviction)
    assert (code, refused["reason"]) == (429, "TooManyRequests")
    assert refused["details"]["causes"][0]["reason"] == "DisruptionBudget"
    plane.done("PATCH", f"{policy}/b", {"spec": {"minAvailable": 2}})
    plane.until(f"{policy}/b", lambda one: one["status"]["disruptionsAllowed"] == 1)
    assert plane.make(f"{space}/pods/p0/eviction", eviction)["status"] == "Success"
    plane.gone(f"{space}/pods/p0")


def _changed(plane: planes.Plane, path: str, spec: objects.Object) -> Any:
    current = plane.get(path)
    current["spec"].update(spec)
    code, answer = plane.ask("PUT", path, current)
    return answer if code == 200 else None


def test_revisions_of_a_daemon_set(plane: planes.Plane) -> None:
    apps = f"/apis/apps/v1/namespaces/{plane.space()}"
    plane.make(f"{apps}/daemonsets", workload("web"))
    (first,) = plane.until(f"{apps}/controllerrevisions?labelSelector=app=web", lambda found: found["items"])["items"]
    name = first["metadata"]["name"]
    # Who looks for a template's revision compares bytes: those of the data with those of the template, names in order.
    template = plane.get(f"{apps}/daemonsets/web")["spec"]["template"] | {"$patch": "replace"}
    wanted_data = orjson.dumps({"spec": {"template": template}}, option=orjson.OPT_SORT_KEYS)
    assert orjson.dumps(first["data"]) == wanted_data
    plane.done(
        "PATCH", f"{apps}/controllerrevisions/{name}", {"metadata": {"labels": {name: "patched"}}}, planes.STRATEGIC
    )
    copy = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "data": first["data"],
        "revision": first["revision"] + 1,
        "metadata": {
            "name": "copy",
            "labels": first["metadata"]["labels"],
            "ownerReferences": first["metadata"]["ownerReferences"],
        },
    }
    made = plane.make(f"{apps}/controllerrevisions", copy)
    assert made["revision"] == first["revision"] + 1
    listed = f"{apps}/controllerrevisions?labelSelector=app=web"
    assert len(plane.get(listed)["items"]) == 2
    plane.done("DELETE", f"{apps}/controllerrevisions/{name}")
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    plane.done("PATCH", f"{apps}/daemonsets/web", change, planes.STRATEGIC)
    wanted = [first["revision"] + 1, first["revision"] + 2]
    plane.until(listed, lambda found: sorted(one["revision"] for one in found["items"]) == wanted)
    plane.done("DELETE", f"{apps}/controllerrevisions/copy")
    (last,) = plane.get(listed)["items"]
    assert last["revision"] == first["revision"] + 2
