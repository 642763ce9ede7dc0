"""What kinds outside the core group refuse, and say, in the words clients know."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds.strategy import Context
from tests.unit.control.kinds import samples

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTEXT = Context(NOW, random.Random(7))
Object = dict[str, Any]
NETWORKING, STORAGE, ADMISSION = "networking.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io"
FLOWS, RESOURCE = "flowcontrol.apiserver.k8s.io", "resource.k8s.io"


def found(group: str, plural: str, **obj: Any) -> list[str]:
    strategy = kinds.strategy_for(group, plural)
    made: Object = {"metadata": samples.metadata(), **copy.deepcopy(obj)}
    strategy.default(made)
    return [f"{cause.field}: {cause.message}" for cause in (strategy.validate_create or strategy.validate)(made)]


def ingress(backend: Object | None = None, **rule: Any) -> Object:
    service = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": service if backend is None else backend}
    return {"rules": [{"http": {"paths": [{**path, **rule.pop("path", {})}]}, **rule}]}


def policy(**peer: Any) -> Object:
    return {"podSelector": {}, "ingress": [{"from": [peer]}]}


def level(**queuing: int) -> Object:
    return {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": queuing}}}


def hook(**more: Any) -> Object:
    client = {"url": "https://a.example.com/x"}
    made = {"name": "a.b.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": client}
    return {**made, **more}


def rule(*resources: str) -> Object:
    return {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": list(resources)}


def flow(**rules: Any) -> Object:
    return {"priorityLevelConfiguration": {"name": "low"}, "rules": [rules]}


EVERYBODY = [{"kind": "Group", "group": {"name": "all"}}]
EXACT = {"name": "gpu", "exactly": {"deviceClassName": "gpus"}}
REFUSED: list[tuple[str, str, Object, list[str]]] = [
    (NETWORKING, "ingresses", {"spec": ingress()}, []),
    (
        NETWORKING,
        "ingresses",
        {"spec": ingress(host="10.0.0.1")},
        ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
    ),
    (
        NETWORKING,
        "ingresses",
        {"spec": ingress(path={"path": "/a/.."})},
        ["spec.rules[0].http.paths[0].path: Invalid value: \"/a/..\": cannot end with '/..'"],
    ),
    (
        NETWORKING,
        "ingresses",
        {"spec": ingress({})},
        ['spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required'],
    ),
    (
        NETWORKING,
        "ingresses",
        {"spec": {}},
        ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ),
    (
        NETWORKING,
        "ingressclasses",
        {"spec": {"controller": "nginx"}},
        ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
    ),
    (
        NETWORKING,
        "ingressclasses",
        {"spec": {"controller": "a.io/b", "parameters": {"kind": "K", "name": "n", "scope": "Namespace"}}},
        ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ),
    (
        NETWORKING,
        "networkpolicies",
        {"spec": policy(ipBlock={"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "x"]})},
        [
            'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": '
            "must be a strict subset of `cidr`",
            'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "x": '
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ],
    ),
    (
        NETWORKING,
        "networkpolicies",
        {"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": "http", "endPort": 90}]}]}},
        ["spec.ingress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is non-numeric"],
    ),
    (
        NETWORKING,
        "servicecidrs",
        {"spec": {"cidrs": ["10.0.0.1/24"]}},
        ['spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
    ),
    (
        NETWORKING,
        "ipaddresses",
        {"metadata": {"name": "2001:DB8::1"}, "spec": {"parentRef": {"resource": "services", "name": "a"}}},
        ['metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")'],
    ),
    (
        STORAGE,
        "storageclasses",
        {
            "provisioner": "a.b/c",
            "allowedTopologies": [{"matchLabelExpressions": [{"key": "z", "values": ["a", "a"]}]}],
        },
        ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"'],
    ),
    (
        STORAGE,
        "csinodes",
        {"spec": {"drivers": [{"name": "d.io", "nodeID": ""}, {"name": "d.io", "nodeID": "n"}]}},
        ["spec.drivers[0].nodeID: Required value", 'spec.drivers[1].name: Duplicate value: "d.io"'],
    ),
    (
        STORAGE,
        "volumeattributesclasses",
        {"driverName": "d.io"},
        ["parameters: Required value: must contain at least one key/value pair"],
    ),
    (
        STORAGE,
        "csidrivers",
        {"spec": {"tokenRequests": [{"audience": "a", "expirationSeconds": 5}]}},
        ["spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"],
    ),
    (
        ADMISSION,
        "validatingwebhookconfigurations",
        {"webhooks": [hook(rules=[rule("*", "pods/*", "pods/log", "pods")])]},
        [
            'webhooks[0].rules[0].resources[2]: Invalid value: "pods/log": '
            "if 'pods/*' is present, must not specify pods/log",
            'webhooks[0].rules[0].resources: Invalid value: ["*","pods/*","pods/log","pods"]: '
            "if '*' is present, must not specify other resources without subresources",
        ],
    ),
    (
        ADMISSION,
        "validatingwebhookconfigurations",
        {"webhooks": [hook(clientConfig={"url": "http://a.b/c?d=e"})]},
        [
            "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme"
            "; desired format: https://host[/path]",
            'webhooks[0].clientConfig.url: Invalid value: "d=e": query parameters are not permitted in the URL',
        ],
    ),
    (
        ADMISSION,
        "validatingadmissionpolicies",
        {
            "spec": {
                "matchConstraints": {"resourceRules": [rule("pods")]},
                "variables": [{"name": "in", "expression": "1"}],
                "validations": [{"expression": " "}],
            }
        },
        [
            'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier',
            "spec.validations[0].expression: Required value: expression is not specified",
        ],
    ),
    (
        ADMISSION,
        "validatingadmissionpolicybindings",
        {"spec": {"policyName": "a", "paramRef": {}, "validationActions": ["Deny", "Deny"]}},
        [
            "spec.paramRef: Required value: one of name or selector must be specified",
            "spec.paramRef.parameterNotFoundAction: Required value",
            'spec.validationActions[1]: Duplicate value: "Deny"',
        ],
    ),
    (
        FLOWS,
        "prioritylevelconfigurations",
        {"spec": level(queues=64, handSize=40, queueLengthLimit=1)},
        [
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 40: "
            "required entropy bits of deckSize 64 and handSize 40 should not be greater than 60"
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": flow(subjects=EVERYBODY, nonResourceRules=[{"verbs": ["get"], "nonResourceURLs": ["/a*"]}])},
        [
            'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": '
            "wildcard can only do suffix matching"
        ],
    ),
    (
        FLOWS,
        "flowschemas",
        {"spec": flow(subjects=[{"kind": "User", "group": {"name": "a"}}], resourceRules=[rule("*")])},
        [
            "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
            "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
            "spec.rules[0].resourceRules[0].verbs: Required value: verbs must contain at least one value",
            "spec.rules[0].resourceRules[0].namespaces: Required value: "
            "resource rules that are not cluster scoped must supply at least one namespace",
        ],
    ),
    (
        RESOURCE,
        "resourceclaims",
        {"spec": {"devices": {"requests": [EXACT], "constraints": [{"requests": ["x"], "matchAttribute": "a"}]}}},
        [
            'spec.devices.constraints[0].requests[0]: Invalid value: "x": must be the name of a request in the claim '
            "or the name of a request and a subrequest separated by '/'",
            'spec.devices.constraints[0].matchAttribute: Invalid value: "a": '
            "a fully qualified name must be a domain and a name separated by a slash",
        ],
    ),
    (
        RESOURCE,
        "resourceslices",
        {
            "spec": {
                "driver": "d.io",
                "pool": {"name": "p", "resourceSliceCount": 1},
                "nodeName": "n",
                "allNodes": True,
                "devices": [{"name": "a", "attributes": {"v": {"version": "1"}}}],
            }
        },
        [
            'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, '
            "`perDeviceNodeSelection` is required, but multiple fields are set",
            'spec.devices[0].attributes[v].version: Invalid value: "1": '
            "must be a string compatible with semver.org spec 2.0.0",
        ],
    ),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        {"metadata": {"name": "system-cluster-critical"}, "value": 5},
        [
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
            "error: value of system-cluster-critical PriorityClass must be 2000000000"
        ],
    ),
    (
        "coordination.k8s.io",
        "leases",
        {"spec": {"preferredHolder": "a"}},
        ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"],
    ),
    (
        "events.k8s.io",
        "events",
        {"regarding": {"namespace": "default"}, "type": "Odd", "deprecatedCount": 2},
        [
            "eventTime: Required value",
            'type: Invalid value: "": has invalid value: Odd',
            'count: Invalid value: "": needs to be unset',
        ],
    ),
    (
        "discovery.k8s.io",
        "endpointslices",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["::1", "x"], "hints": {"forZones": [{"name": "-"}]}}]},
        [
            'endpoints[0].addresses[0]: Invalid value: "::1": must be an IPv4 address',
            'endpoints[0].addresses[1]: Invalid value: "x": '
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            'endpoints[0].hints.forZones[0].name: Invalid value: "-"',
        ],
    ),
]


@pytest.mark.parametrize(("group", "plural", "obj", "expected"), REFUSED)
def test_refused(group: str, plural: str, obj: Object, expected: list[str]) -> None:
    seen = found(group, plural, **obj)
    assert len(seen) == len(expected), seen
    assert all(line.startswith(start) for line, start in zip(seen, expected, strict=True)), seen


def test_a_template_is_chosen_even_where_there_is_no_selector() -> None:
    assert found("apps", "deployments", spec={"template": samples.template()}) == [
        "spec.selector: Required value",
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]


def ready(group: str, plural: str) -> Object:
    strategy = kinds.strategy_for(group, plural)
    obj = copy.deepcopy(samples.VALID[group, plural])
    strategy.default(obj)
    strategy.prepare_create(obj, CONTEXT)
    return obj


@pytest.mark.parametrize("plural", ["deployments", "statefulsets", "replicasets"])
def test_no_more_replicas_are_available_than_there_are(plural: str) -> None:
    strategy, old = kinds.strategy_for("apps", plural), ready("apps", plural)
    new = copy.deepcopy(old)
    new["status"] = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 2}
    seen = [cause.message for cause in strategy.validate_status(new, old)]
    assert seen[0] == "Invalid value: 2: cannot be greater than status.replicas"
    assert len(seen) == 2


@pytest.mark.parametrize("plural", ["deployments", "statefulsets", "daemonsets"])
def test_collisions_are_only_added(plural: str) -> None:
    strategy, old = kinds.strategy_for("apps", plural), ready("apps", plural)
    new = copy.deepcopy(old)
    old["status"]["collisionCount"] = 2
    new["status"]["collisionCount"] = 1
    assert [cause.message for cause in strategy.validate_status(new, old)] == [
        "Invalid value: 1: cannot be decremented"
    ]


@pytest.mark.parametrize(
    ("plural", "key", "grows"),
    [("deployments", "annotations", 1), ("replicasets", "annotations", 0), ("deployments", "labels", 0)],
)
def test_what_else_makes_a_generation(plural: str, key: str, grows: int) -> None:
    strategy, old = kinds.strategy_for("apps", plural), ready("apps", plural)
    new = copy.deepcopy(old)
    new["metadata"][key] = {"a": "b"}
    strategy.prepare_update(new, old, CONTEXT)
    assert new["metadata"]["generation"] == 1 + grows


def test_stateful_sets_that_roll_by_themselves_are_left_as_they_are() -> None:
    obj = samples.workload("StatefulSet", updateStrategy={"type": "RollingUpdate"})
    kinds.strategy_for("apps", "statefulsets").default(obj)
    assert obj["spec"]["updateStrategy"] == {"type": "RollingUpdate"}


def test_what_a_stateful_set_can_never_change_is_looked_at_first() -> None:
    claim = {"metadata": {"name": "Data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    spec = samples.workload("StatefulSet")["spec"]
    seen = found("apps", "statefulsets", spec={**spec, "serviceName": "a.b", "volumeClaimTemplates": [claim]})
    assert [line.split(":")[0] for line in seen][-3:] == [
        "spec.serviceName",
        "spec.volumeClaimTemplates[0].metadata.name",
        "spec.volumeClaimTemplates[0].spec.resources[storage]",
    ]


def csr(*conditions: Object, **status: Any) -> Object:
    obj = ready("certificates.k8s.io", "certificatesigningrequests")
    obj["status"] = {"conditions": [*conditions], **status}
    return obj


def test_requests_are_signed_pem() -> None:
    obj = csr()
    obj["spec"] |= {"request": "eA==", "usages": ["fly", "any", "any"], "signerName": "x"}
    strategy = kinds.strategy_for("certificates.k8s.io", "certificatesigningrequests")
    seen = [(cause.field, cause.message) for cause in strategy.validate(obj)]
    assert seen[0] == ("spec.request", 'Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST')
    assert [field for field, _ in seen[1:]] == ["spec.usages[0]", "spec.usages[2]", "spec.signerName"]


def test_what_was_decided_of_a_request_stays() -> None:
    strategy = kinds.strategy_for("certificates.k8s.io", "certificatesigningrequests")
    approved = {"type": "Approved", "status": "True", "reason": "a"}
    old = csr(approved, certificate="eA==")
    changed = csr({**approved, "reason": "b"}, certificate="eQ==")
    assert [f"{cause.field}: {cause.message}" for cause in strategy.validate_status(changed, old)] == [
        'status.conditions: Forbidden: updates may not modify a condition of type "Approved"',
        'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
        "status.certificate: Forbidden: updates may not modify existing certificate content",
    ]
    new = csr(approved, {"type": "Failed", "status": "True"}, certificate="eA==")
    strategy.prepare_status(new, old, CONTEXT)
    assert new["status"]["conditions"][1]["lastTransitionTime"] == "2026-01-02T03:04:05Z"
