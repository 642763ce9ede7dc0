"""PodSecurity: versions of the standards, what labels mean, who is warned."""

from typing import Any

import pytest

from bascule.control.access.admission import pod_security, pod_standards
from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world

PREFIX = pod_security.PREFIX


def template(**security: Any) -> objects.Object:
    return {"spec": {"containers": [{"name": "c", "image": "i"}], "securityContext": security}}


@pytest.mark.parametrize(
    ("level", "minor", "spec", "text"),
    [
        ("baseline", 28, {"sysctls": [{"name": "net.ipv4.tcp_fin_timeout"}]}, "forbidden sysctls"),
        ("baseline", 29, {"sysctls": [{"name": "net.ipv4.tcp_fin_timeout"}]}, ""),
        ("baseline", 30, {"seLinuxOptions": {"type": "container_engine_t"}}, "seLinuxOptions"),
        ("baseline", 31, {"seLinuxOptions": {"type": "container_engine_t"}}, ""),
        ("baseline", 18, {"seccompProfile": {"type": "Unconfined"}}, ""),
        ("baseline", 19, {"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
    ],
)
def test_standards_have_versions(level: str, minor: int, spec: dict[str, Any], text: str) -> None:
    found = pod_standards.violations(template(**spec), level, minor)
    assert found[0].startswith(text) if text else not found, found


def test_restricted_grew() -> None:
    def names(minor: int) -> list[str]:
        return [text.partition(" (")[0] for text in pod_standards.violations(template(), "restricted", minor)]

    assert names(7) == ["runAsNonRoot != true"]
    assert names(8) == ["allowPrivilegeEscalation != false", "runAsNonRoot != true"]
    assert names(22) == [
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "seccompProfile",
    ]


def test_what_is_unreadable_is_the_strictest_and_enforced_is_warned_of() -> None:
    assert pod_security.policy({PREFIX + "enforce": "odd", PREFIX + "enforce-version": "v1.20"}, "enforce") == (
        "restricted",
        "latest",
    )
    labels = {PREFIX + "enforce": "baseline", PREFIX + "enforce-version": "v1.30"}
    assert pod_security.policy(labels, "warn") == ("baseline", "v1.30")
    assert pod_security.policy(labels, "audit") == ("privileged", "latest")
    assert pod_security.policy({**labels, PREFIX + "warn": "privileged"}, "warn") == ("privileged", "latest")
    assert pod_security.policy({PREFIX + "enforce": "privileged"}, "warn") == ("privileged", "latest")


def space(held: world.DictReader, **labels: str) -> objects.Object:
    named = {PREFIX + key.replace("_", "-"): text for key, text in labels.items()}
    return {"metadata": {"name": "default", "labels": named}}


def test_workloads_are_warned_of_what_their_pods_will_meet() -> None:
    held = world.DictReader()
    held.put("", "namespaces", space(held, enforce="baseline"))
    made = world.named("d", "default", spec={"template": template(sysctls=[{"name": "x"}])})
    asked = world.asks(world.ALICE, "CREATE", builtins.DEPLOYMENTS, made)
    world.new_chain(held).validate(asked, made)
    assert asked.warnings == ['would violate PodSecurity "baseline:latest": forbidden sysctls (x)']


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({"enforce": "strict"}, "must be one of privileged, baseline, restricted"),
        ({"warn_version": "1.30"}, 'must be "latest" or "v1.x"'),
        ({"warn_version": "v1.030"}, 'must be "latest" or "v1.x"'),
    ],
)
def test_labels_are_checked_where_they_change(labels: dict[str, str], text: str) -> None:
    held = world.DictReader()
    new = space(held, **labels)
    chain = world.new_chain(held)
    with pytest.raises(errors.StatusError) as caught:
        chain.validate(world.asks(world.ALICE, "CREATE", builtins.NAMESPACES, new), new)
    assert caught.value.code == 422
    assert text in caught.value.message
    chain.validate(world.asks(world.ALICE, "UPDATE", builtins.NAMESPACES, new, old=new), new)


