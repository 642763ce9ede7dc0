"""Contracts that hold for every kind of the registry."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bascule.control import kinds
from bascule.control.kinds import table
from bascule.control.kinds.strategy import Context
from bascule.vocabulary import builtins
from tests.unit.control.kinds import samples

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KINDS = sorted({(row.group, row.plural) for row in builtins.REGISTRY if "list" in row.verbs})
FIELDS = [
    *("spec", "status", "template", "jobTemplate", "selector", "matchLabels", "matchExpressions", "containers"),
    *("initContainers", "ports", "env", "valueFrom", "fieldRef", "volumes", "volumeMounts", "resources", "limits"),
    *("requests", "livenessProbe", "httpGet", "securityContext", "affinity", "tolerations", "rules", "subjects"),
    *("roleRef", "webhooks", "subsets", "endpoints", "addresses", "data", "binaryData", "stringData", "labels"),
    *("metadata", "annotations", "ownerReferences", "finalizers", "managedFields", "name", "type", "image"),
    *("replicas", "strategy", "rollingUpdate", "updateStrategy", "maxUnavailable", "conditions", "hard", "used"),
    *("metrics", "behavior", "scaleTargetRef", "limited", "limitResponse", "queuing", "versions", "names", "group"),
    *("volumeClaimTemplates", "accessModes", "capacity", "taints", "topologySpreadConstraints", "limits", "key"),
    *("initContainerStatuses", "containerStatuses", "state", "terminated", "waiting", "restartPolicy", "clusterIPs"),
    *("defaultBackend", "backend", "http", "paths", "host", "ingress", "egress", "from", "ipBlock", "cidr", "except"),
    *("involvedObject", "series", "lastTimestamp", "paramKind", "paramRef", "devices", "exactly", "schedule", "ip"),
    *("nodeAffinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", "uid"),
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.sampled_from(["", "a", "B-", "1", "50%", "1Gi", "None", "Always", "RollingUpdate", "In", "10.0.0.1", "a/b/c"]),
    st.text(max_size=4),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)),
    max_leaves=25,
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)


def context() -> Context:
    return Context(NOW, random.Random(7))


def test_every_listed_kind_has_a_row() -> None:
    assert [kind for kind in KINDS if kind not in table.STRATEGIES] == []


@pytest.mark.parametrize(("group", "plural"), KINDS)
def test_status_flag_agrees_with_the_registry(group: str, plural: str) -> None:
    rows = [row for row in builtins.REGISTRY if (row.group, row.plural) == (group, plural)]
    strategy = kinds.strategy_for(group, plural)
    assert strategy.status == any("status" in row.subresources for row in rows)
    assert (strategy.scale is not None) == any("scale" in row.subresources for row in rows)


@pytest.mark.parametrize(("group", "plural"), KINDS)
def test_as_many_cells_as_columns(group: str, plural: str) -> None:
    strategy = kinds.strategy_for(group, plural)
    for obj in ({}, {"metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:00Z"}}):
        assert len(strategy.cells(obj, NOW)) == len(strategy.columns)
    assert strategy.columns[0].priority == 0


def run_all(group: str, plural: str, obj: dict[str, Any]) -> None:
    strategy = kinds.strategy_for(group, plural)
    old = copy.deepcopy(obj)
    strategy.default(obj)
    once = copy.deepcopy(obj)
    strategy.default(obj)
    assert obj == once
    assert all(cause.message for cause in strategy.validate(obj))
    assert len(strategy.cells(obj, NOW)) == len(strategy.columns)
    assert all(isinstance(value, str) for value in strategy.selectable_fields(obj).values())
    strategy.warnings(obj)
    strategy.validate_update(obj, old)
    strategy.validate_status(obj, old)
    updated = copy.deepcopy(obj)
    strategy.prepare_update(updated, old, context())
    strategy.prepare_status(copy.deepcopy(obj), old, context())
    strategy.prepare_create(obj, context())
    strategy.validate(obj)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KINDS), OBJECTS)
def test_garbage_is_refused_not_raised(kind: tuple[str, str], obj: dict[str, Any]) -> None:
    run_all(*kind, obj)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KINDS), JSON, JSON, JSON)
def test_garbage_inside_spec_template_and_metadata(kind: tuple[str, str], spec: Any, pod: Any, metadata: Any) -> None:
    inner = {"spec": pod, "metadata": metadata}
    outer = {**spec, "template": inner} if isinstance(spec, dict) else spec
    run_all(*kind, {"metadata": metadata, "spec": outer, "status": spec, "template": inner, "webhooks": pod})
    run_all("", "pods", {"metadata": metadata, "spec": pod, "status": spec})


@pytest.mark.parametrize(("group", "plural"), KINDS)
def test_nulls_everywhere_are_absent(group: str, plural: str) -> None:
    run_all(group, plural, dict.fromkeys(FIELDS))
    run_all(group, plural, {"metadata": {"name": None}, "spec": dict.fromkeys(FIELDS), "status": None})


@pytest.mark.parametrize("kind", samples.VALID)
def test_a_valid_object_is_valid(kind: tuple[str, str]) -> None:
    strategy = kinds.strategy_for(*kind)
    obj = copy.deepcopy(samples.VALID[kind])
    strategy.default(obj)
    strategy.prepare_create(obj, context())
    assert strategy.validate(obj) == []
    again = copy.deepcopy(obj)
    strategy.prepare_update(again, obj, context())
    assert again == obj
    assert strategy.validate_update(again, obj) == []
    strategy.prepare_status(again, obj, context())
    assert again == obj
    assert strategy.validate_status(again, obj) == []


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    found = [prefix] if prefix else []
    for key, child in inner:
        found += paths(child, (*prefix, key))
    return found


SPOILT: list[Any] = [
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    "%",
    [],
    [None],
    [[1]],
    {},
    {"a": []},
    [{"name": {}}],
    [{"name": "a"}],
]


@pytest.mark.parametrize("kind", samples.VALID)
def test_a_valid_object_with_any_one_thing_spoilt_is_survived(kind: tuple[str, str]) -> None:
    strategy = kinds.strategy_for(*kind)
    for path in paths(samples.VALID[kind]):
        for value in SPOILT:
            obj = copy.deepcopy(samples.VALID[kind])
            target: Any = obj
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = copy.deepcopy(value)
            strategy.default(obj)
            strategy.validate(obj)
            assert len(strategy.cells(obj, NOW)) == len(strategy.columns)
            strategy.selectable_fields(obj)
            for new, old in ((obj, samples.VALID[kind]), (samples.VALID[kind], obj)):
                strategy.validate_update(new, old)
                strategy.validate_status(new, old)
                strategy.prepare_update(copy.deepcopy(new), old, context())
            strategy.prepare_create(obj, context())
