"""What is refused, in the words clients know."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds import cron_jobs
from bascule.control.kinds.strategy import Context
from tests.unit.control.kinds import samples

CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def ready(group: str, plural: str) -> dict[str, Any]:
    obj = copy.deepcopy(samples.VALID[group, plural])
    strategy = kinds.strategy_for(group, plural)
    strategy.default(obj)
    strategy.prepare_create(obj, CONTEXT)
    return obj


def problems(group: str, plural: str, spoil: Callable[[dict[str, Any]], Any]) -> list[str]:
    obj = ready(group, plural)
    spoil(obj)
    return [f"{cause.field}: {cause.message}" for cause in kinds.strategy_for(group, plural).validate(obj)]


def update_problems(group: str, plural: str, change: Callable[[dict[str, Any]], Any]) -> list[str]:
    old = ready(group, plural)
    new = copy.deepcopy(old)
    change(new)
    return [f"{cause.field}: {cause.message}" for cause in kinds.strategy_for(group, plural).validate_update(new, old)]


def set_in(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Sets the last element at the path of the others."""

    def change(obj: Any) -> None:
        for key in path[:-2]:
            obj = obj[key]
        obj[path[-2]] = path[-1]

    return change


REFUSED = [
    ("", "configmaps", set_in("metadata", "name", "A_b"), [f'metadata.name: Invalid value: "A_b": {SUBDOMAIN}']),
    (
        "",
        "configmaps",
        set_in("metadata", "name", ""),
        ["metadata.name: Required value: name or generateName is required"],
    ),
    ("", "pods", set_in("spec", "containers", []), ["spec.containers: Required value"]),
    ("", "pods", set_in("spec", "containers", 0, "image", ""), ["spec.containers[0].image: Required value"]),
    (
        "",
        "pods",
        set_in("spec", "restartPolicy", "Sometimes"),
        ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ),
    (
        "",
        "pods",
        set_in("spec", "containers", 0, "volumeMounts", [{"name": "no", "mountPath": "/x"}]),
        ['spec.containers[0].volumeMounts[0].name: Not found: "no"'],
    ),
    (
        "",
        "pods",
        set_in("spec", "containers", 0, "resources", {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        "",
        "pods",
        set_in("spec", "containers", 0, "name", "init"),
        ['spec.initContainers[0].name: Duplicate value: "init"'],
    ),
    (
        "",
        "pods",
        set_in("spec", "containers", 0, "livenessProbe", {"periodSeconds": -1}),
        [
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
            "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
        ],
    ),
    (
        "apps",
        "deployments",
        set_in("spec", "template", "metadata", "labels", {"app": "other"}),
        ['spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`'],
    ),
    (
        "apps",
        "deployments",
        set_in("spec", "template", "metadata", {}),
        ["spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"],
    ),
    (
        "apps",
        "deployments",
        set_in("spec", "template", "spec", "restartPolicy", "Never"),
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    (
        "apps",
        "deployments",
        set_in("spec", "replicas", -1),
        ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (
        "apps",
        "deployments",
        set_in("spec", "strategy", "rollingUpdate", {"maxSurge": 0, "maxUnavailable": 0}),
        ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
    ),
    (
        "batch",
        "jobs",
        set_in("spec", "template", "spec", "restartPolicy", "Always"),
        ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ),
    ("", "services", set_in("spec", "ports", []), ["spec.ports: Required value"]),
    (
        "",
        "services",
        set_in("spec", "ports", 0, "port", 0),
        ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        "",
        "secrets",
        set_in("type", "kubernetes.io/tls"),
        ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
    ),
    (
        "",
        "persistentvolumeclaims",
        set_in("spec", "accessModes", []),
        ["spec.accessModes: Required value: at least 1 access mode is required"],
    ),
]


@pytest.mark.parametrize(("group", "plural", "spoil", "expected"), REFUSED)
def test_refused(group: str, plural: str, spoil: Callable[[Any], Any], expected: list[str]) -> None:
    assert problems(group, plural, spoil) == expected


def test_metadata_rules() -> None:
    def spoil(obj: dict[str, Any]) -> None:
        obj["metadata"] |= {
            "labels": {"-": "ok", "fine": "not fine"},
            "annotations": {"big": "x" * 262144},
            "finalizers": ["plain"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": ""}],
        }

    found = problems("", "configmaps", spoil)
    assert [line.split(":")[0] for line in found] == [
        "metadata.labels",
        "metadata.labels",
        "metadata.annotations",
        "metadata.finalizers[0]",
        "metadata.ownerReferences.uid",
    ]
    assert found[2] == "metadata.annotations: Too long: may not be more than 262144 bytes"


IMMUTABLE = [
    (
        "apps",
        "deployments",
        set_in("spec", "selector", {"matchLabels": {"a": "b"}}),
        'spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable',
    ),
    ("", "pods", set_in("spec", "nodeName", "n1"), "spec: Forbidden: pod updates may not change fields other than"),
    ("apps", "statefulsets", set_in("spec", "serviceName", "x"), "spec: Forbidden: updates to statefulset spec for"),
    ("batch", "jobs", set_in("spec", "completions", 9), "spec.completions: Invalid value: 9: field is immutable"),
    ("", "secrets", set_in("type", "x/y"), 'type: Invalid value: "x/y": field is immutable'),
    ("", "configmaps", set_in("metadata", "uid", "x"), 'metadata.uid: Invalid value: "x": field is immutable'),
    (
        "rbac.authorization.k8s.io",
        "rolebindings",
        set_in("roleRef", "name", "x"),
        "roleRef: Invalid value",
    ),
    (
        "scheduling.k8s.io",
        "priorityclasses",
        set_in("value", 3),
        "value: Forbidden: may not be changed in an update.",
    ),
]


@pytest.mark.parametrize(("group", "plural", "change", "expected"), IMMUTABLE)
def test_immutable(group: str, plural: str, change: Callable[[Any], Any], expected: str) -> None:
    found = update_problems(group, plural, change)
    assert len(found) == 1
    assert found[0].startswith(expected)


def test_pods_may_change_what_upstream_lets_them() -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["containers"][0]["image"] = "nginx:2"
        obj["spec"]["activeDeadlineSeconds"] = 60
        obj["spec"]["tolerations"].append({"key": "new", "operator": "Exists"})

    assert update_problems("", "pods", change) == []
    removed = update_problems("", "pods", set_in("spec", "tolerations", []))
    assert removed == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    ]


def test_immutable_config_map_stays() -> None:
    strategy = kinds.strategy_for("", "configmaps")
    old = {"metadata": {"name": "a"}, "data": {"a": "b"}, "immutable": True}
    new = {"metadata": {"name": "a"}, "data": {"a": "c"}}
    message = "Forbidden: field is immutable when `immutable` is set"
    assert [(c.field, c.message) for c in strategy.validate_update(new, old)] == [
        ("immutable", message),
        ("data", message),
    ]


def test_claims_grow_when_bound() -> None:
    strategy = kinds.strategy_for("", "persistentvolumeclaims")
    old = ready("", "persistentvolumeclaims")
    old["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    new = copy.deepcopy(old)
    new["spec"]["resources"]["requests"]["storage"] = "2Gi"
    assert strategy.validate_update(new, old) == []
    new["spec"]["resources"]["requests"]["storage"] = "1Mi"
    assert [c.field for c in strategy.validate_update(new, old)] == ["spec.resources.requests.storage"]


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "0 3 * * mon-fri", "@hourly", "1,2-5/2 0 1 jan ?", "@every 1h"])
def test_good_schedules(schedule: str) -> None:
    assert cron_jobs.schedule_problem(schedule) == ""


@pytest.mark.parametrize("schedule", ["* * * *", "60 * * * *", "@often", "*/0 * * * *", "a b c d e"])
def test_bad_schedules(schedule: str) -> None:
    assert cron_jobs.schedule_problem(schedule) != ""


def test_an_approved_spec_is_looked_at_again_once_it_changes() -> None:
    obj = ready("", "pods")
    strategy = kinds.strategy_for("", "pods")
    assert strategy.validate(obj) == strategy.validate(obj) == []
    obj["spec"]["containers"][0]["image"] = ""
    assert [c.field for c in strategy.validate(obj)] == ["spec.containers[0].image"]
    assert [c.field for c in strategy.validate(obj)] == ["spec.containers[0].image"]
