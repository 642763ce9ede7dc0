"""Rows as `kubectl get -o wide` shows them."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds import duration
from bascule.control.kinds.strategy import Context
from tests.unit.control.kinds import samples

NOW = datetime(2026, 1, 2, 3, 5, 0, tzinfo=UTC)
CREATED = "2026-01-02T03:04:00Z"


def row(group: str, plural: str, obj: dict[str, Any] | None = None) -> list[Any]:
    strategy = kinds.strategy_for(group, plural)
    made = copy.deepcopy(samples.VALID[group, plural] if obj is None else obj)
    strategy.default(made)
    if obj is None:
        status = made.get("status")
        strategy.prepare_create(made, Context(NOW, random.Random(1)))
        if status:
            made["status"] = status
    made["metadata"]["creationTimestamp"] = CREATED
    return strategy.cells(made, NOW)


def test_the_age_of_a_quota_comes_last() -> None:
    """The order that kubectl shows since 1.33."""
    strategy = kinds.strategy_for("", "resourcequotas")
    assert [column.name for column in strategy.columns] == ["Name", "Request", "Limit", "Age"]
    hard, used = {"pods": "3", "limits.cpu": "2"}, {"pods": "1"}
    quota = {"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}}
    assert row("", "resourcequotas", quota) == ["q", "pods: 1/3", "limits.cpu: 0/2", "60s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (260, "4m20s"),
        (10 * 60 + 5, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (9 * 3600 + 60, "9h"),
        (47 * 3600, "47h"),
        (54 * 3600, "2d6h"),
        (10 * 86400, "10d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration.human(seconds) == text


ROWS: list[tuple[str, str, list[Any]]] = [
    ("", "pods", ["web", "1/2", "Running", "2", "60s", "<none>", "<none>", "<none>", "<none>"]),
    ("", "services", ["web", "ClusterIP", "<none>", "<none>", "80/TCP", "60s", "app=web"]),
    ("", "configmaps", ["web", 2, "60s"]),
    ("", "secrets", ["web", "Opaque", 2, "60s"]),
    ("", "namespaces", ["team", "Active", "60s"]),
    (
        "",
        "nodes",
        ["n1", "Ready", "worker", "60s", "v1.36.0", "10.0.0.1", "<none>", "<unknown>", "<unknown>", "<unknown>"],
    ),
    (
        "",
        "persistentvolumes",
        ["pv", "1Gi", "RWO", "Retain", "Pending", "default/data", "", "<unset>", "", "60s", "Filesystem"],
    ),
    ("", "persistentvolumeclaims", ["web", "Pending", "", "", "", "", "<unset>", "60s", "Filesystem"]),
    ("", "endpoints", ["web", "10.0.0.1:80", "60s"]),
    ("", "events", ["60s", "Normal", "Started", "pod/web", "", "", "Started it", "<unknown>", 1, "web"]),
    ("apps", "deployments", ["web", "0/1", 0, 0, "60s", "c", "nginx:1.25", "app=web"]),
    ("apps", "replicasets", ["web", 1, 0, 0, "60s", "c", "nginx:1.25", "app=web"]),
    ("apps", "daemonsets", ["web", 0, 0, 0, 0, 0, "<none>", "60s", "c", "nginx:1.25", "app=web"]),
    ("apps", "statefulsets", ["web", "0/1", "60s", "c", "nginx:1.25"]),
    (
        "batch",
        "jobs",
        ["web", "Running", "0/1", "", "60s", "c", "nginx:1.25", "batch.kubernetes.io/controller-uid=u-1"],
    ),
    (
        "batch",
        "cronjobs",
        ["web", "*/5 * * * *", "<none>", "False", 0, "<none>", "60s", "c", "nginx:1.25", "<none>"],
    ),
    ("discovery.k8s.io", "endpointslices", ["web", "IPv4", "80", "10.0.0.1", "60s"]),
    ("networking.k8s.io", "networkpolicies", ["web", "app=web", "60s"]),
    ("networking.k8s.io", "ingresses", ["web", "envoy", "a.example.com", "", "80", "60s"]),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        ["web", "Deployment/web", "cpu: <unknown>/80%", "1", 3, 0, "60s"],
    ),
    ("policy", "poddisruptionbudgets", ["web", "50%", "N/A", 0, "60s"]),
    ("rbac.authorization.k8s.io", "rolebindings", ["web", "Role/reader", "60s", "ann", "", "b/a"]),
    ("rbac.authorization.k8s.io", "roles", ["web", CREATED]),
    ("storage.k8s.io", "storageclasses", ["fast", "example.com/disk", "Delete", "Immediate", False, "60s"]),
    ("apiregistration.k8s.io", "apiservices", ["v1.apps", "Local", "True", "60s"]),
    (
        "flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations",
        ["level", "Limited", 30, 64, 8, 50, "60s"],
    ),
]


@pytest.mark.parametrize(("group", "plural", "expected"), ROWS)
def test_rows(group: str, plural: str, expected: list[Any]) -> None:
    assert row(group, plural) == expected


def pod(**status: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "web", "image": "nginx:1"}], "nodeName": "n1"}
    return {"metadata": {"name": "web"}, "spec": spec, "status": {"phase": "Running", **status}}


def container(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "web", "state": state, "restartCount": 0, **more}


PODS: list[tuple[dict[str, Any], list[Any]]] = [
    (pod(phase="Pending"), ["0/1", "Pending", "0"]),
    (pod(containerStatuses=[container({"running": {}}, ready=True)]), ["1/1", "Running", "0"]),
    (
        pod(
            containerStatuses=[
                container(
                    {"waiting": {"reason": "CrashLoopBackOff"}},
                    restartCount=3,
                    lastState={"terminated": {"finishedAt": "2026-01-02T03:04:30Z"}},
                )
            ]
        ),
        ["0/1", "CrashLoopBackOff", "3 (30s ago)"],
    ),
    (pod(containerStatuses=[container({"terminated": {"exitCode": 3}})]), ["0/1", "ExitCode:3", "0"]),
    (pod(containerStatuses=[container({"terminated": {"signal": 9}})]), ["0/1", "Signal:9", "0"]),
    (
        pod(
            phase="Pending",
            conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
        ),
        ["0/1", "SchedulingGated", "0"],
    ),
    (pod(phase="Failed", reason="Evicted"), ["0/1", "Evicted", "0"]),
]


@pytest.mark.parametrize(("obj", "expected"), PODS)
def test_pods(obj: dict[str, Any], expected: list[Any]) -> None:
    cells = row("", "pods", obj)
    assert cells[1:4] == expected
    assert cells[6] == "n1"


def test_a_deleted_pod_is_terminating() -> None:
    obj = pod(containerStatuses=[container({"running": {}}, ready=True)])
    obj["metadata"]["deletionTimestamp"] = CREATED
    assert row("", "pods", obj)[2] == "Terminating"


def test_selectable_fields_of_pods() -> None:
    fields = kinds.strategy_for("", "pods").selectable_fields(pod())
    assert fields["metadata.name"] == "web"
    assert (fields["spec.nodeName"], fields["status.phase"]) == ("n1", "Running")


def test_many_endpoints_are_cut() -> None:
    addresses = [{"ip": f"10.0.0.{index}"} for index in range(5)]
    obj = {"metadata": {"name": "e"}, "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}
    assert row("", "endpoints", obj)[1] == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."
