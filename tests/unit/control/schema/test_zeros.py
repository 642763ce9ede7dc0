"""Which nulls and zeros are left out of built-in objects."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bascule.control.schema import catalog, types, validation, zeros


def schema(kind: str, api_version: str = "v1") -> types.TypeSchema:
    found = catalog.schema_of(api_version, kind)
    assert found is not None
    return found


def without(obj: dict[str, Any], of: types.TypeSchema) -> dict[str, Any]:
    left = copy.deepcopy(obj)
    zeros.leave_out(left, of)
    return left


def test_what_a_chart_leaves_empty_in_a_pod_goes() -> None:
    pod: dict[str, Any] = {
        "metadata": {"name": "p", "labels": {}, "annotations": None, "finalizers": [], "creationTimestamp": None},
        "spec": {
            "hostNetwork": False,
            "priorityClassName": "",
            "nodeSelector": {},
            "tolerations": [],
            "affinity": {},
            "securityContext": {},
            "automountServiceAccountToken": False,
            "volumes": [
                {"name": "v", "emptyDir": {}, "configMap": None},
                {"name": "w", "hostPath": {"path": "", "type": ""}},
            ],
            "containers": [
                {
                    "name": "a",
                    "env": [],
                    "tty": False,
                    "resources": {"limits": {}},
                    "securityContext": {"privileged": False},
                }
            ],
        },
    }
    assert without(pod, schema("Pod")) == {
        "metadata": {"name": "p"},
        "spec": {
            "affinity": {},
            "securityContext": {},
            "automountServiceAccountToken": False,
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "hostPath": {"path": "", "type": ""}}],
            "containers": [{"name": "a", "resources": {}, "securityContext": {"privileged": False}}],
        },
    }


@pytest.mark.parametrize(
    ("kind", "api_version", "member", "value", "stays"),
    [
        ("ClusterRole", "rbac.authorization.k8s.io/v1", "rules", [], True),
        ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "subjects", [], False),
        ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "webhooks", [], False),
        ("EndpointSlice", "discovery.k8s.io/v1", "endpoints", [], True),
        ("ConfigMap", "v1", "data", {}, False),
        ("ConfigMap", "v1", "immutable", False, True),
        ("PriorityClass", "scheduling.k8s.io/v1", "globalDefault", False, False),
        ("PriorityClass", "scheduling.k8s.io/v1", "value", 0, True),
        ("StorageClass", "storage.k8s.io/v1", "allowVolumeExpansion", False, True),
        ("Secret", "v1", "type", "", False),
    ],
)
def test_a_zero_stays_where_it_can_be_told_from_nothing(
    kind: str, api_version: str, member: str, value: Any, stays: bool
) -> None:
    assert without({member: value}, schema(kind, api_version)) == ({member: value} if stays else {})
    assert validation.check({member: value}, schema(kind, api_version)) == validation.NOTHING


@pytest.mark.parametrize(
    "spec", [{"hostNetwork": ""}, {"tolerations": {}}, {"nodeSelector": []}, {"priorityClassName": 0}]
)
def test_a_zero_of_a_wrong_type_is_left_to_validation(spec: dict[str, Any]) -> None:
    pod: dict[str, Any] = {"spec": spec}
    assert without(pod, schema("Pod")) == pod
    assert validation.check(pod, schema("Pod")).type_errors


def test_empty_owners_stay_for_they_ask_for_something() -> None:
    meta: dict[str, Any] = {"metadata": {"managedFields": []}}
    assert without(meta, schema("Pod")) == meta
