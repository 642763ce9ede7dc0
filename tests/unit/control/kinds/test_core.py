"""The smaller kinds of the core group: what is refused, in the words clients know."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from bascule.control import kinds
from bascule.control.kinds import metadata
from bascule.control.kinds.strategy import Context

Object = dict[str, Any]
CONTEXT = Context(datetime(2026, 1, 2, tzinfo=UTC), random.Random(7))
META = {"name": "a", "namespace": "default"}


def ready(plural: str, obj: Object, group: str = "") -> Object:
    made = copy.deepcopy({"metadata": META, **obj})
    strategy = kinds.strategy_for(group, plural)
    strategy.default(made)
    strategy.prepare_create(made, CONTEXT)
    return made


def problems(plural: str, obj: Object, group: str = "") -> list[str]:
    strategy = kinds.strategy_for(group, plural)
    causes = (strategy.validate_create or strategy.validate)(ready(plural, obj, group))
    return [f"{cause.field}: {cause.message}" for cause in causes]


def update_problems(plural: str, obj: Object, change: Callable[[Object], Any]) -> list[str]:
    strategy = kinds.strategy_for("", plural)
    old = ready(plural, obj)
    new = copy.deepcopy(old)
    change(new)
    strategy.default(new)
    strategy.prepare_update(new, old, CONTEXT)
    causes = [*strategy.validate(new), *strategy.validate_update(new, old)]
    return [f"{cause.field}: {cause.message}" for cause in causes]


CLAIM = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
VOLUME = {
    "metadata": {"name": "v"},
    "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}},
}


def volume(**spec: Any) -> Object:
    kept = {key: value for key, value in VOLUME["spec"].items() if key != "hostPath"}
    return {"metadata": {"name": "v"}, "spec": {**kept, **spec}}


REFUSED: list[tuple[str, Object, list[str]]] = [
    (
        "limitranges",
        {"spec": {"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]}},
        [
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": '
            "min value 2 is greater than default request value 1",
            'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
        ],
    ),
    (
        "limitranges",
        {"spec": {"limits": [{"type": "Pod", "max": {"gpu": "1"}, "default": {"cpu": "1"}}]}},
        [
            'spec.limits[0].max[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            'spec.limits[0].max[gpu]: Invalid value: "gpu": must be a standard resource for containers',
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        ],
    ),
    (
        "limitranges",
        {"spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"cpu": "1"}}]}},
        [
            "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither "
            "was provided"
        ],
    ),
    (
        "resourcequotas",
        {"spec": {"hard": {"pods": "1500m"}, "scopes": ["BestEffort", "NotBestEffort"]}},
        [
            'spec.hard[pods]: Invalid value: "1500m": must be an integer',
            'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
        ],
    ),
    (
        "resourcequotas",
        {"spec": {"hard": {"widgets": "1", "services": "1"}, "scopes": ["Terminating"]}},
        [
            'spec.hard[widgets]: Invalid value: "widgets": must be a standard resource type or fully qualified',
            'spec.hard[widgets]: Invalid value: "widgets": must be a standard resource for quota',
            'spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource',
        ],
    ),
    (
        "secrets",
        {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "YQ=="}},
        [
            "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'a' looking for "
            "beginning of value"
        ],
    ),
    ("secrets", {"type": "kubernetes.io/ssh-auth"}, ["data[ssh-privatekey]: Required value"]),
    (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "0.0.0.0"}], "ports": [{"port": 80}]}]},
        ['subsets[0].addresses[0].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
    ),
    (
        "nodes",
        {
            "metadata": {"name": "n"},
            "spec": {
                "podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"],
                "taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}],
            },
        },
        [
            'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: '
            "taints must be unique by key and effect pair",
            'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each '
            "IP family",
        ],
    ),
    (
        "events",
        {"involvedObject": {"namespace": "other"}},
        ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ),
    (
        "persistentvolumes",
        volume(local={"path": "/a"}),
        ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
    ),
    (
        "persistentvolumes",
        volume(csi={"driver": "a.example"}, nfs={"server": "s", "path": "a"}),
        [
            'spec.nfs.path: Invalid value: "a": must be an absolute path',
            "spec.csi: Forbidden: may not specify more than 1 volume type",
        ],
    ),
    (
        "persistentvolumes",
        volume(hostPath={"path": "/"}, persistentVolumeReclaimPolicy="Recycle"),
        [
            "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
        ],
    ),
    (
        "persistentvolumeclaims",
        {"spec": {**CLAIM["spec"], "dataSourceRef": {"kind": "Thing", "name": "x"}}},
        [
            "spec.dataSource: Invalid value: \"Thing\": must be 'PersistentVolumeClaim' when referencing the default "
            "apiGroup",
            "spec.dataSourceRef: Invalid value: \"Thing\": must be 'PersistentVolumeClaim' when referencing the "
            "default apiGroup",
        ],
    ),
]


@pytest.mark.parametrize(("plural", "obj", "expected"), REFUSED)
def test_refused(plural: str, obj: Object, expected: list[str]) -> None:
    assert problems(plural, obj) == expected


def test_modern_events_are_strict_when_created() -> None:
    event = {"regarding": {"namespace": "default"}, "type": "Odd", "deprecatedCount": 1}
    assert problems("events", event, "events.k8s.io") == [
        "eventTime: Required value",
        'type: Invalid value: "": has invalid value: Odd',
        'count: Invalid value: "": needs to be unset',
    ]


def test_data_sources_are_mirrored_and_unknown_ones_passed_over() -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "x"}
    for field in ("dataSource", "dataSourceRef"):
        spec = ready("persistentvolumeclaims", {"spec": {**CLAIM["spec"], field: source}})["spec"]
        assert spec["dataSource"] == spec["dataSourceRef"] == source
    other = {"apiGroup": "a.example", "kind": "Thing", "name": "x"}
    spec = ready("persistentvolumeclaims", {"spec": {**CLAIM["spec"], "dataSource": other}})["spec"]
    assert not {"dataSource", "dataSourceRef"} & spec.keys()


def test_a_claim_names_its_class_once() -> None:
    def named(obj: Object) -> None:
        obj["spec"]["storageClassName"] = "fast"

    assert update_problems("persistentvolumeclaims", CLAIM, named) == []
    fast = {"spec": {**CLAIM["spec"], "storageClassName": "slow"}}
    (problem,) = update_problems("persistentvolumeclaims", fast, named)
    assert problem.startswith("spec: Forbidden: spec is immutable after creation except resources.requests")
    assert '-  \tStorageClassName: "slow",' in problem.replace("- \t", "-  \t")


def test_the_source_of_a_volume_stays_but_for_one_secret() -> None:
    driver = {"driver": "a.example", "volumeHandle": "h"}

    def secret(obj: Object) -> None:
        obj["spec"]["csi"]["controllerExpandSecretRef"] = {"name": "s", "namespace": "n"}

    def handle(obj: Object) -> None:
        obj["spec"]["csi"]["volumeHandle"] = "other"

    assert update_problems("persistentvolumes", volume(csi=driver), secret) == []
    (problem,) = update_problems("persistentvolumes", volume(csi=driver), handle)
    assert problem.startswith("spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after")


def test_a_phase_that_changes_is_dated() -> None:
    strategy = kinds.strategy_for("", "persistentvolumes")
    old = ready("persistentvolumes", VOLUME)
    old["status"]["lastPhaseTransitionTime"] = "2020-01-01T00:00:00Z"
    new = copy.deepcopy(old)
    new["status"]["phase"] = "Available"
    strategy.prepare_status(new, old, CONTEXT)
    assert new["status"]["lastPhaseTransitionTime"] == "2026-01-02T00:00:00Z"


def test_a_namespace_ends_only_by_being_deleted() -> None:
    strategy = kinds.strategy_for("", "namespaces")
    old = ready("namespaces", {"metadata": {"name": "a"}})
    new = copy.deepcopy(old)
    new["status"]["phase"] = "Terminating"
    assert [cause.field for cause in strategy.validate_status(new, old)] == ["status.Phase"]


def test_a_node_keeps_its_ranges() -> None:
    node = {"metadata": {"name": "n"}, "spec": {"podCIDR": "10.0.0.0/24"}}
    assert ready("nodes", node)["spec"]["podCIDRs"] == ["10.0.0.0/24"]

    def moved(obj: Object) -> None:
        obj["spec"] = {"podCIDR": "10.0.1.0/24", "podCIDRs": ["10.0.1.0/24"]}

    assert update_problems("nodes", node, moved) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]


@pytest.mark.parametrize(
    ("plural", "obj", "expected"),
    [
        (
            "persistentvolumes",
            volume(hostPath={"path": "/a"}, persistentVolumeReclaimPolicy="Recycle"),
            [
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
                "recommended approach is to use dynamic provisioning."
            ],
        ),
        (
            "secrets",
            {"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}},
            ["tls: failed to find any PEM data in certificate input"],
        ),
        (
            "nodes",
            {"metadata": {"name": "n"}, "spec": {"externalID": "x"}},
            ["spec.externalID: this field is deprecated, and is unused by Kubernetes"],
        ),
    ],
)
def test_warnings(plural: str, obj: Object, expected: list[str]) -> None:
    assert kinds.strategy_for("", plural).warnings(ready(plural, obj)) == expected


def test_what_is_shared_with_what_is_stored_is_not_checked_again() -> None:
    own = {"name": "a", "labels": {"a": "-"}, "annotations": {"!": ""}, "managedFields": [{"operation": "Guess"}]}
    stored = {"metadata": own}
    fields = ["metadata.labels", "metadata.annotations", "metadata.managedFields[0].operation"]
    assert [cause.field for cause in metadata.problems(stored, metadata.subdomain)] == fields
    assert metadata.problems({"metadata": dict(own)}, metadata.subdomain, stored) == []
    alike = {"metadata": copy.deepcopy(own)}
    assert [cause.field for cause in metadata.problems(alike, metadata.subdomain, stored)] == fields


@pytest.mark.parametrize("manager", ["a" * 129, "é" * 129])
def test_managers_have_names_of_bounded_length(manager: str) -> None:
    entry = {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1"}
    (cause,) = metadata.problems({"metadata": {"name": "a", "managedFields": [entry]}}, metadata.subdomain)
    assert (cause.field, cause.message) == (
        "metadata.managedFields[0].manager",
        "Too long: may not be more than 128 bytes",
    )
