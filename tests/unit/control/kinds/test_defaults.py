"""What defaulting and preparation add: exactly this, so that clients see what they know."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import kubernetes_validate
import pytest

from bascule.control import kinds
from bascule.control.kinds.pod import images, qos
from bascule.control.kinds.strategy import Context, grace_period_seconds
from bascule.vocabulary import builtins
from tests.unit.control.kinds import samples

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTEXT = Context(NOW, random.Random(7))
CONTAINER = {
    "name": "c",
    "image": "nginx:1.25",
    "imagePullPolicy": "IfNotPresent",
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "resources": {},
}
POD_SPEC = {
    "containers": [CONTAINER],
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": POD_SPEC}
SELECTOR = {"matchLabels": {"app": "web"}}


def created(group: str, plural: str, obj: dict[str, Any]) -> dict[str, Any]:
    strategy = kinds.strategy_for(group, plural)
    strategy.default(obj)
    strategy.prepare_create(obj, CONTEXT)
    return obj


def test_deployment() -> None:
    obj = created("apps", "deployments", samples.workload("Deployment"))
    assert obj["spec"] == {
        "replicas": 1,
        "selector": SELECTOR,
        "template": TEMPLATE,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert obj["metadata"]["generation"] == 1
    assert obj["status"] == {}


def test_deployment_recreate_gets_no_rolling_update() -> None:
    obj = created("apps", "deployments", samples.workload("Deployment", strategy={"type": "Recreate"}))
    assert obj["spec"]["strategy"] == {"type": "Recreate"}


def test_daemon_set() -> None:
    spec = created("apps", "daemonsets", samples.workload("DaemonSet"))["spec"]
    assert spec == {
        "selector": SELECTOR,
        "template": TEMPLATE,
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
    }


def test_stateful_set() -> None:
    spec = created("apps", "statefulsets", samples.stateful_set())["spec"]
    claim = spec.pop("volumeClaimTemplates")[0]
    spec.pop("template")
    assert spec == {
        "selector": SELECTOR,
        "serviceName": "web",
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    assert (claim["kind"], claim["spec"]["volumeMode"], claim["status"]) == (
        "PersistentVolumeClaim",
        "Filesystem",
        {"phase": "Pending"},
    )


def test_job_selects_its_pods_by_uid() -> None:
    obj = created("batch", "jobs", samples.job())
    labels = {
        "app": "web",
        "controller-uid": "u-1",
        "batch.kubernetes.io/controller-uid": "u-1",
        "job-name": "web",
        "batch.kubernetes.io/job-name": "web",
    }
    assert obj["spec"] == {
        "template": {"metadata": {"labels": labels}, "spec": {**POD_SPEC, "restartPolicy": "Never"}},
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-1"}},
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }
    assert obj["metadata"]["labels"] == {"app": "web"}


def test_job_without_completions_stays_without() -> None:
    assert "completions" not in created("batch", "jobs", samples.job(parallelism=3))["spec"]


def test_service() -> None:
    obj = created("", "services", samples.service())
    assert obj["spec"] == {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "name": "http", "protocol": "TCP", "targetPort": 80}],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }
    assert obj["status"] == {"loadBalancer": {}}
    assert "generation" not in obj["metadata"]


def test_service_keeps_what_was_allocated() -> None:
    strategy = kinds.strategy_for("", "services")
    old = created("", "services", samples.service(type="NodePort"))
    old["spec"] |= {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"]}
    old["spec"]["ports"][0]["nodePort"] = 30080
    new = samples.service(type="NodePort")
    strategy.default(new)
    strategy.prepare_update(new, old, CONTEXT)
    assert new["spec"] == old["spec"]
    moved = samples.service(type="NodePort", clusterIP="10.96.0.8")
    strategy.default(moved)
    strategy.prepare_update(moved, old, CONTEXT)
    assert [cause.message for cause in strategy.validate_update(moved, old)] == [
        'Invalid value: ["10.96.0.8"]: may not change once set'
    ]


def test_pod() -> None:
    obj = created("", "pods", samples.pod())
    spec, web = obj["spec"], obj["spec"]["containers"][0]
    assert spec["enableServiceLinks"] is True
    assert web["resources"] == {
        "limits": {"cpu": "1", "memory": "128Mi"},
        "requests": {"cpu": "100m", "memory": "128Mi"},
    }
    assert web["ports"] == [{"containerPort": 80, "name": "http", "protocol": "TCP"}]
    assert web["env"][1]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert web["env"][2]["valueFrom"]["resourceFieldRef"]["divisor"] == "0"
    numbers = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert web["readinessProbe"] == {"httpGet": {"port": "http", "path": "/", "scheme": "HTTP"}, **numbers}
    assert spec["initContainers"][0]["imagePullPolicy"] == "Always"
    assert spec["volumes"][0]["configMap"]["defaultMode"] == 0o644
    assert spec["volumes"][1] == {"name": "tmp", "emptyDir": {}}
    assert spec["volumes"][2]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3600
    assert obj["status"] == {"phase": "Pending", "qosClass": "Burstable"}
    assert obj["metadata"]["generation"] == 1
    assert grace_period_seconds(obj) == 30


def test_templates_do_not_turn_limits_into_requests() -> None:
    obj = samples.workload("Deployment")
    obj["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    created("apps", "deployments", obj)
    assert obj["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert "enableServiceLinks" not in obj["spec"]["template"]["spec"]


def test_host_network_takes_host_ports() -> None:
    obj = samples.pod()
    obj["spec"]["hostNetwork"] = True
    created("", "pods", obj)
    assert obj["spec"]["containers"][0]["ports"][0]["hostPort"] == 80


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        ("nginx:latest@sha256:" + "a" * 64, "Always"),
        ("nginx@sha256:" + "a" * 64, "IfNotPresent"),
        ("Upper/nginx", "Always"),
        ("library/Nginx", "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert images.pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "0"}}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Mi"}}, "Burstable"),
    ],
)
def test_class_of_service(resources: dict[str, Any], expected: str) -> None:
    assert qos.class_of({"containers": [{"resources": resources}]}) == expected


def test_secret_merges_string_data() -> None:
    obj = created(
        "", "secrets", {"metadata": {"name": "s"}, "data": {"a": "Yg=="}, "stringData": {"a": "new", "c": "d"}}
    )
    assert (obj["type"], obj["data"]) == ("Opaque", {"a": "bmV3", "c": "ZA=="})
    assert "stringData" not in obj


def test_namespace() -> None:
    obj = created("", "namespaces", {"metadata": {"name": "team"}})
    assert obj["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    assert (obj["spec"], obj["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_limit_range_fills_from_both_ends() -> None:
    obj = samples.VALID[("", "limitranges")]
    item = created("", "limitranges", {**obj, "spec": {"limits": [dict(obj["spec"]["limits"][0])]}})["spec"]["limits"][
        0
    ]
    assert item["default"] == {"cpu": "1"}
    assert item["defaultRequest"] == {"cpu": "1", "memory": "1Mi"}


def test_limit_range_of_requests_alone_gets_no_empty_limits() -> None:
    wanted = {"limits": [{"type": "Container", "defaultRequest": {"cpu": "100m"}}, {"type": "Container"}]}
    obj = created("", "limitranges", {**samples.VALID[("", "limitranges")], "spec": wanted})
    assert obj["spec"]["limits"] == [{"type": "Container", "defaultRequest": {"cpu": "100m"}}, {"type": "Container"}]


def test_node_is_created_with_its_status() -> None:
    obj = created("", "nodes", {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "2000m"}}})
    assert obj["status"] == {"capacity": {"cpu": "2"}, "allocatable": {"cpu": "2"}}


def test_generation_grows_with_the_spec_alone() -> None:
    strategy = kinds.strategy_for("apps", "deployments")
    old = created("apps", "deployments", samples.workload("Deployment"))
    new = {**old, "metadata": {**old["metadata"], "labels": {"a": "b"}, "generation": 9}, "status": {"replicas": 3}}
    strategy.prepare_update(new, old, CONTEXT)
    assert (new["metadata"]["generation"], new["status"]) == (1, {})
    new["spec"] = {**old["spec"], "replicas": 2}
    strategy.prepare_update(new, old, CONTEXT)
    assert new["metadata"]["generation"] == 2


def test_status_update_touches_the_status_alone() -> None:
    strategy = kinds.strategy_for("apps", "deployments")
    old = created("apps", "deployments", samples.workload("Deployment"))
    new = {**old, "spec": {"replicas": 7}, "extra": 1, "status": {"replicas": 1}}
    new["metadata"] = {**old["metadata"], "labels": {"x": "y"}, "annotations": {"kept": "yes"}}
    strategy.prepare_status(new, old, CONTEXT)
    assert new == {**old, "status": {"replicas": 1}, "metadata": {**old["metadata"], "annotations": {"kept": "yes"}}}


@pytest.mark.parametrize("kind", samples.VALID)
def test_what_defaulting_makes_fits_the_schema(kind: tuple[str, str]) -> None:
    row = next(row for row in builtins.REGISTRY if (row.group, row.plural) == kind)
    obj = created(*kind, {**copy.deepcopy(samples.VALID[kind]), "apiVersion": row.api_version, "kind": row.kind})
    kubernetes_validate.validate(obj, "1.36", strict=True)
