"""Specs that passed before are recognised, whatever their token volume is called, and no others."""

from __future__ import annotations

from typing import Any

from bascule.control.kinds.pod import approved


def _spec(*volumes: str, mounted: str = "") -> dict[str, Any]:
    return {
        "volumes": [{"name": name, "projected": {}} for name in volumes],
        "containers": [{"name": "web", "volumeMounts": [{"name": mounted or volumes[0], "mountPath": "/token"}]}],
    }


def test_pods_of_one_workload_look_alike() -> None:
    assert approved.digest(_spec("kube-api-access-abcde")) == approved.digest(_spec("kube-api-access-x9z42"))


def test_a_name_given_twice_is_not_two_names() -> None:
    two = approved.digest(_spec("kube-api-access-abcde", "kube-api-access-fghij"))
    assert two != approved.digest(_spec("kube-api-access-abcde", "kube-api-access-abcde"))
    assert two != approved.digest(_spec("kube-api-access-fghij", "kube-api-access-fghij"))


def test_a_mount_of_another_volume_is_another_spec() -> None:
    fits = approved.digest(_spec("kube-api-access-abcde"))
    assert fits != approved.digest(_spec("kube-api-access-abcde", mounted="kube-api-access-other"))
    assert fits != approved.digest(_spec("kube-api-access-abcde", mounted="kube-api-access-fghij"))


def test_other_names_count() -> None:
    assert approved.digest(_spec("data-abcde")) != approved.digest(_spec("data-fghij"))
