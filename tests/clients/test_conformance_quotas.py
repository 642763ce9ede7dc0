"""Resource quotas as conformance tests look at them: they follow what a namespace holds, and refuse too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import plane as planes

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("quotas")) as running:
        yield running


def pod(name: str, **more: Any) -> objects.Object:
    spec = {"containers": [{"name": "c", "image": "registry.example/c:1", **more.pop("container", {})}], **more}
    return {"metadata": {"name": name}, "spec": spec}


HARD = {
    "pods": "5", "services": "10", "services.nodeports": "1", "services.loadbalancers": "1",
    "replicationcontrollers": "10", "resourcequotas": "1", "configmaps": "10", "secrets": "10",
    "persistentvolumeclaims": "10", "requests.storage": "10Gi", "cpu": "1", "memory": "500Mi",
    "ephemeral-storage": "50Gi", "requests.example.com/dongle": "3", "count/replicasets.apps": "5",
    "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "10",
    "gold.storageclass.storage.k8s.io/requests.storage": "10Gi",
}  # fmt: skip


def quota(plane: planes.Plane, space: str, name: str = "q", hard: dict[str, str] = HARD, **spec: Any) -> str:
    plane.make(f"{space}/resourcequotas", {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})
    path = f"{space}/resourcequotas/{name}"
    plane.until(path, lambda one: set((one.get("status") or {}).get("used") or {}) == set(hard))
    return path


def used(plane: planes.Plane, path: str, **wanted: str) -> None:
    names = {key.replace("__", "/").replace("_", "."): value for key, value in wanted.items()}
    plane.until(
        path,
        lambda one: {key: one["status"]["used"].get(key) for key in names} == names,
        what=f"{names} in {plane.get(path)['status']['used']}",
    )


def test_a_quota_follows_services_secrets_and_other_things(plane: planes.Plane) -> None:
    name = plane.space()
    space = f"/api/v1/namespaces/{name}"
    path = quota(plane, space)
    used(plane, path, resourcequotas="1", configmaps="1", secrets="0")
    ports = {"ports": [{"port": 80}]}
    plane.make(f"{space}/services", {"metadata": {"name": "a"}, "spec": ports})
    plane.make(f"{space}/services", {"metadata": {"name": "np"}, "spec": {**ports, "type": "NodePort"}})
    code, refused = plane.ask(
        "POST", f"{space}/services", {"metadata": {"name": "lb"}, "spec": {**ports, "type": "LoadBalancer"}}
    )
    assert (code, refused["reason"]) == (403, "Forbidden")
    assert "exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1" in refused["message"]
    used(plane, path, services="2", services_nodeports="1")
    for each in ("a", "np"):
        plane.done("DELETE", f"{space}/services/{each}")
    plane.make(f"{space}/secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    plane.make(f"{space}/configmaps", {"metadata": {"name": "c"}, "data": {"a": "b"}})
    plane.make(
        f"{space}/replicationcontrollers",
        {"metadata": {"name": "rc"}, "spec": {"replicas": 0, "selector": {"app": "web"}, "template": TEMPLATE}},
    )
    plane.make(
        f"/apis/apps/v1/namespaces/{name}/replicasets",
        {
            "metadata": {"name": "rs"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE},
        },
    )
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    plane.make(
        f"{space}/persistentvolumeclaims", {"metadata": {"name": "p"}, "spec": {**claim, "storageClassName": "gold"}}
    )
    used(
        plane,
        path,
        services="0",
        services_nodeports="0",
        secrets="1",
        configmaps="2",
        replicationcontrollers="1",
        count__replicasets_apps="1",
        persistentvolumeclaims="1",
        requests_storage="1Gi",
    )
    gold = plane.get(path)["status"]["used"]
    assert gold["gold.storageclass.storage.k8s.io/persistentvolumeclaims"] == "1"
    assert gold["gold.storageclass.storage.k8s.io/requests.storage"] == "1Gi"
    for each in ("secrets/s", "configmaps/c", "replicationcontrollers/rc", "persistentvolumeclaims/p"):
        plane.done("DELETE", f"{space}/{each}")
    plane.done("DELETE", f"/apis/apps/v1/namespaces/{name}/replicasets/rs")
    used(
        plane,
        path,
        secrets="0",
        configmaps="1",
        replicationcontrollers="0",
        persistentvolumeclaims="0",
        requests_storage="0",
        count__replicasets_apps="0",
    )


def test_a_quota_follows_a_pod(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    path = quota(plane, space)
    requests = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", "example.com/dongle": "2"}
    resources = {"requests": requests, "limits": {"example.com/dongle": "2"}}
    plane.make(f"{space}/pods", pod("fits", container={"resources": resources}))
    fits = {
        "pods": "1",
        "cpu": "500m",
        "memory": "252Mi",
        "ephemeral-storage": "30Gi",
        "requests.example.com/dongle": "2",
    }
    plane.until(path, lambda one: {key: one["status"]["used"][key] for key in fits} == fits)
    for wanted in (
        {"requests": {"cpu": "600m", "memory": "100Mi"}},
        {"requests": {**requests, "memory": "100Mi"}, "limits": {"example.com/dongle": "2"}},
    ):
        code, refused = plane.ask("POST", f"{space}/pods", pod("more", container={"resources": wanted}))
        assert (code, refused["reason"]) == (403, "Forbidden"), refused
    held = plane.get(f"{space}/pods/fits")
    held["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "100m", "memory": "100Mi"}
    assert plane.ask("PUT", f"{space}/pods/fits", held)[0] == 422
    assert {key: plane.get(path)["status"]["used"][key] for key in fits} == fits
    plane.done("DELETE", f"{space}/pods/fits?gracePeriodSeconds=0")
    plane.until(path, lambda one: all(one["status"]["used"][key] == "0" for key in fits))


def test_quotas_with_scopes_count_what_they_are_for(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    hard = {"pods": "5"}
    best = quota(plane, space, "best", hard, scopes=["BestEffort"])
    rest = quota(plane, space, "rest", hard, scopes=["NotBestEffort"])
    short = quota(plane, space, "short", {**hard, "requests.cpu": "1"}, scopes=["Terminating"])
    long = quota(plane, space, "long", hard, scopes=["NotTerminating"])
    plane.make(f"{space}/pods", pod("plain"))
    used(plane, best, pods="1")
    used(plane, long, pods="1")
    used(plane, rest, pods="0")
    limited = {"resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "500m"}}}
    plane.make(f"{space}/pods", pod("brief", activeDeadlineSeconds=3600, container=limited))
    used(plane, short, pods="1", requests_cpu="500m")
    used(plane, rest, pods="1")
    used(plane, best, pods="1")
    for each in ("plain", "brief"):
        plane.done("DELETE", f"{space}/pods/{each}?gracePeriodSeconds=0")
    for path in (best, rest, short, long):
        used(plane, path, pods="0")


def test_a_quotas_status_may_be_written_and_comes_back(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    path = f"{space}/resourcequotas/q"
    hard = {"cpu": "500m", "memory": "500Mi"}
    plane.make(f"{space}/resourcequotas", {"metadata": {"name": "q", "labels": {"w": "q"}}, "spec": {"hard": hard}})
    current = plane.until(path, lambda one: (one.get("status") or {}).get("hard") == hard)
    version = plane.get(f"{space}/resourcequotas?labelSelector=w=q")["metadata"]["resourceVersion"]
    current["status"]["hard"] = {"cpu": "1", "memory": "1Gi"}
    updated = waiting.until_sync(lambda: _updated(plane, path, {"cpu": "1", "memory": "1Gi"}), what="a status update")
    assert updated["status"]["hard"] == {"cpu": "1", "memory": "1Gi"}
    new = {"cpu": "2", "memory": "2Gi"}
    with plane.watching(f"/api/v1/resourcequotas?labelSelector=w=q&resourceVersion={version}") as watch:
        watch.saw(lambda _, one: one["status"]["hard"] == {"cpu": "1", "memory": "1Gi"}, "the update")
        patched = plane.done("PATCH", f"{path}/status", {"status": {"hard": new}}, planes.STRATEGIC)
        assert (patched["status"]["hard"], patched["spec"]["hard"]) == (new, hard)
        watch.saw(lambda _, one: one["status"]["hard"] == new, "the patch")
    plane.until(path, lambda one: one["status"]["hard"] == hard and one["spec"]["hard"] == hard)


def _updated(plane: planes.Plane, path: str, hard: dict[str, str]) -> Any:
    current = plane.get(f"{path}/status")
    current["status"]["hard"] = hard
    code, answer = plane.ask("PUT", f"{path}/status", current)
    return answer if code == 200 else None
