"""The operations of each kind as conformance tests ask for them: through Go's typed clients, which speak protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bascule.vocabulary import builtins, objects
from tests import waiting
from tests.clients import plane as planes
from tests.unit.control.kinds import samples
from tests.unit.control.schema import proto_encoder

PROTOBUF = "application/vnd.kubernetes.protobuf"
ANY = f"{PROTOBUF}, */*"
LABEL = "special-label"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("operations")) as running:
        yield running


def typed(plane: planes.Plane, method: str, path: str, body: objects.Object) -> tuple[int, Any]:
    return plane.ask(method, path, proto_encoder.body(body), PROTOBUF, Accept=ANY)


def done(plane: planes.Plane, method: str, path: str, body: objects.Object) -> Any:
    """The answer of a typed client's request that has to succeed."""
    code, answer = typed(plane, method, path, body)
    assert code < 300, f"{method} {path}: {answer}"
    return answer


def options(version: str, **more: Any) -> objects.Object:
    """Each group has `DeleteOptions` of its own name, which Go's clients use."""
    return {"apiVersion": version, "kind": "DeleteOptions", **more}


_RULES = [{"operations": ["CREATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}]
_CONTAINERS = {"containers": [{"name": "c", "image": "i"}]}
_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": _CONTAINERS}
_BACKEND = {"service": {"name": "test-backend", "port": {"number": 8080}}}
_PATH = {"path": "/", "pathType": "ImplementationSpecific", "backend": _BACKEND}
_JOB = {"spec": {"template": {"spec": {"restartPolicy": "OnFailure", **_CONTAINERS}}}}
_MUTATION = {
    "patchType": "ApplyConfiguration",
    "applyConfiguration": {"expression": "Object{spec: Object.spec{replicas: 100}}"},
}
_FLOW = {
    "subjects": [{"kind": "User", "user": {"name": "nobody"}}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}
_USAGES = ["digital signature", "key encipherment", "server auth"]
_READY = {"type": "Ready", "status": "True", "reason": "E2E", "message": "Set from e2e test"}

KINDS: dict[str, tuple[objects.Object, objects.Object]] = {
    "validatingadmissionpolicies": (
        {"spec": {"validations": [{"expression": "object.spec.replicas <= 100"}],
                  "matchConstraints": {"resourceRules": _RULES}}},
        {"spec": {"failurePolicy": "Ignore"}},
    ),
    "validatingadmissionpolicybindings": (
        {"spec": {"policyName": "limit.example.com", "validationActions": ["Deny"]}},
        {"spec": {"validationActions": ["Warn"]}},
    ),
    "mutatingadmissionpolicies": (
        {"spec": {"reinvocationPolicy": "Never", "mutations": [_MUTATION],
                  "matchConstraints": {"resourceRules": _RULES}}},
        {"spec": {"reinvocationPolicy": "IfNeeded"}},
    ),
    "mutatingadmissionpolicybindings": (
        {"spec": {"policyName": "limit.example.com"}}, {"spec": {"policyName": "other.example.com"}}),
    "flowschemas": (
        {"spec": {"matchingPrecedence": 10000, "priorityLevelConfiguration": {"name": "global-default"},
                  "distinguisherMethod": {"type": "ByUser"}, "rules": [_FLOW]}},
        {"spec": {"matchingPrecedence": 9999}},
    ),
    "prioritylevelconfigurations": (
        {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}},
        {"spec": {"limited": {"nominalConcurrencyShares": 4}}},
    ),
    "runtimeclasses": ({"handler": "e2e"}, {}),
    "ingressclasses": ({"spec": {"controller": "example.com/controller"}}, {}),
    "ingresses": (
        {"spec": {"defaultBackend": _BACKEND, "rules": [{"host": "foo.bar.com", "http": {"paths": [_PATH]}}]}}, {}),
    "endpointslices": ({"addressType": "IPv4", "endpoints": [{"addresses": ["1.2.3.4", "5.6.7.8"]}]}, {}),
    "certificatesigningrequests": (
        {"spec": {"request": samples.CERTIFICATE_REQUEST, "signerName": "example.com/e2e",
                  "expirationSeconds": 3600, "usages": _USAGES}}, {}),
    "cronjobs": ({"spec": {"schedule": "*/1 * * * ?", "suspend": True, "jobTemplate": _JOB}}, {}),
    "csistoragecapacities": (
        {"storageClassName": "s", "nodeTopology": {"matchLabels": {"foo": "bar"}}, "capacity": "1Gi"}, {}),
    "volumeattachments": (
        {"spec": {"attacher": "e2e", "nodeName": "n", "source": {"persistentVolumeName": "v"}}}, {}),
    "volumeattributesclasses": ({"driverName": "e2e", "parameters": {"foo": "bar"}}, {}),
    "storageclasses": ({"provisioner": "e2e"}, {}),
    "csidrivers": (
        {"spec": {"volumeLifecycleModes": ["Ephemeral"], "fsGroupPolicy": "ReadWriteOnceWithFSType"}}, {}),
    "csinodes": ({}, {}),
    "podtemplates": ({"template": _TEMPLATE}, {}),
    "controllerrevisions": ({"revision": 1, "data": {"a": 1}}, {}),
    "poddisruptionbudgets": ({"spec": {"minAvailable": "1%", "selector": {"matchLabels": {"none": "1"}}}}, {}),
    "persistentvolumes": (
        {"spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
                  "csi": {"driver": "e2e", "volumeHandle": "e2e"}}}, {}),
    "persistentvolumeclaims": (
        {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none-such",
                  "resources": {"requests": {"storage": "1Gi"}}}}, {}),
    "limitranges": ({"spec": {"limits": [{"type": "Container", "max": {"cpu": "5"}}]}}, {}),
    "resourcequotas": ({"spec": {"hard": {"cpu": "1", "memory": "500Mi"}}}, {}),
    "services": ({"spec": {"ports": [{"port": 80}]}}, {}),
    "endpoints": ({"subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80}]}]}, {}),
    "secrets": ({"data": {"a": "Yg=="}}, {}),
    "configmaps": ({"data": {"a": "b"}}, {}),
    "nodes": (
        {"spec": {"unschedulable": True}, "status": {"phase": "Running", "conditions": [_READY]}}, {}),
}  # fmt: skip
"""What is made of each kind, and what a patch changes besides an annotation."""


@pytest.mark.parametrize("plural", KINDS)
def test_a_kinds_operations(plane: planes.Plane, plural: str) -> None:
    body, change = KINDS[plural]
    row = next(one for one in builtins.REGISTRY if one.plural == plural)
    path = row.path(plane.space() if row.namespaced else "")
    mine = f"{path}?labelSelector={LABEL}%3D{plural}"
    head = {"apiVersion": row.api_version, "kind": row.kind}
    fresh = {**head, **body, "metadata": {"generateName": "e2e-example-", "labels": {LABEL: plural}}}
    made = [done(plane, "POST", path, fresh) for _ in range(3)][-1]
    at = f"{path}/{made['metadata']['name']}"
    code, read = plane.ask("GET", at, Accept=ANY)
    assert (code, read["metadata"]["uid"]) == (200, made["metadata"]["uid"])
    code, listed = plane.ask("GET", mine, Accept=ANY)
    assert (code, len(listed["items"]), listed["kind"]) == (200, 3, row.list_kind)
    with plane.watching(f"{mine}&resourceVersion={listed['metadata']['resourceVersion']}") as watch:
        patched = plane.done("PATCH", at, {"metadata": {"annotations": {"patched": "true"}}, **change})
        assert patched["metadata"]["annotations"]["patched"] == "true"
        assert int(patched["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
        assert all(_within(value, patched[key]) for key, value in change.items())
        updated = waiting.until_sync(lambda: _updated(plane, at, body))
        assert updated["metadata"]["annotations"]["updated"] == "true"
        assert all(_within(value, updated[key]) for key, value in body.items())
        watch.saw(lambda _, one: one["metadata"].get("annotations", {}).get("updated"), "the update")
        assert set(watch.types(made["metadata"]["name"])) == {"MODIFIED"}
    done(plane, "DELETE", at, options(row.api_version, gracePeriodSeconds=30))
    plane.gone(at)
    done(plane, "DELETE", mine, options(row.api_version))
    plane.until(mine, lambda left: not left["items"])


def _updated(plane: planes.Plane, at: str, body: objects.Object) -> Any:
    """The spec of the beginning, and an annotation; None when somebody else was faster."""
    current = plane.get(at)
    current["metadata"]["annotations"]["updated"] = "true"
    if "spec" in body:
        current["spec"] |= body["spec"]
    code, answer = typed(plane, "PUT", at, current)
    assert code in (200, 409), answer
    return answer if code == 200 else None


def _within(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return all(_within(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(found) and all(map(_within, wanted, found))
    return bool(wanted == found)


# --- What the newest tests do with every resource: each way to write, all by the dynamic client


_REQUESTS = {"devices": {"requests": [{"name": "req-0", "exactly": {"deviceClassName": "dra.example.com"}}]}}
_LABELLED = {"metadata": {"labels": {"test.dra.example.com": "test"}}}
_LABELLED_BY_STEPS = [{"op": "add", "path": "/metadata/labels/test.dra.example.com", "value": "test"}]
_ALLOCATED = {"status": {"allocation": {}}}
_ALLOCATED_BY_STEPS = [{"op": "add", "path": "/status/allocation", "value": {}}]
_FALSE = {"spec": {"selectors": [{"cel": {"expression": "1 == 0"}}]}}
_POOL = {"name": "cluster", "generation": 1, "resourceSliceCount": 1}

RESOURCES: dict[str, tuple[objects.Object, list[tuple[str, str, Any]]]] = {
    "deviceclasses": (
        {"spec": {"selectors": [{"cel": {"expression": "false"}}]}}, [("", planes.STRATEGIC, _FALSE)]),
    "resourceclaimtemplates": ({"spec": {"spec": _REQUESTS}}, [("", planes.STRATEGIC, _LABELLED)]),
    "resourceslices": (
        {"spec": {"driver": "dra.example.com", "pool": _POOL, "nodeName": "no-such-node"}},
        [("", planes.STRATEGIC, {"spec": {"devices": [{"name": "device-0"}]}})],
    ),
    "resourceclaims": (
        {"spec": _REQUESTS, "status": {}},
        [("", how, _LABELLED) for how in (planes.STRATEGIC, planes.APPLY, planes.MERGE)]
        + [("", planes.JSON_PATCH, _LABELLED_BY_STEPS)]
        + [("/status", how, _ALLOCATED) for how in (planes.STRATEGIC, planes.APPLY, planes.MERGE)]
        + [("/status", planes.JSON_PATCH, _ALLOCATED_BY_STEPS)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("plural", RESOURCES)
def test_every_way_to_write_a_resource(plane: planes.Plane, plural: str) -> None:
    body, patches = RESOURCES[plural]
    row = next(one for one in builtins.REGISTRY if one.plural == plural)
    space = plane.space() if row.namespaced else ""
    path = row.path(space)
    mine = f"{path}?labelSelector=e2e%3D{plural}"
    meta = {"name": "test", "labels": {"e2e": plural}, **({"namespace": space} if space else {})}
    head = {"apiVersion": row.api_version, "kind": row.kind}
    informer = "&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    with plane.watching(mine + informer) as watch:
        end = watch.saw(lambda type_, _: type_ == "BOOKMARK", "the end of what is there")
        assert (end["kind"], end["metadata"]["annotations"]["k8s.io/initial-events-end"]) == (row.kind, "true")
        for subresource, media, change in patches:
            fresh = {**head, **body, "metadata": {**meta, "creationTimestamp": None}}
            made = plane.make(f"{path}?fieldValidation=Strict", fresh)
            if isinstance(change, dict):
                identity = {"name": "test", "uid": made["metadata"]["uid"], **({"namespace": space} if space else {})}
                change = {**head, **change, "metadata": {**change.get("metadata", {}), **identity}}
            query = "?fieldValidation=Strict" + ("&fieldManager=e2e&force=true" if media == planes.APPLY else "")
            patched = plane.done("PATCH", f"{path}/test{subresource}{query}", orjson.dumps(change), media)
            assert int(patched["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
            if subresource:
                assert patched["status"]["allocation"] == plane.get(f"{path}/test/status")["status"]["allocation"]
            assert len(plane.get(mine)["items"]) == 1
            plane.done("DELETE", mine, options(row.api_version))
            plane.gone(f"{path}/test")
        watch.saw(lambda type_, one: type_ == "DELETED" and one["metadata"]["uid"] == made["metadata"]["uid"], "an end")
        assert watch.types("test") == ["ADDED", "MODIFIED", "DELETED"] * len(patches)


# --- Details of the wire


def test_a_lease_of_the_year_one(plane: planes.Plane) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{plane.space()}/leases"
    spec = {"holderIdentity": "h", "leaseDurationSeconds": 30, "leaseTransitions": 0,
            "acquireTime": "0001-01-01T00:00:02.000000Z", "renewTime": "0001-01-01T00:00:05.000000Z"}  # fmt: skip
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": spec}
    made = done(plane, "POST", path, lease)
    assert made["spec"] == spec == plane.get(f"{path}/l")["spec"]
    made["spec"]["renewTime"] = "0001-01-01T00:00:50.000000Z"
    assert done(plane, "PUT", f"{path}/l", made)["spec"]["renewTime"] == "0001-01-01T00:00:50.000000Z"


def test_subresources_take_messages_of_their_own_kinds(plane: planes.Plane) -> None:
    name = plane.space()
    space = f"/api/v1/namespaces/{name}"
    asked = {"audiences": ["a"], "expirationSeconds": 3600}
    token = done(
        plane,
        "POST",
        f"{space}/serviceaccounts/default/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": asked},
    )
    assert token["status"]["token"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": _CONTAINERS}
    assert done(plane, "POST", f"{space}/pods", pod)["status"]["qosClass"] == "BestEffort"
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"},
    }
    done(plane, "POST", f"{space}/pods/p/binding", binding)
    current = plane.get(f"{space}/pods/p")
    current["spec"]["ephemeralContainers"] = [{"name": "d", "image": "i", "stdin": True, "tty": True}]
    assert done(plane, "PUT", f"{space}/pods/p/ephemeralcontainers", current)["spec"]["ephemeralContainers"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}, "deleteOptions": {}}
    done(plane, "POST", f"{space}/pods/p/eviction", eviction)
    apps = f"/apis/apps/v1/namespaces/{name}/deployments"
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": _TEMPLATE}
    done(plane, "POST", apps, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec})
    scale = plane.get(f"{apps}/d/scale")
    scale["spec"], scale["metadata"]["resourceVersion"] = {"replicas": 2}, ""
    assert done(plane, "PUT", f"{apps}/d/scale", scale)["spec"] == {"replicas": 2}
    held = plane.get(space)
    held["spec"]["finalizers"] = ["kubernetes", "example.com/held"]
    assert "example.com/held" in done(plane, "PUT", f"{space}/finalize", held)["spec"]["finalizers"]
    held = plane.get(space)
    held["spec"]["finalizers"] = ["kubernetes"]
    done(plane, "PUT", f"{space}/finalize", held)


def test_events_are_found_by_their_source_and_updated_without_a_version(plane: planes.Plane) -> None:
    name = plane.space()
    core, grouped = f"/api/v1/namespaces/{name}/events", f"/apis/events.k8s.io/v1/namespaces/{name}/events"
    event = {
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": "e", "labels": {"testevent-constant": "true"}}, "regarding": {"namespace": name},
        "eventTime": "2017-09-19T13:49:16.000000Z", "note": "This is e", "action": "Do", "reason": "Test",
        "type": "Normal", "reportingController": "test-controller", "reportingInstance": "test-node",
    }  # fmt: skip
    done(plane, "POST", grouped, event)
    for path in (f"{core}?fieldSelector=source%3Dtest-controller",
                 f"{grouped}?fieldSelector=reportingController%3Dtest-controller"):  # fmt: skip
        assert [one["metadata"]["name"] for one in plane.get(path)["items"]] == ["e"]
    first = plane.get(f"{grouped}/e")
    for part in ("resourceVersion", "managedFields"):
        first["metadata"].pop(part)
    first["series"] = {"count": 100, "lastObservedTime": "2017-09-19T13:49:16.000000Z"}
    done(plane, "PUT", f"{grouped}/e", first)
    second = plane.get(f"{grouped}/e")
    for part in ("resourceVersion", "managedFields"):
        second["metadata"].pop(part)
    assert second == first


def test_preconditions_and_dry_runs_of_a_deletion(plane: planes.Plane) -> None:
    path = f"/api/v1/namespaces/{plane.space()}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    made = done(plane, "POST", path, body)
    for wrong in ({"uid": "other"}, {"resourceVersion": "1"}):
        code, refused = typed(plane, "DELETE", f"{path}/c", options("v1", preconditions=wrong))
        assert (code, refused["reason"]) == (409, "Conflict")
    right = {"uid": made["metadata"]["uid"]}
    done(plane, "DELETE", f"{path}/c", options("v1", preconditions=right, dryRun=["All"]))
    assert plane.get(f"{path}/c")["data"] == {"a": "b"}
    done(plane, "DELETE", f"{path}/c", options("v1", preconditions=right))
    plane.gone(f"{path}/c")


def test_discovery_is_found_with_a_slash_at_the_end(plane: planes.Plane) -> None:
    for path, kind in {"/api/": "APIVersions", "/apis/": "APIGroupList", "/apis/apps/": "APIGroup",
                       "/apis/apps/v1/": "APIResourceList", "/api/v1/": "APIResourceList"}.items():  # fmt: skip
        assert plane.ask("GET", path, Accept=ANY)[1]["kind"] == kind