def test_an_image_counts_a_label_does_not() -> None:
    held = world.DictReader()
    held.put("", "namespaces", space(held, enforce="restricted"))
    old = world.pod("p")
    chain = world.new_chain(held)
    new = objects.deep_copy(old)
    new["metadata"]["labels"] = {"a": "b"}
    chain.validate(world.asks(world.ALICE, "UPDATE", builtins.PODS, new, old=old), new)
    new["spec"]["containers"][0]["image"] = "other"
    asked = world.asks(world.ALICE, "UPDATE", builtins.PODS, new, old=old)
    with pytest.raises(errors.StatusError, match='violates PodSecurity "restricted:latest"'):
        chain.validate(asked, new)
    assert asked.audit[PREFIX + "enforce-policy"] == "restricted:latest"


def test_a_relaxed_level_is_not_checked_against_what_is_there() -> None:
    held = world.DictReader()
    for name in ("b", "a", "c"):
        held.put("", "pods", {**world.pod(name), "spec": {**world.pod(name)["spec"], "hostNetwork": True}})
    chain = world.new_chain(held)

    def warnings(old: str, new: str) -> list[str]:
        after = space(held, enforce=new)
        asked = world.asks(world.ALICE, "UPDATE", builtins.NAMESPACES, after, old=space(held, enforce=old))
        chain.validate(asked, after)
        return asked.warnings

    assert warnings("restricted", "baseline") == []
    assert warnings("privileged", "baseline") == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 2 other pods): host namespaces",
    ]


def secured(held: world.DictReader, **labels: str) -> None:
    namespace = world.named("default")
    namespace["metadata"]["labels"] = {f"pod-security.kubernetes.io/{key}": level for key, level in labels.items()}
    held.put("", "namespaces", namespace)


def test_pod_security_words(held: world.DictReader) -> None:
    secured(held, enforce="restricted")
    error = world.refused(held, builtins.PODS, world.pod("p"))
    assert error.message == (
        'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities '
        '(container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container '
        '"c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    world.admit(held, builtins.PODS, world.pod("p", containers=[{"name": "c", "securityContext": security}]))


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            {"containers": [{"name": n, "securityContext": {"privileged": True}} for n in "ab"]},
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
        ),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, 'hostPath volumes (volume "v")'),
        (
            {"containers": [{"name": "c", "ports": [{"containerPort": 1, "hostPort": 80}]}]},
            'hostPort (container "c" uses hostPort 80)',
        ),
        (
            {"containers": [{"name": "c", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}]},
            'non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add)',
        ),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "forbidden sysctls (kernel.msgmax)"),
        (
            {"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
        ),
    ],
)
def test_baseline(held: world.DictReader, spec: dict[str, Any], text: str) -> None:
    secured(held, enforce="baseline")
    error = world.refused(held, builtins.PODS, world.pod("p", **spec))
    assert error.message == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {text}'


def test_pod_security_warns_of_templates(held: world.DictReader) -> None:
    secured(held, enforce="restricted", warn="baseline")
    template = {"spec": {"hostNetwork": True, "containers": []}}
    deployment = world.named("d", "default", spec={"template": template})
    asked = world.admit(held, builtins.DEPLOYMENTS, deployment)
    assert asked.warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)']


def test_pod_security_of_namespaces(held: world.DictReader) -> None:
    held.put("", "pods", world.pod("p", hostNetwork=True))
    old, new = world.named("default"), world.named("default")
    new["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "baseline"}
    asked = world.asks(world.ALICE, "UPDATE", builtins.NAMESPACES, new, old=old)
    world.new_chain(held).validate(asked, new)
    assert asked.warnings == [
        'existing pods in namespace "default" violate the new PodSecurity enforce level "baseline:latest"',
        "p: host namespaces",
    ]
    new["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "strict"}
    with pytest.raises(errors.StatusError) as caught:
        world.new_chain(held).validate(asked, new)
    assert caught.value.code == 422
