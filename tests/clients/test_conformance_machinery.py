"""The API's machinery as conformance tests look at it: collection of garbage, namespaces, lists and watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import objects
from tests.clients import plane as planes

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("machinery")) as running:
        yield running


def pod(name: str, **more: Any) -> objects.Object:
    spec = {"containers": [{"name": "c", "image": "registry.example/c:1", **more.pop("container", {})}], **more}
    return {"metadata": {"name": name}, "spec": spec}


def owner(kind: str, api_version: str, obj: objects.Object, **more: Any) -> objects.Object:
    metadata = obj["metadata"]
    return {"apiVersion": api_version, "kind": kind, "name": metadata["name"], "uid": metadata["uid"], **more}


def controller(name: str, replicas: int) -> objects.Object:
    spec = {"replicas": replicas, "selector": {"app": "web"}, "template": TEMPLATE}
    return {"metadata": {"name": name}, "spec": spec}


# --- Collection of garbage


def test_pods_go_with_their_controller_in_the_background(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/replicationcontrollers", controller("rc", 2))
    plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 2)
    plane.done("DELETE", f"{space}/replicationcontrollers/rc", {"propagationPolicy": "Background"})
    plane.gone(f"{space}/replicationcontrollers/rc")
    plane.until(f"{space}/pods", lambda pods: not pods["items"])


@pytest.mark.parametrize("how", [{"propagationPolicy": "Orphan"}, {"orphanDependents": True}])
def test_pods_stay_when_they_are_orphaned(plane: planes.Plane, how: objects.Object) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/replicationcontrollers", controller("rc", 2))
    plane.until(f"{space}/replicationcontrollers/rc", lambda rc: rc["status"].get("replicas") == 2)
    plane.done("DELETE", f"{space}/replicationcontrollers/rc", how)
    plane.gone(f"{space}/replicationcontrollers/rc")
    pods = plane.get(f"{space}/pods")["items"]
    assert len(pods) == 2
    assert not any(each["metadata"].get("ownerReferences") for each in pods)
    assert not any(each["metadata"].get("deletionTimestamp") for each in pods)


@pytest.mark.parametrize("policy", ["Background", "Orphan"])
def test_a_deployment_takes_its_replica_set_along_or_not(plane: planes.Plane, policy: str) -> None:
    name = plane.space()
    apps, space = f"/apis/apps/v1/namespaces/{name}", f"/api/v1/namespaces/{name}"
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
    plane.make(f"{apps}/deployments", {"metadata": {"name": "web"}, "spec": spec})
    plane.until(f"{apps}/replicasets", lambda sets: len(sets["items"]) == 1)
    plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 2)
    plane.done("DELETE", f"{apps}/deployments/web", {"propagationPolicy": policy})
    plane.gone(f"{apps}/deployments/web")
    if policy == "Background":
        plane.until(f"{apps}/replicasets", lambda sets: not sets["items"])
        plane.until(f"{space}/pods", lambda pods: not pods["items"])
    else:
        (left,) = plane.get(f"{apps}/replicasets")["items"]
        assert not left["metadata"].get("ownerReferences")
        assert len(plane.get(f"{space}/pods")["items"]) == 2


def test_a_controller_waits_in_the_foreground_until_its_pods_are_gone(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/replicationcontrollers", controller("rc", 3))
    pods = plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 3)["items"]
    for each in pods:
        path = f"{space}/pods/{each['metadata']['name']}"
        plane.done("PATCH", path, {"metadata": {"finalizers": ["example.com/held"]}})
    answer = plane.done("DELETE", f"{space}/replicationcontrollers/rc", {"propagationPolicy": "Foreground"})
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    for each in pods:
        path = f"{space}/pods/{each['metadata']['name']}"
        plane.until(path, lambda held: held["metadata"].get("deletionTimestamp"))
        assert plane.get(f"{space}/replicationcontrollers/rc")["metadata"]["deletionTimestamp"]
        plane.done("PATCH", path, {"metadata": {"finalizers": None}})
    plane.gone(f"{space}/replicationcontrollers/rc")
    assert not plane.get(f"{space}/pods")["items"]


def test_what_has_another_owner_stays(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/replicationcontrollers", controller("doomed", 4))
    stays = plane.make(f"{space}/replicationcontrollers", {**controller("stays", 0), "metadata": {"name": "stays"}})
    plane.done(
        "PATCH",
        f"{space}/replicationcontrollers/stays",
        {"spec": {"selector": {"app": "other"}, "template": {"metadata": {"labels": {"app": "other"}}}}},
    )
    pods = plane.until(f"{space}/pods", lambda pods: len(pods["items"]) == 4)["items"]
    for each in pods[:2]:
        add = {"metadata": {"ownerReferences": [owner("ReplicationController", "v1", stays)]}}
        plane.done("PATCH", f"{space}/pods/{each['metadata']['name']}", add, planes.STRATEGIC)
    plane.done("DELETE", f"{space}/replicationcontrollers/doomed", {"propagationPolicy": "Foreground"})
    plane.gone(f"{space}/replicationcontrollers/doomed")
    left = plane.get(f"{space}/pods")["items"]
    assert {each["metadata"]["name"] for each in left} == {each["metadata"]["name"] for each in pods[:2]}
    assert [[ref["name"] for ref in each["metadata"]["ownerReferences"]] for each in left] == [["stays"], ["stays"]]
    assert not any(each["metadata"].get("deletionTimestamp") for each in left)


def test_a_circle_of_owners_blocks_nobody(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    made = [plane.make(f"{space}/pods", pod(f"pod{number}")) for number in range(3)]
    for number, each in enumerate(made):
        reference = owner("Pod", "v1", made[number - 1], controller=True, blockOwnerDeletion=True)
        path = f"{space}/pods/{each['metadata']['name']}"
        plane.done("PATCH", path, {"metadata": {"ownerReferences": [reference]}}, planes.STRATEGIC)
    plane.done("DELETE", f"{space}/pods/pod0", {"propagationPolicy": "Foreground"})
    plane.until(f"{space}/pods", lambda pods: not pods["items"])


# --- Namespaces


def test_a_namespaces_status_finalizers_and_labels(plane: planes.Plane) -> None:
    name = plane.space()
    path = f"/api/v1/namespaces/{name}"
    condition = {"type": "StatusPatch", "status": "True", "reason": "Test", "message": "patched"}
    patched = plane.done(
        "PATCH", f"{path}/status", {"metadata": {"annotations": {"e2e": "x"}}, "status": {"conditions": [condition]}}
    )
    assert [one["type"] for one in patched["status"]["conditions"]] == ["StatusPatch"]
    read = plane.get(f"{path}/status")
    read["status"]["conditions"].append({**condition, "type": "StatusUpdate"})
    updated = plane.done("PUT", f"{path}/status", read)
    assert [one["type"] for one in updated["status"]["conditions"]] == ["StatusPatch", "StatusUpdate"]
    updated["metadata"]["labels"]["changed"] = "yes"
    assert plane.done("PUT", path, updated)["metadata"]["labels"]["changed"] == "yes"
    kept = plane.get(path)
    kept["spec"]["finalizers"] = ["kubernetes", "example.com/held"]
    assert plane.done("PUT", f"{path}/finalize", kept)["spec"]["finalizers"] == ["kubernetes", "example.com/held"]
    plane.done("DELETE", path)
    plane.until(
        path, lambda one: one["spec"]["finalizers"] == ["example.com/held"] and one["status"]["phase"] == "Terminating"
    )
    kept = plane.get(path)
    kept["spec"]["finalizers"] = []
    plane.done("PUT", f"{path}/finalize", kept)
    plane.gone(path)


def test_namespaces_empty_themselves(plane: planes.Plane) -> None:
    name = plane.space(kubernetes="fast")
    space = f"/api/v1/namespaces/{name}"
    plane.make(f"{space}/pods", pod("p"))
    plane.make(f"{space}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    plane.done("DELETE", space)
    plane.gone(space)
    plane.make("/api/v1/namespaces", {"metadata": {"name": name}})
    assert not plane.get(f"{space}/pods")["items"]
    assert not plane.get(f"{space}/services")["items"]


def test_pods_go_first_when_a_namespace_goes(plane: planes.Plane) -> None:
    name = plane.space()
    space = f"/api/v1/namespaces/{name}"
    plane.make(f"{space}/pods", {**pod("held"), "metadata": {"name": "held", "finalizers": ["example.com/held"]}})
    plane.make(f"{space}/configmaps", {"metadata": {"name": "later"}})
    plane.done("DELETE", space)
    plane.until(f"{space}/pods/held", lambda held: held["metadata"].get("deletionTimestamp"))
    told = plane.until(space, lambda one: len(one["status"].get("conditions") or ()) >= 2)["status"]["conditions"]
    remaining = {one["type"]: one for one in told}
    assert remaining["NamespaceContentRemaining"]["status"] == "True"
    assert remaining["NamespaceFinalizersRemaining"]["status"] == "True"
    assert not plane.get(f"{space}/configmaps/later")["metadata"].get("deletionTimestamp")
    plane.done("PATCH", f"{space}/pods/held", {"metadata": {"finalizers": None}})
    plane.gone(space)


# --- Lists, watches, tables


def test_a_list_goes_on_where_its_page_ended(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    for number in range(40):
        template = {"metadata": {"name": f"t-{number:04}"}, "template": TEMPLATE}
        plane.make(f"{space}/podtemplates", template)
    path, seen, query, versions = f"{space}/podtemplates", [], "", set()
    while True:
        page = plane.get(f"{path}?limit=17{query}")
        seen += [one["metadata"]["name"] for one in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        remaining = page["metadata"].get("remainingItemCount")
        if not page["metadata"].get("continue"):
            assert remaining is None
            break
        assert remaining == 40 - len(seen)
        query = f"&continue={page['metadata']['continue']}"
    assert seen == [f"t-{number:04}" for number in range(40)]
    assert len(versions) == 1
    everything = plane.get(f"{path}?limit=50")
    assert len(everything["items"]) == 40
    assert "continue" not in everything["metadata"]


def test_watches_begin_where_they_are_told_and_agree(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    path = f"{space}/configmaps"
    versions = []
    first = plane.make(path, {"metadata": {"name": "w", "labels": {"w": "a"}}})
    for number in range(3):
        changed = plane.done("PATCH", f"{path}/w", {"data": {"mutation": str(number)}})
        versions.append(changed["metadata"]["resourceVersion"])
    plane.done("DELETE", f"{path}/w")
    with plane.watching(f"{path}?labelSelector=w=a&resourceVersion={versions[0]}") as watch:
        watch.saw(lambda type_, _: type_ == "DELETED", "the end")
        assert watch.types() == ["MODIFIED", "MODIFIED", "DELETED"]
        told = [event["object"]["metadata"]["resourceVersion"] for event in watch.events[:2]]
        assert told == versions[1:]
    with plane.watching(f"{path}?labelSelector=w=a&resourceVersion={first['metadata']['resourceVersion']}") as watch:
        plane.make(path, {"metadata": {"name": "w2", "labels": {"w": "a"}}})
        plane.done("PATCH", f"{path}/w2", {"metadata": {"labels": {"w": "b"}}})
        plane.done("PATCH", f"{path}/w2", {"metadata": {"labels": {"w": "a"}}, "data": {"again": "yes"}})
        plane.done("DELETE", f"{path}/w2")
        watch.saw(lambda type_, one: type_ == "DELETED" and one.get("data", {}).get("again"), "the second end")
        assert watch.types("w2") == ["ADDED", "DELETED", "ADDED", "DELETED"]


def test_tables_of_pods_and_of_what_has_no_columns(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/pods", pod("p"))
    as_table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    code, table = plane.ask("GET", f"{space}/pods/p", **as_table)
    assert (code, table["kind"], table["apiVersion"]) == (200, "Table", "meta.k8s.io/v1")
    assert len(table["columnDefinitions"]) > 2
    assert len(table["rows"]) == 1
    assert table["rows"][0]["cells"][0] == "p"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    for number in range(20):
        plane.make(f"{space}/podtemplates", {"metadata": {"name": f"t-{number:04}"}, "template": TEMPLATE})
    code, page = plane.ask("GET", f"{space}/podtemplates?limit=10", **as_table)
    assert len(page["rows"]) == 10
    assert page["metadata"]["continue"]
    code, table = plane.ask("GET", "/api/v1/nodes", **as_table)
    assert len(table["columnDefinitions"]) >= 2
    code, refused = plane.ask(
        "POST",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}},
        **as_table,
    )
    assert (code, refused["reason"]) == (406, "NotAcceptable")
