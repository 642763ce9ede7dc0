"""Refusals whose fields, words and order were compared with those of a real API server."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bascule.control import kinds
from tests.unit.control.kinds import samples
from tests.unit.control.kinds.test_rules import CONTEXT, problems, set_in

POD = ("spec", "containers", 0)
TEMPLATE = ("spec", "template", "spec")
RANGE = "must be between 1 and 65535, inclusive"
REFUSED = [
    ("", "pods", (*POD, "livenessProbe", {"httpGet": {}}), "spec.containers[0].livenessProbe.httpGet.port", RANGE),
    ("", "services", ("spec", "ports", 0, {"name": "a", "protocol": "TCP"}), "spec.ports[0].targetPort", RANGE),
    (
        "batch",
        "jobs",
        (*TEMPLATE, "restartPolicy", "Often"),
        "spec.template.spec.restartPolicy",
        'supported values: "OnFailure", "Never"',
    ),
    (
        "apps",
        "daemonsets",
        ("spec", "updateStrategy", {"type": "x"}),
        "spec.updateStrategy",
        'values: "RollingUpdate", "OnDelete"',
    ),
    (
        "networking.k8s.io",
        "networkpolicies",
        ("spec", "policyTypes", ["x"]),
        "spec.policyTypes[0]",
        'values: "Ingress", "Egress"',
    ),
    (
        "networking.k8s.io",
        "networkpolicies",
        ("spec", "ingress", 0, "ports", 0, "protocol", "x"),
        "spec.ingress[0].ports[0].protocol",
        'values: "TCP", "UDP", "SCTP"',
    ),
    (
        "networking.k8s.io",
        "networkpolicies",
        ("spec", "ingress", 0, "ports", 0, "endPort", 79),
        "spec.ingress[0].ports[0].endPort",
        "Invalid value: 79: must be greater than or equal to `port`",
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        ("subjects", 0, "kind", "x"),
        "subjects[0].kind",
        'values: "ServiceAccount", "User", "Group"',
    ),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        ("roleRef", "kind", "x"),
        "roleRef.kind",
        'values: "Role", "ClusterRole"',
    ),
    (
        "storage.k8s.io",
        "csidrivers",
        ("spec", "volumeLifecycleModes", ["x"]),
        "spec.volumeLifecycleModes",
        'values: "Persistent", "Ephemeral"',
    ),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        ("preemptionPolicy", "x"),
        "preemptionPolicy",
        'values: "PreemptLowerPriority", "Never"',
    ),
    (
        "",
        "pods",
        ("spec", "securityContext", {"supplementalGroups": [-1]}),
        "spec.securityContext.supplementalGroups[0]",
        "",
    ),
    ("", "pods", ("spec", "dnsConfig", {"searches": ["x" * 254]}), "spec.dnsConfig.searches[0]", "253 characters"),
    ("certificates.k8s.io", "certificatesigningrequests", ("spec", "usages", []), "spec.usages", "must be provided"),
    ("autoscaling", "horizontalpodautoscalers", ("spec", "minReplicas", 0), "spec.metrics", "at least one Object"),
    (
        "policy",
        "poddisruptionbudgets",
        ("spec", "selector", {"matchExpressions": [{"key": "a", "operator": "In", "values": ["ok", "no good"]}]}),
        "spec.selector.matchExpressions[0].values[1]",
        "a valid label must be an empty string",
    ),
    ("", "configmaps", ("metadata", "generateName", "Big-"), "metadata.generateName", 'value: "Big-": a lowercase'),
    ("", "configmaps", ("metadata", "finalizers", ["a/b", "x"]), "metadata.finalizers[1]", "neither a standard"),
]


@pytest.mark.parametrize(("group", "plural", "change", "field", "words"), REFUSED)
def test_refused(group: str, plural: str, change: tuple[Any, ...], field: str, words: str) -> None:
    found = problems(group, plural, set_in(*change))
    assert [line for line in found if line.startswith(f"{field}: ") and words in line], found


def test_a_prefix_is_judged_as_a_name_without_its_last_dash() -> None:
    for prefix in ("web-", "a-", "web"):
        assert not problems("", "configmaps", set_in("metadata", "generateName", prefix))


def test_two_controllers_are_named_by_kind() -> None:
    owners = [
        {"apiVersion": "v1", "kind": kind, "name": "a", "uid": kind, "controller": True} for kind in ("Pod", "Node")
    ]
    (found,) = problems("", "configmaps", set_in("metadata", "ownerReferences", owners))
    assert found.startswith("metadata.ownerReferences: Invalid value: [")
    assert found.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Node/a'
    )


def test_a_wildcard_before_a_resource_is_refused_and_after_it_is_not() -> None:
    """Upstream looks at the last of the plain resources only; who has written `pods, *` may go on doing so."""
    for resources, refused in ((["*", "pods"], True), (["pods", "*"], False)):
        obj = copy.deepcopy(samples.webhooks())
        obj["webhooks"][0]["rules"][0]["resources"] = resources
        strategy = kinds.strategy_for("admissionregistration.k8s.io", "validatingwebhookconfigurations")
        strategy.default(obj)
        assert bool(strategy.validate(obj)) is refused


def test_of_a_selector_that_cannot_be_read_it_is_not_said_that_it_does_not_match() -> None:
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["no good"]}]}
    found = problems("apps", "daemonsets", set_in("spec", "selector", selector))
    assert [line.split(":")[0] for line in found] == ["spec.selector.matchExpressions[0].values[0]"]


def test_a_limit_may_be_negative() -> None:
    limits = [{"type": "Pod", "max": {"cpu": "-1"}}]
    assert not problems("", "limitranges", set_in("spec", "limits", limits))


def test_a_selector_that_cannot_be_read_is_told_once_more_of_a_role() -> None:
    obj = {"metadata": {"name": "a"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b c"}}]}}
    found = kinds.strategy_for("rbac.authorization.k8s.io", "clusterroles").validate(obj)
    assert found[-1][1:] == (
        "aggregationRule.clusterRoleSelectors[0]",
        "Invalid value: null: invalid label selector.",
    )


def test_a_negative_count_of_replicas_is_refused_whatever_else_is_missing() -> None:
    kinds_with_replicas = ("deployments", "replicasets", "statefulsets")
    for plural in kinds_with_replicas:
        old = copy.deepcopy(samples.VALID["apps", plural])
        new = {**old, "status": {"replicas": -1}}
        found = kinds.strategy_for("apps", plural).validate_status(new, old)
        assert "status.replicas" in {cause.field for cause in found}
        assert all("0: cannot be greater" in cause.message for cause in found[1:]), found


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ({"podIP": "10.0.0.1"}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        ({"podIPs": [{"ip": "10.0.0.1"}]}, {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
        (
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.2"}, {"ip": "10.0.0.1"}]},
            {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]},
        ),
        (None, {}),
        ({}, {}),
    ],
)
def test_a_pods_address_is_the_first_of_its_addresses(written: Any, stored: dict[str, Any]) -> None:
    """EndpointSlices are made of `podIPs`; some who play a kubelet write `podIP` only."""
    old = {**copy.deepcopy(samples.VALID["", "pods"]), "status": {"qosClass": "Burstable"}}
    new = {**copy.deepcopy(old), "status": written}
    kinds.strategy_for("", "pods").prepare_status(new, old, CONTEXT)
    assert new["status"] == {**stored, "qosClass": "Burstable"}
