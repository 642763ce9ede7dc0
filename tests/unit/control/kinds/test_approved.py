"""Specs that passed before are recognised, whatever their token volume is called, and no others."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bascule.control.kinds import pods
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


_CLAIM = {"metadata": {}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
_PARTS: list[dict[str, Any]] = [
    {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
    {"hostAliases": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.4"}]},
    {"volumes": [{"name": "a", "gitRepo": {"repository": "r"}}]},
    {"volumes": [{"name": "a", "ephemeral": {"volumeClaimTemplate": _CLAIM}}]},
    {"ephemeralContainers": [{"name": "e", "image": "i"}]},
    {"nodeName": "n", "schedulingGates": [{"name": "g"}]},
    {"hostUsers": False, "hostNetwork": True},
    {"terminationGracePeriodSeconds": -1},
]
_ANNOTATIONS = [
    None,
    {"a/b": "c"},
    {"kubernetes.io/config.mirror": "m"},
    {"scheduler.alpha.kubernetes.io/critical-pod": ""},
    {"container.apparmor.security.beta.kubernetes.io/web": "unconfined"},
    {"container.apparmor.security.beta.kubernetes.io/web": "nonsense"},
    {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
]


@given(
    st.lists(st.sampled_from(_PARTS), max_size=2),
    st.sampled_from(_ANNOTATIONS),
    st.sampled_from(["web", "web.dotted", "a" * 64, "Wrong", ""]),
)
def test_a_review_says_what_validation_and_warnings_say(parts, annotations, name) -> None:
    assert pods.STRATEGY.review
    assert pods.STRATEGY.validate_create
    pod: dict[str, Any] = {"metadata": {"name": name, "namespace": "default"}, "spec": {}}
    if annotations is not None:
        pod["metadata"]["annotations"] = annotations
    pod["spec"]["containers"] = [{"name": "web", "image": "i", "resources": {"limits": {"memory": "1m"}}}]
    for part in copy.deepcopy(parts):
        pod["spec"] |= part
    pods.default(pod)
    told = pods.STRATEGY.validate_create(pod), pods.STRATEGY.warnings(pod)
    assert pods.STRATEGY.review(pod) == told
    assert pods.STRATEGY.review(pod) == told  # This time from memory.


def test_what_depends_on_the_name_is_not_remembered() -> None:
    pod: dict[str, Any] = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "i"}]}}
    pod["spec"]["volumes"] = [{"name": "a", "ephemeral": {"volumeClaimTemplate": copy.deepcopy(_CLAIM)}}]
    pods.default(pod)
    assert pods.STRATEGY.review is not None
    assert pods.STRATEGY.review(pod) == ([], [])
    pod["metadata"]["name"] = "w" * 253
    ((cause,), _) = pods.STRATEGY.review(pod)
    assert cause.field == "spec.volumes[0].name"


_PART = st.recursive(st.sampled_from([None, True, 1, 0, "", "a", "b"]), lambda inner: st.lists(inner, max_size=2))


@given(st.lists(st.tuples(_PART, st.sampled_from([1, True, None, "x"]), st.sampled_from(["p", "q"])), max_size=6))
def test_a_part_is_judged_as_if_nothing_were_remembered(asked) -> None:
    def rules(path: str, value: Any, around: Any) -> Iterator[str]:
        if value == "a" or around is True or (isinstance(value, list) and None in value):
            yield f"{path}: {value} {around}"

    remembering = approved.part(rules)
    for value, around, path in asked:
        assert list(remembering(path, value, around)) == list(rules(path, value, around))


def test_a_clean_part_is_judged_once_and_a_long_one_each_time() -> None:
    seen: list[str] = []

    def rules(path: str, value: Any) -> Iterator[str]:
        seen.append(path)
        return iter(())

    remembering = approved.part(rules)
    for path, value in (("a", {"k": 1}), ("b", {"k": 1}), ("c", {"k": True}), ("d", "x" * 5000), ("e", "x" * 5000)):
        assert list(remembering(path, value)) == []
    assert seen == ["a", "c", "d", "e"]


@pytest.fixture(autouse=True)
def _nothing_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approved, "_digests", {})
