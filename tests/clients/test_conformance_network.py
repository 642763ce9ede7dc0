"""Services, their endpoints and their addresses, as conformance tests look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import plane as planes

NOW = "2026-01-02T03:04:05Z"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("network")) as running:
        yield running


def test_a_services_status_and_life(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    ports = [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]
    plane.make(
        f"{space}/services",
        {"metadata": {"name": "s", "labels": {"x": "y"}}, "spec": {"type": "LoadBalancer", "ports": ports}},
    )
    path = f"{space}/services/s"
    patched = plane.done(
        "PATCH",
        f"{path}/status",
        {
            "metadata": {"annotations": {"patchedstatus": "true"}},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
        },
    )
    assert patched["status"]["loadBalancer"]["ingress"] == [{"ip": "203.0.113.1", "ipMode": "VIP"}]
    patched["status"]["conditions"] = [
        {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "m", "lastTransitionTime": NOW}
    ]
    updated = plane.done("PUT", f"{path}/status", patched)
    assert updated["status"]["conditions"][0]["type"] == "StatusUpdate"
    plane.done("PATCH", path, {"metadata": {"labels": {"test-service": "patched"}}}, planes.STRATEGIC)
    plane.done("DELETE", f"{space}/services?labelSelector=x=y")
    plane.gone(path)


def test_services_change_their_types(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}/services"
    ports = [{"port": 80, "protocol": "TCP"}]
    for first in ("ExternalName", "ClusterIP", "NodePort"):
        spec = (
            {"type": first, "ports": ports}
            if first != "ExternalName"
            else {"type": first, "externalName": "example.com"}
        )
        path = f"{space}/s-{first.lower()}"
        plane.make(space, {"metadata": {"name": f"s-{first.lower()}"}, "spec": spec})
        for then in ("ClusterIP", "ExternalName", "NodePort", "ClusterIP", "NodePort", "ExternalName"):
            current = plane.get(path)
            spec = current["spec"]
            spec["type"] = then
            if then == "ExternalName":
                spec.update(externalName="foo.example.com", clusterIP="")
                spec.pop("clusterIPs", None)
            else:
                spec.pop("externalName", None)
                spec["ports"] = [{"port": 80, "name": "http", "protocol": "TCP"}]
            made = plane.done("PUT", path, current)["spec"]
            assert bool(made.get("clusterIP")) == (then != "ExternalName"), (first, then)
            assert bool((made.get("ports") or [{}])[0].get("nodePort")) == (then == "NodePort"), (first, then)


def test_the_services_that_are_there_and_affinity(plane: planes.Plane) -> None:
    own = plane.get("/api/v1/namespaces/default/services/kubernetes")
    assert own["spec"]["ports"][0]["port"] == 443
    assert own["metadata"]["labels"]["component"] == "apiserver"
    slices = plane.get(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes"
    )
    assert slices["items"][0]["endpoints"][0]["addresses"]
    assert plane.get("/api/v1/namespaces/default/endpoints/kubernetes")["subsets"][0]["addresses"]
    space = f"/api/v1/namespaces/{plane.space()}/services"
    spec = {"ports": [{"port": 80}], "sessionAffinity": "ClientIP"}
    made = plane.make(space, {"metadata": {"name": "s"}, "spec": spec})
    assert made["spec"]["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    changed = plane.done("PATCH", f"{space}/s", {"spec": {"sessionAffinity": "None", "sessionAffinityConfig": None}})
    assert "sessionAffinityConfig" not in changed["spec"]


def test_endpoints_live_and_are_mirrored(plane: planes.Plane) -> None:
    name = plane.space()
    space, slices = f"/api/v1/namespaces/{name}", f"/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices"
    plane.make(f"{space}/services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    subsets = [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80, "name": "http", "protocol": "TCP"}]}]
    plane.make(f"{space}/endpoints", {"metadata": {"name": "s", "labels": {"x": "y"}}, "subsets": subsets})
    query = f"{slices}?labelSelector=kubernetes.io/service-name=s"
    managed, mirrored = "endpointslice.kubernetes.io/managed-by", "endpointslicemirroring-controller.k8s.io"

    def addresses(found: Any) -> list[str]:
        return [
            address
            for one in found["items"] if one["metadata"]["labels"].get(managed) == mirrored
            for each in one.get("endpoints") or () for address in each["addresses"]
        ]  # fmt: skip

    plane.until(query, lambda found: addresses(found) == ["10.1.2.3"])
    current = plane.get(f"{space}/endpoints/s")
    current["subsets"][0]["addresses"] = [{"ip": "10.2.3.4"}]
    plane.done("PUT", f"{space}/endpoints/s", current)
    plane.until(query, lambda found: addresses(found) == ["10.2.3.4"])
    plane.done("DELETE", f"{space}/endpoints?labelSelector=x=y")
    plane.until(query, lambda found: addresses(found) == [])


def test_slices_of_selected_pods(plane: planes.Plane) -> None:
    name = plane.space()
    space, slices = f"/api/v1/namespaces/{name}", f"/apis/discovery.k8s.io/v1/namespaces/{name}/endpointslices"
    for number in (1, 2):
        container = {"name": "c", "image": "i", "ports": [{"containerPort": 3000 + number, "name": "web"}]}
        plane.make(
            f"{space}/pods",
            {"metadata": {"name": f"p{number}", "labels": {"app": "web"}}, "spec": {"containers": [container]}},
        )
    spec = {
        "selector": {"app": "web"},
        "publishNotReadyAddresses": True,
        "ports": [{"name": "w", "port": 80, "targetPort": "web"}],
    }
    plane.make(f"{space}/services", {"metadata": {"name": "s"}, "spec": spec})
    for number in (1, 2):
        ready = {
            "phase": "Running",
            "podIP": f"10.1.1.{number}",
            "podIPs": [{"ip": f"10.1.1.{number}"}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        plane.done("POST", f"{space}/pods/p{number}/binding", {"target": {"kind": "Node", "name": "n"}})
        plane.done("PATCH", f"{space}/pods/p{number}/status", {"status": ready}, planes.STRATEGIC)
    found = plane.until(f"{slices}?labelSelector=kubernetes.io/service-name=s", lambda found: len(found["items"]) == 2)
    for one in found["items"]:
        (endpoint,) = one["endpoints"]
        assert one["ports"][0]["port"] == 3000 + int(endpoint["addresses"][0][-1])
        assert one["ports"][0]["name"] == "w"
        assert (endpoint["targetRef"]["kind"], endpoint["conditions"]["ready"]) == ("Pod", True)
        assert one["addressType"] == "IPv4"
        assert one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
    plane.until(f"{space}/endpoints/s", lambda one: len(one.get("subsets") or ()) == 2)
    plane.done("DELETE", f"{space}/services/s")
    plane.gone(f"{space}/endpoints/s")
    plane.until(f"{slices}?labelSelector=kubernetes.io/service-name=s", lambda found: not found["items"])


def test_ranges_of_services_grow_and_shrink(plane: planes.Plane) -> None:
    path = "/apis/networking.k8s.io/v1/servicecidrs"
    assert plane.get(f"{path}/kubernetes")["spec"]["cidrs"]
    plane.make(path, {"metadata": {"name": "more", "labels": {"x": "y"}}, "spec": {"cidrs": ["10.231.0.0/24"]}})
    plane.done("PATCH", f"{path}/more", {"metadata": {"annotations": {"patched": "true"}}}, planes.MERGE)
    plane.done("DELETE", f"{path}?labelSelector=x=y")
    plane.gone(f"{path}/more")


def test_addresses_of_anybody(plane: planes.Plane) -> None:
    path = "/apis/networking.k8s.io/v1/ipaddresses"
    reference = {"group": "mygroup", "resource": "myresources", "namespace": "foo", "name": "bar"}
    for name in ("255.255.255.255", "fe80::42:1dff:fe84:f9e2"):
        made = plane.make(path, {"metadata": {"name": name, "labels": {"x": "y"}}, "spec": {"parentRef": reference}})
        patched = plane.done("PATCH", f"{path}/{name}", {"metadata": {"annotations": {"patched": "true"}}})
        assert int(patched["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        patched["metadata"]["annotations"]["updated"] = "true"
        assert plane.done("PUT", f"{path}/{name}", patched)["spec"]["parentRef"] == reference
        patched["metadata"].pop("resourceVersion")
        patched["spec"]["parentRef"]["name"] = "other"
        assert plane.ask("PUT", f"{path}/{name}", patched)[0] == 422
    plane.done("DELETE", f"{path}?labelSelector=x=y")
    assert not plane.get(f"{path}?labelSelector=x=y")["items"]
