"""Autoscalers lose nothing between their versions, and are held to the same rules in both."""

from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control import kinds
from bascule.control.kinds import autoscaler_versions
from bascule.control.kinds.strategy import Context

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CONTEXT = Context(NOW, random.Random(7))
STRATEGY = kinds.strategy_for("autoscaling", "horizontalpodautoscalers")
PREFIX = "autoscaling.alpha.kubernetes.io/"
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
SELECTOR = {"matchLabels": {"a": "b"}}
OTHERS: list[dict[str, Any]] = [
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "app",
            "target": {"type": "Utilization", "averageUtilization": 60},
        },
    },
    {
        "type": "Pods",
        "pods": {
            "metric": {"name": "hits", "selector": SELECTOR},
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "rate"},
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
            "target": {"type": "Value", "value": "10k"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "rate"},
            "describedObject": {"kind": "Service", "name": "web"},
            "target": {"type": "AverageValue", "averageValue": "3"},
        },
    },
    {
        "type": "External",
        "external": {
            "metric": {"name": "queue", "selector": SELECTOR},
            "target": {"type": "AverageValue", "averageValue": "30"},
        },
    },
    {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "30"}}},
]
STATUSES = [
    {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 40, "averageValue": "400m"}}},
    {"type": "Pods", "pods": {"metric": {"name": "hits"}, "current": {"averageValue": "4"}}},
    {
        "type": "Object",
        "object": {
            "metric": {"name": "rate"},
            "describedObject": {"kind": "Service", "name": "web"},
            "current": {"value": "9k"},
        },
    },
]


def scaler(metrics: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default", "annotations": {"mine": "x"}},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": metrics, **more},
        "status": {"currentReplicas": 1, "currentMetrics": None, "desiredReplicas": 2},
    }


def both_ways(obj: dict[str, Any]) -> dict[str, Any]:
    return autoscaler_versions.to_v2(autoscaler_versions.from_v2(copy.deepcopy(obj)))


def without_order(obj: dict[str, Any]) -> dict[str, Any]:
    """The order of metrics is not kept: v1 has a field for one of them."""
    obj["spec"]["metrics"] = sorted(obj["spec"]["metrics"], key=json.dumps)
    return obj


@given(st.lists(st.sampled_from([CPU, *OTHERS]), min_size=1, max_size=4, unique_by=str), st.booleans())
def test_nothing_is_lost(metrics: list[dict[str, Any]], conditioned: bool) -> None:
    obj = scaler(copy.deepcopy(metrics), behavior={"scaleUp": {"policies": [], "stabilizationWindowSeconds": 0}})
    if conditioned:
        obj["status"]["conditions"] = [{"type": "AbleToScale", "status": "True", "reason": "Ready"}]
        obj["status"]["currentMetrics"] = copy.deepcopy(STATUSES)
    assert without_order(both_ways(obj)) == without_order(obj)


def test_the_form_of_v1_is_upstream_s() -> None:
    obj = scaler([CPU, OTHERS[5]], behavior={"scaleDown": {"selectPolicy": "Disabled"}})
    obj["status"]["currentMetrics"] = STATUSES[:1]
    old = autoscaler_versions.from_v2(copy.deepcopy(obj))
    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert old["status"]["currentCPUUtilizationPercentage"] == 40
    annotations = {key.removeprefix(PREFIX): value for key, value in old["metadata"]["annotations"].items()}
    assert annotations.pop("mine") == "x"
    assert {key: json.loads(value) for key, value in annotations.items()} == {
        "metrics": [
            {
                "type": "External",
                "external": {"metricName": "queue", "metricSelector": SELECTOR, "targetAverageValue": "30"},
            }
        ],
        "behavior": {"ScaleDown": {"SelectPolicy": "Disabled"}},
        "current-metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "currentAverageUtilization": 40, "currentAverageValue": "400m"},
            }
        ],
    }


def test_without_metrics_the_processor_is_measured() -> None:
    obj = autoscaler_versions.to_v2({"apiVersion": "autoscaling/v1", "spec": {"maxReplicas": 3}})
    assert obj["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_annotations_nobody_can_read_are_dropped() -> None:
    obj = scaler([])
    obj |= {"apiVersion": "autoscaling/v1", "metadata": {"annotations": {PREFIX + "metrics": "{", PREFIX + "x": "y"}}}
    del obj["spec"]["metrics"]
    assert autoscaler_versions.to_v2(obj)["metadata"] == {"annotations": {PREFIX + "x": "y"}}


def test_status_may_not_write_what_v1_carries_of_the_spec() -> None:
    old = autoscaler_versions.from_v2(scaler(copy.deepcopy(OTHERS)))
    new = copy.deepcopy(old)
    del new["metadata"]["annotations"]
    STRATEGY.prepare_status(new, old, CONTEXT)
    assert new["metadata"]["annotations"] == {
        PREFIX + "metrics": old["metadata"]["annotations"][PREFIX + "metrics"],
    }


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_same_rules_in_both_versions(version: str) -> None:
    obj = scaler([copy.deepcopy(OTHERS[3])], behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 0}]}})
    obj["spec"]["metrics"][0]["object"]["target"]["value"] = "-1"
    if version == "v1":
        obj = autoscaler_versions.from_v2(obj)
    STRATEGY.default(obj)
    assert [f"{cause.field}: {cause.message}" for cause in STRATEGY.validate(obj)] == [
        'spec.metrics[0].object.target.value: Invalid value: "-1": must be positive',
        "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero",
        "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0: must be greater than zero",
    ]


def test_targets_are_printed_in_their_order() -> None:
    obj = scaler([CPU, *OTHERS[:2]])
    obj["status"]["currentMetrics"] = STATUSES[:1]
    assert STRATEGY.cells(obj, NOW)[2] == "cpu: 40%/50%, memory: <unknown>/1Gi + 1 more..."
