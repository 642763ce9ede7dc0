"""Every built-in kind through its life on the wire: created, listed, watched, patched, replaced, its status written by
both ways, deleted alone and as a collection. One server process for all.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bascule.vocabulary import builtins, objects, resources
from tests.clients import admin
from tests.unit.control.kinds import samples

SPACE = "lives"
LABEL = "life"
NOW = "2026-01-02T03:04:05Z"

ROWS = [row for row in builtins.REGISTRY if row.verbs != ("create",)]
CONDITION = {"type": "Seen", "status": "True", "reason": "Test", "message": "seen", "lastTransitionTime": NOW}
STATUS: dict[str, objects.Object] = {
    "persistentvolumes": {"phase": "Released", "message": "seen"},
    "resourcequotas": {"hard": {"pods": "3"}},
    "ingresses": {"loadBalancer": {"ingress": [{"ip": "10.9.9.9"}]}},
    "cronjobs": {"lastScheduleTime": NOW},
    "volumeattachments": {"attached": False, "detachError": {"message": "seen"}},
    "horizontalpodautoscalers": {"desiredReplicas": 2, "currentReplicas": 1},
    "resourceclaims": {"reservedFor": [{"resource": "pods", "name": "a", "uid": "u"}]},
    "validatingadmissionpolicies": {"conditions": [CONDITION], "observedGeneration": 1},
}
"""What a status patch says where a condition is not what the kind has."""

_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["widgets"]}
_POLICY = {
    "matchConstraints": {"resourceRules": [_RULE]},
    "failurePolicy": "Ignore",
}
MORE: dict[tuple[str, str], objects.Object] = {
    ("", "podtemplates"): {"template": samples.template()},
    ("events.k8s.io", "events"): {
        "regarding": {"kind": "Pod", "name": "web", "namespace": SPACE},
        "reason": "Seen",
        "action": "Look",
        "type": "Normal",
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "example.com/test",
        "reportingInstance": "a",
    },
    ("networking.k8s.io", "ingressclasses"): {"spec": {"controller": "example.com/ingress"}},
    ("networking.k8s.io", "ipaddresses"): {
        "spec": {"parentRef": {"resource": "services", "namespace": SPACE, "name": "web"}}
    },
    ("networking.k8s.io", "servicecidrs"): {"spec": {"cidrs": ["10.200.0.0/24"]}},
    ("rbac.authorization.k8s.io", "clusterroles"): {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]},
    ("rbac.authorization.k8s.io", "clusterrolebindings"): {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "ann"}],
    },
    ("storage.k8s.io", "csinodes"): {"spec": {"drivers": []}},
    ("storage.k8s.io", "csistoragecapacities"): {"storageClassName": "fast", "capacity": "1Gi"},
    ("storage.k8s.io", "volumeattachments"): {
        "spec": {"attacher": "example.com", "nodeName": "n1", "source": {"persistentVolumeName": "pv"}}
    },
    ("storage.k8s.io", "volumeattributesclasses"): {"driverName": "example.com", "parameters": {"iops": "1"}},
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): {
        "spec": {
            **_POLICY,
            "reinvocationPolicy": "Never",
            "mutations": [
                {
                    "patchType": "JSONPatch",
                    "jsonPatch": {"expression": '[JSONPatch{op: "add", path: "/metadata/labels/a", value: "b"}]'},
                }
            ],
        }
    },
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): {"spec": {"policyName": "a"}},
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): {
        "spec": {**_POLICY, "validations": [{"expression": "true"}]}
    },
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): {
        "spec": {"policyName": "a", "validationActions": ["Deny"]}
    },
    ("node.k8s.io", "runtimeclasses"): {"handler": "runc"},
    ("resource.k8s.io", "deviceclasses"): {"spec": {}},
    ("resource.k8s.io", "resourceclaimtemplates"): {
        "spec": {"spec": samples.VALID["resource.k8s.io", "resourceclaims"]["spec"]}
    },
    ("resource.k8s.io", "resourceslices"): {
        "spec": {
            "driver": "gpu.example.com",
            "nodeName": "n1",
            "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "gpu-0"}],
        }
    },
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): {
        "spec": {
            "matchingPrecedence": 9000,
            "priorityLevelConfiguration": {"name": "global-default"},
            "rules": [
                {
                    "subjects": [{"kind": "User", "user": {"name": "ann"}}],
                    "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}],
                }
            ],
        }
    },
}


def sample(row: resources.Resource, number: int) -> objects.Object:
    """A valid object with a name of its own; cluster-wide names that follow from the content get content to match."""
    found = samples.VALID.get((row.group, row.plural)) or MORE.get((row.group, row.plural))
    if row.plural == "validatingwebhookconfigurations":
        found = samples.webhooks()
        found["webhooks"][0]["rules"][0]["resources"] = ["widgets"]
    if row.plural == "mutatingwebhookconfigurations":
        found = samples.webhooks()
        found["webhooks"][0]["rules"][0]["resources"] = ["widgets"]
    if row.plural == "horizontalpodautoscalers" and row.version == "v1":
        found = {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3}}
    assert found is not None, f"no sample of {row.qualified}"
    made = objects.deep_copy(found)
    made |= {"apiVersion": row.api_version, "kind": row.kind}
    made.pop("status", None)
    name = f"{row.plural}-{number}"
    meta: objects.Object = {"name": name, "labels": {LABEL: row.plural}}
    if row.namespaced:
        meta["namespace"] = SPACE
    if row.plural == "ipaddresses":
        meta["name"] = f"10.200.1.{number}"
    elif row.plural == "servicecidrs":
        made["spec"]["cidrs"] = [f"10.200.{number}.0/24"]
    elif row.plural == "csidrivers":
        meta["name"] = f"d{number}.example.com"
    elif row.plural == "apiservices":
        made["spec"] |= {"group": f"g{number}.example.com", "version": "v1", "groupPriorityMinimum": 9}
        made["spec"] |= {"service": {"namespace": SPACE, "name": "x"}, "insecureSkipTLSVerify": True}
        meta["name"] = f"v1.g{number}.example.com"
    elif row.plural == "customresourcedefinitions":
        plural = f"widgets{number}"
        made["spec"]["names"] = {"plural": plural, "kind": f"Widget{number}"}
        meta["name"] = f"{plural}.example.com"
    elif row.plural == "certificatesigningrequests":
        made["spec"]["request"] = _signing_request()
    elif row.qualified == "events":
        made["involvedObject"]["namespace"] = SPACE
    elif row.plural == "persistentvolumes":
        del made["spec"]["claimRef"]
    made["metadata"] = meta
    return made


def _signing_request() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ann")])
    made = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[admin.Client]:
    home = tmp_path_factory.mktemp("lives")
    with admin.serving(home / "data", home / "api.log") as (client, _):
        code, answer = client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": SPACE}})
        assert code == 201, answer
        account = {"metadata": {"name": "default", "namespace": SPACE}}
        code, answer = client.ask("POST", f"/api/v1/namespaces/{SPACE}/serviceaccounts", account)
        assert code in (201, 409), answer
        yield client


NUMBERS = itertools.count(1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.qualified}-{row.version}")
def test_a_kind_lives(server: admin.Client, row: resources.Resource) -> None:
    path = row.path(SPACE if row.namespaced else "")
    everywhere = row.path("")
    first = sample(row, next(NUMBERS))
    name = first["metadata"]["name"]

    code, made = server.ask("POST", path, first)
    assert code == 201, made
    assert (made["kind"], made["apiVersion"]) == (row.kind, row.api_version)
    assert all(made["metadata"][field] for field in ("uid", "creationTimestamp", "resourceVersion"))
    assert server.ask("POST", path, first)[1]["reason"] == "AlreadyExists"

    code, read = server.ask("GET", f"{path}/{name}")
    assert (code, read) == (200, made)
    code, listed = server.ask("GET", f"{everywhere}?labelSelector={LABEL}%3D{row.plural}")
    assert (code, [item["metadata"]["name"] for item in listed["items"]]) == (200, [name])
    assert listed["kind"] == row.list_kind

    patched = _patched(server, row, f"{path}/{name}")
    _replaced(server, f"{path}/{name}", patched)
    if "status" in row.subresources:
        _status_written(server, row, f"{path}/{name}")
    _removed(server, row, path, name, listed["metadata"]["resourceVersion"])


def _patched(server: admin.Client, row: resources.Resource, at: str) -> objects.Object:
    change = {"metadata": {"annotations": {"by": "merge"}}}
    code, merged = server.ask("PATCH", at, change, "application/merge-patch+json")
    assert (code, merged["metadata"]["annotations"]["by"]) == (200, "merge"), merged
    change["metadata"]["annotations"]["by"] = "strategy"
    code, patched = server.ask("PATCH", at, change, "application/strategic-merge-patch+json")
    assert (code, patched["metadata"]["annotations"]["by"]) == (200, "strategy"), patched
    applied = {
        "apiVersion": row.api_version,
        "kind": row.kind,
        "metadata": {"name": at.rsplit("/", 1)[1], "labels": {"applied": "yes"}},
    }
    code, patched = server.ask("PATCH", f"{at}?fieldManager=tester", applied, "application/apply-patch+yaml")
    assert (code, patched["metadata"]["labels"]["applied"]) == (200, "yes"), patched
    body = [{"op": "add", "path": "/metadata/labels/how", "value": "jsonpatch"}]
    code, patched = server.ask("PATCH", at, body, "application/json-patch+json")
    assert (code, patched["metadata"]["labels"]["how"]) == (200, "jsonpatch"), patched
    version = patched["metadata"]["resourceVersion"]
    code, again = server.ask("PATCH", at, body, "application/json-patch+json")
    assert (code, again["metadata"]["resourceVersion"]) == (200, version), "a write that changes nothing was a change"
    return patched


def _replaced(server: admin.Client, at: str, current: objects.Object) -> None:
    current["metadata"]["annotations"]["by"] = "update"
    code, replaced = server.ask("PUT", at, current)
    assert (code, replaced["metadata"]["annotations"]["by"]) == (200, "update"), replaced
    code, stale = server.ask("PUT", at, current)
    assert (code, stale["reason"]) == (409, "Conflict"), stale
    replaced["metadata"]["annotations"]["by"] = "dry"
    code, dry = server.ask("PUT", f"{at}?dryRun=All", replaced)
    assert (code, dry["metadata"]["annotations"]["by"]) == (200, "dry"), dry
    assert server.ask("GET", at)[1]["metadata"]["annotations"]["by"] == "update"


def _status_written(server: admin.Client, row: resources.Resource, at: str) -> None:
    wanted: dict[str, Any] = STATUS.get(row.plural) or {"conditions": [CONDITION]}
    change = {"metadata": {"annotations": {"status": "patched"}}, "status": wanted}
    code, patched = server.ask("PATCH", f"{at}/status", change, "application/merge-patch+json")
    assert code == 200, patched
    field, value = next(iter(wanted.items()))
    found = patched["status"][field]
    assert found == value or _within(value, found), patched["status"]
    spec = patched.get("spec")
    patched["metadata"]["annotations"]["status"] = "updated"
    patched["spec"] = {}
    code, updated = server.ask("PUT", f"{at}/status", patched)
    assert code == 200, updated
    assert updated["metadata"]["annotations"]["status"] == "updated"
    assert updated.get("spec") == spec, "the status subresource changed the spec"
    code, read = server.ask("GET", f"{at}/status")
    assert (code, read) == (200, updated)
    before = read["status"]
    read["status"] = {}
    code, main = server.ask("PUT", at, read)
    assert (code, main["status"]) == (200, before), "a plain update changed the status"


def _within(wanted: Any, found: Any) -> bool:
    """Whether what was sent is there, whatever else a default has added."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and _within(wanted[key], found[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and all(any(_within(item, other) for other in found) for item in wanted)
    return bool(wanted == found)


