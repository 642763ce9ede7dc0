"""A valid object of every stored kind, with a name of its own, and a change of its status."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bascule.vocabulary import builtins, objects, resources
from tests.unit.control.kinds import samples

SPACE = "lives"
LABEL = "life"
NOW = "2026-01-02T03:04:05Z"

ROWS = [row for row in builtins.REGISTRY if row.is_stored and row.kind != "CustomResourceDefinition"]
"""Definitions of custom resources change by themselves; they have tests of their own."""
CONDITION = {"type": "Seen", "status": "True", "reason": "Test", "message": "seen", "lastTransitionTime": NOW}
STATUS: dict[str, objects.Object] = {
    "persistentvolumes": {"phase": "Released", "message": "seen"},
    "resourcequotas": {"hard": {"pods": "3"}},
    "ingresses": {"loadBalancer": {"ingress": [{"ip": "10.9.9.9"}]}},
    "cronjobs": {"lastScheduleTime": NOW},
    "volumeattachments": {"attached": False, "detachError": {"message": "seen"}},
    "horizontalpodautoscalers": {"desiredReplicas": 2, "currentReplicas": 1},
    "resourceclaims": {"allocation": {"allocationTimestamp": NOW}},
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
