"""Pods, what they lean on, storage, nodes and fairness, as conformance tests look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import plane as planes

NOW = "2026-01-02T03:04:05Z"
LATER = "2026-01-02T03:04:05.000001Z"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("core")) as running:
        yield running


def test_pods_statuses_and_collections(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}/pods"
    pod = {
        "metadata": {"name": "p", "labels": {"x": "y"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "i"}]},
    }
    plane.make(space, pod)
    patched = plane.done(
        "PATCH", f"{space}/p/status", {"status": {"message": "Patched by e2e test", "reason": "E2E"}}, planes.STRATEGIC
    )
    assert (patched["status"]["message"], patched["status"]["reason"]) == ("Patched by e2e test", "E2E")
    assert patched["status"]["qosClass"] == "BestEffort"
    code, _answer = plane.ask(
        "PATCH", f"{space}/p", {"spec": {"ephemeralContainers": [{"name": "d", "image": "i"}]}}, planes.STRATEGIC
    )
    assert code == 422
    debug = {"spec": {"ephemeralContainers": [{"name": "d", "image": "i", "stdin": True, "tty": True}]}}
    one = plane.done("PATCH", f"{space}/p/ephemeralcontainers", debug, planes.STRATEGIC)
    assert [each["name"] for each in one["spec"]["ephemeralContainers"]] == ["d"]
    one = plane.get(f"{space}/p")
    one["spec"]["ephemeralContainers"].append({"name": "e", "image": "i"})
    one = plane.done("PUT", f"{space}/p/ephemeralcontainers", one)
    assert [each["name"] for each in one["spec"]["ephemeralContainers"]] == ["d", "e"]
    assert one["metadata"]["generation"] == 3
    for number in range(3):
        plane.make(space, {**pod, "metadata": {"name": f"p{number}", "labels": {"x": "z"}}})
    plane.done("DELETE", f"{space}?labelSelector=x=z")
    plane.until(f"{space}?labelSelector=x=z", lambda pods: not pods["items"])
    resized = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1m"}}}]}}
    assert plane.ask("PATCH", f"{space}/p/resize", resized, planes.STRATEGIC)[0] == 422


def test_settings_that_never_change(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    for kind, field in (("configmaps", "data"), ("secrets", "stringData")):
        plane.make(f"{space}/{kind}", {"metadata": {"name": "i"}, field: {"a": "b"}})
        assert plane.done("PATCH", f"{space}/{kind}/i", {"immutable": True})["immutable"] is True
        assert plane.ask("PATCH", f"{space}/{kind}/i", {field: {"a": "c"}})[0] == 422
        assert plane.ask("PATCH", f"{space}/{kind}/i", {"immutable": False})[0] == 422
        plane.done("PATCH", f"{space}/{kind}/i", {"metadata": {"labels": {"x": "y"}}})
        plane.done("DELETE", f"{space}/{kind}/i")
        assert plane.ask("POST", f"{space}/{kind}", {"metadata": {"name": "bad"}, "data": {"": "dGhpcw=="}})[0] == 422


def test_ranges_of_limits_default_and_bound(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    limit = {
        "type": "Container",
        "min": {"cpu": "50m", "memory": "100Mi", "ephemeral-storage": "50Gi"},
        "max": {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"},
        "default": {"cpu": "500m", "memory": "500Mi", "ephemeral-storage": "500Gi"},
        "defaultRequest": {"cpu": "100m", "memory": "200Mi", "ephemeral-storage": "200Gi"},
    }
    plane.make(f"{space}/limitranges", {"metadata": {"name": "l", "labels": {"x": "y"}}, "spec": {"limits": [limit]}})

    def pod(name: str, requests: dict[str, str], limits: dict[str, str]) -> objects.Object:
        resources = {"requests": requests, "limits": limits}
        return {
            "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]},
        }

    made = plane.make(f"{space}/pods", pod("d", {}, {}))["spec"]["containers"][0]["resources"]
    assert made == {"requests": limit["defaultRequest"], "limits": limit["default"]}
    made = plane.make(f"{space}/pods", pod("m", {"cpu": "300m"}, {"cpu": "300m"}))["spec"]["containers"][0]["resources"]
    assert made["requests"] == {"cpu": "300m", "memory": "200Mi", "ephemeral-storage": "200Gi"}
    assert made["limits"] == {"cpu": "300m", "memory": "500Mi", "ephemeral-storage": "500Gi"}
    assert plane.ask("POST", f"{space}/pods", pod("s", {"cpu": "10m", "memory": "50Mi"}, {}))[0] == 403
    assert plane.ask("POST", f"{space}/pods", pod("b", {"cpu": "600m"}, {"cpu": "600m"}))[0] == 403
    current = plane.get(f"{space}/limitranges/l")
    current["spec"]["limits"][0]["min"] = {"cpu": "9m", "memory": "49Mi", "ephemeral-storage": "49Gi"}
    plane.done("PUT", f"{space}/limitranges/l", current)
    plane.make(f"{space}/pods", pod("s", {"cpu": "10m", "memory": "50Mi", "ephemeral-storage": "50Gi"}, {}))
    patched = plane.done(
        "PATCH",
        f"{space}/limitranges/l",
        {"spec": {"limits": [{"type": "Container", "min": {"cpu": "8m"}}]}},
        planes.STRATEGIC,
    )
    assert patched["spec"]["limits"][0]["min"] == {"cpu": "8m"}
    plane.done("DELETE", f"{space}/limitranges?labelSelector=x=y")
    plane.gone(f"{space}/limitranges/l")


def test_priorities_and_runtime_classes(plane: planes.Plane) -> None:
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    plane.make(classes, {"metadata": {"name": "e2e", "labels": {"x": "y"}}, "value": 1000})
    code, refused = plane.ask("PATCH", f"{classes}/e2e", {"value": 2000}, planes.STRATEGIC)
    assert (code, refused["reason"]) == (422, "Invalid")
    plane.done("PATCH", f"{classes}/e2e", {"description": "d"}, planes.STRATEGIC)
    space = f"/api/v1/namespaces/{plane.space()}/pods"
    spec = {"containers": [{"name": "c", "image": "i"}], "priorityClassName": "e2e"}
    assert plane.make(space, {"metadata": {"name": "p"}, "spec": spec})["spec"]["priority"] == 1000
    plane.done("DELETE", f"{classes}?labelSelector=x=y")
    runtimes = "/apis/node.k8s.io/v1/runtimeclasses"
    plane.make(
        runtimes,
        {"metadata": {"name": "r", "labels": {"x": "y"}}, "handler": "runc", "overhead": {"podFixed": {"cpu": "10m"}}},
    )
    spec = {"containers": [{"name": "c", "image": "i"}], "runtimeClassName": "r"}
    assert plane.make(space, {"metadata": {"name": "o"}, "spec": spec})["spec"]["overhead"] == {"cpu": "10m"}
    assert plane.ask("PATCH", f"{runtimes}/r", {"handler": "other"})[0] == 422
    plane.done("DELETE", f"{runtimes}?labelSelector=x=y")
    code, refused = plane.ask("POST", space, {"metadata": {"name": "q"}, "spec": {**spec, "runtimeClassName": "none"}})
    assert (code, refused["reason"]) == (403, "Forbidden")
    assert 'pod rejected: RuntimeClass "none" not found' in refused["message"]


def test_events_in_both_groups(plane: planes.Plane) -> None:
    name = plane.space()
    core, grouped = f"/api/v1/namespaces/{name}/events", f"/apis/events.k8s.io/v1/namespaces/{name}/events"
    plane.make(
        grouped,
        {
            "metadata": {"name": "e", "labels": {"x": "y"}},
            "regarding": {"kind": "Pod", "name": "p", "namespace": name},
            "eventTime": LATER,
            "note": "n",
            "reason": "R",
            "action": "A",
            "type": "Normal",
            "reportingController": "test-controller",
            "reportingInstance": "i",
        },
    )
    plane.until(core + "?fieldSelector=reportingComponent=test-controller", lambda found: len(found["items"]) == 1)
    one = plane.get(f"{core}/e")
    assert (one["message"], one["involvedObject"]["name"], one["reportingComponent"]) == ("n", "p", "test-controller")
    assert len(plane.get(grouped + "?fieldSelector=reportingController=test-controller")["items"]) == 1
    series = {"count": 2, "lastObservedTime": LATER}
    patched = plane.done("PATCH", f"{grouped}/e", {"series": series}, planes.STRATEGIC)
    assert patched["series"] == series
    patched["series"] = {"count": 100, "lastObservedTime": LATER}
    assert plane.done("PUT", f"{grouped}/e", patched)["series"]["count"] == 100
    plane.make(
        core,
        {
            "metadata": {"name": "f", "labels": {"x": "y"}},
            "message": "m",
            "reason": "Test",
            "type": "Normal",
            "count": 1,
            "involvedObject": {"namespace": name},
        },
    )
    assert plane.done("PATCH", f"{core}/f", {"message": "changed"}, planes.STRATEGIC)["message"] == "changed"
    plane.done("DELETE", f"{grouped}?labelSelector=x=y")
    assert not plane.get(core + "?labelSelector=x=y")["items"]


def test_a_leases_fields_come_back(plane: planes.Plane) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{plane.space()}/leases"
    spec = {
        "holderIdentity": "h",
        "leaseDurationSeconds": 30,
        "acquireTime": LATER,
        "renewTime": LATER,
        "leaseTransitions": 0,
    }
    made = plane.make(path, {"metadata": {"name": "l"}, "spec": spec})
    assert made["spec"] == spec
    made["spec"] = {**spec, "holderIdentity": "h2", "leaseTransitions": 1}
    assert plane.done("PUT", f"{path}/l", made)["spec"]["leaseTransitions"] == 1
    patched = plane.done("PATCH", f"{path}/l", {"spec": {"holderIdentity": "h3"}}, planes.STRATEGIC)
    assert patched["spec"]["holderIdentity"] == "h3"


# --- Storage and nodes


def test_volumes_and_claims_live(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    volume = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none",
        "csi": {"driver": "e2e-driver", "volumeHandle": "e2e-conformance"},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    plane.make("/api/v1/persistentvolumes", {"metadata": {"name": "v", "labels": {"x": "y"}}, "spec": volume})
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none"}
    claim["resources"] = {"requests": {"storage": "1Gi"}}
    plane.make(f"{space}/persistentvolumeclaims", {"metadata": {"name": "c", "labels": {"x": "y"}}, "spec": claim})
    condition = {"type": "StatusPatched", "status": "True", "reason": "E2E patchedStatus", "message": "Set from e2e"}
    changes: dict[str, objects.Object] = {
        "/api/v1/persistentvolumes/v": {"message": "StatusPatched", "reason": "E2E patchStatus"},
        f"{space}/persistentvolumeclaims/c": {"conditions": [condition]},
    }
    for path, status in changes.items():
        assert plane.get(f"{path}/status")["status"]["phase"] in ("Pending", "Available", "Bound")
        patched = plane.done("PATCH", f"{path}/status", {"status": status})
        current = plane.get(f"{path}/status")
        assert current["status"] == patched["status"]
        assert all(patched["status"][key] == value for key, value in status.items())
        current["status"].update(
            {"message": "u"} if "message" in status else {"conditions": [{**condition, "type": "StatusUpdated"}]}
        )
        updated = plane.done("PUT", f"{path}/status", current)
        assert updated["status"] == current["status"]
        plane.done("PATCH", path, {"metadata": {"labels": {"v": "patched"}}}, planes.STRATEGIC)
    plane.done("DELETE", f"{space}/persistentvolumeclaims?labelSelector=x=y")
    plane.gone(f"{space}/persistentvolumeclaims/c")
    plane.done("DELETE", "/api/v1/persistentvolumes?labelSelector=x=y")
    plane.gone("/api/v1/persistentvolumes/v")


def test_an_attachments_status(plane: planes.Plane) -> None:
    path = "/apis/storage.k8s.io/v1/volumeattachments"
    spec = {"attacher": "e2e-test.storage.k8s.io", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
    plane.make(path, {"metadata": {"name": "va-e2e", "uid": "va-e2e"}, "spec": spec, "status": {"attached": True}})
    assert plane.get(f"{path}/va-e2e/status")["status"] == {"attached": False}
    patched = plane.done("PATCH", f"{path}/va-e2e/status", {"status": {"attached": True}})
    assert patched["status"] == {"attached": True}
    patched["status"]["attached"] = False
    assert plane.done("PUT", f"{path}/va-e2e/status", patched)["status"] == {"attached": False}
    plane.done("DELETE", f"{path}/va-e2e")


def test_what_a_pod_may_not_ask_for_is_named_alone(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}/pods"
    sysctls = [{"name": name, "value": "42"} for name in ("foo-", "kernel.shmmax", "safe-and-unsafe", "bar..")]
    spec = {"containers": [{"name": "c", "image": "i"}], "securityContext": {"sysctls": sysctls}}
    code, refused = plane.ask("POST", space, {"metadata": {"name": "p"}, "spec": spec})
    assert code == 422
    assert all(f'Invalid value: "{name}"' in refused["message"] for name in ("foo-", "bar.."))
    assert not any(name in refused["message"] for name in ("kernel.shmmax", "safe-and-unsafe"))


def test_a_nodes_life_and_status(plane: planes.Plane) -> None:
    made = plane.make("/api/v1/nodes", {"metadata": {"name": "fake", "labels": {"e2e": "fake"}}})
    status = {
        "capacity": {"cpu": "1"},
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "reason": "foo"}],
    }
    updated = waiting.until_sync(lambda: _status(plane, "/api/v1/nodes/fake", status))
    assert updated["status"]["conditions"][0]["reason"] == "foo"
    assert updated["metadata"]["uid"] == made["metadata"]["uid"]
    patched = plane.done(
        "PATCH",
        "/api/v1/nodes/fake/status",
        {"status": {"conditions": [{"type": "Ready", "status": "Unknown", "message": "p"}]}},
        planes.STRATEGIC,
    )
    assert patched["status"]["conditions"][0]["message"] == "p"
    plane.done("DELETE", "/api/v1/nodes?labelSelector=e2e=fake")
    plane.gone("/api/v1/nodes/fake")


def _status(plane: planes.Plane, path: str, status: objects.Object) -> Any:
    code, answer = plane.ask("PUT", f"{path}/status", {**plane.get(path), "status": status})
    return answer if code == 200 else None


@pytest.mark.parametrize("plural", ["flowschemas", "prioritylevelconfigurations"])
def test_fairness_configurations(plane: planes.Plane, plural: str) -> None:
    path = f"/apis/flowcontrol.apiserver.k8s.io/v1/{plural}"
    specs: dict[str, objects.Object] = {
        "flowschemas": {
            "matchingPrecedence": 10000,
            "priorityLevelConfiguration": {"name": "global-default"},
            "distinguisherMethod": {"type": "ByUser"},
        },
        "prioritylevelconfigurations": {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}},
        },
    }
    made = plane.make(path, {"metadata": {"generateName": "e2e-", "labels": {"x": "y"}}, "spec": specs[plural]})
    at = f"{path}/{made['metadata']['name']}"
    condition = {
        "type": "PatchStatusFailed",
        "status": "Unknown",
        "reason": "p",
        "message": "m",
        "lastTransitionTime": NOW,
    }
    change = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [condition]}}
    patched = plane.done("PATCH", f"{at}/status", change)
    assert "PatchStatusFailed" in [one["type"] for one in patched["status"]["conditions"]]
    kept = [condition, {**condition, "type": "StatusUpdateFailed", "status": "False"}]
    updated = waiting.until_sync(lambda: _status(plane, at, {"conditions": kept}))
    assert "StatusUpdateFailed" in [one["type"] for one in updated["status"]["conditions"]]
    plane.done("DELETE", f"{path}?labelSelector=x=y")
    plane.gone(at)