def _removed(server: admin.Client, row: resources.Resource, path: str, name: str, version: str) -> None:
    kept = bool(server.ask("GET", f"{path}/{name}")[1]["metadata"].get("finalizers"))
    grace = "?gracePeriodSeconds=0&propagationPolicy=Background"
    code, answer = server.ask("DELETE", f"{path}/{name}{grace}")
    assert code in (200, 202), answer
    if row.plural == "namespaces":
        return  # It goes when a controller has emptied it.
    if kept:
        release = {"metadata": {"finalizers": None}}
        server.ask("PATCH", f"{path}/{name}", release, "application/merge-patch+json")
    assert server.ask("GET", f"{path}/{name}")[1].get("reason") == "NotFound"
    second = sample(row, next(NUMBERS))
    code, made = server.ask("POST", path, second)
    assert code == 201, made
    other = made["metadata"]["name"]
    code, answer = server.ask("DELETE", f"{path}{grace}&labelSelector={LABEL}%3D{row.plural}")
    assert code == 200, answer
    code, left = server.ask("GET", f"{path}?labelSelector={LABEL}%3D{row.plural}")
    if not made["metadata"].get("finalizers") and row.plural not in ("customresourcedefinitions",):
        assert left["items"] == []
        query = f"watch=true&resourceVersion={version}&timeoutSeconds=20&labelSelector={LABEL}"
        seen = server.lines(f"{path}?{query}", 8 + 2 * ("status" in row.subresources))
        told = [(event["type"], event["object"]["metadata"]["name"]) for event in seen]
        assert told[-3:] == [("DELETED", name), ("ADDED", other), ("DELETED", other)]
        assert set(told[:-3]) == {("MODIFIED", name)}
