"""Admission: what is completed, what is refused, and in which words."""

from typing import Any

import pytest

from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world


def test_namespaces_missing_and_terminating(held: world.DictReader) -> None:
    error = world.refused(held, builtins.CONFIG_MAPS, world.named("c", "gone"))
    assert (error.code, error.message) == (404, 'namespaces "gone" not found')
    held.put("", "namespaces", {**world.named("ending"), "status": {"phase": "Terminating"}})
    error = world.refused(held, builtins.CONFIG_MAPS, world.named("c", "ending"))
    assert error.code == 403
    assert error.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace ending because it is being terminated'
    )
    assert error.details is not None
    assert error.details["causes"][0]["reason"] == "NamespaceTerminating"
    other = world.named("c", "default")
    assert world.refused(held, builtins.CONFIG_MAPS, other, cluster="team-a").code == 404


def test_immortal_namespaces(held: world.DictReader) -> None:
    for name, text in (("kube-system", "may not be deleted"), ("team", "")):
        asked = world.asks(world.MASTER, "DELETE", builtins.NAMESPACES, world.named(name))
        if text:
            with pytest.raises(errors.StatusError, match=text):
                world.new_chain(held).validate(asked, None)
        else:
            world.new_chain(held).validate(asked, None)


def test_a_plain_pod_is_completed(held: world.DictReader) -> None:
    pod = world.pod("p")
    world.admit(held, builtins.PODS, pod)
    spec = pod["spec"]
    assert spec["serviceAccountName"] == spec["serviceAccount"] == "default"
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert [t["key"] for t in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    assert volume["projected"]["defaultMode"] == 420
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    assert spec["containers"][0]["volumeMounts"] == [
        {"name": volume["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    ]


def test_completing_twice_changes_nothing(held: world.DictReader) -> None:
    pod = world.pod("p")
    world.admit(held, builtins.PODS, pod)
    once = objects.deep_copy(pod)
    world.admit(held, builtins.PODS, pod)
    assert pod == once


def test_service_accounts(held: world.DictReader) -> None:
    error = world.refused(held, builtins.PODS, world.pod("p", serviceAccountName="sa"))
    assert error.message.endswith('error looking up service account default/sa: serviceaccount "sa" not found')
    account = world.named("sa", "default", automountServiceAccountToken=False, imagePullSecrets=[{"name": "s"}])
    held.put("", "serviceaccounts", account)
    pod = world.pod("p", serviceAccountName="sa")
    world.admit(held, builtins.PODS, pod)
    assert "volumes" not in pod["spec"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "s"}]


def test_priority(held: world.DictReader) -> None:
    pod = world.pod("p", priorityClassName="system-node-critical")
    world.admit(held, builtins.PODS, pod)
    assert pod["spec"]["priority"] == 2_000_001_000
    assert (
        "no PriorityClass with name x was found"
        in world.refused(held, builtins.PODS, world.pod("p", priorityClassName="x")).message
    )
    assert "must not be provided" in world.refused(held, builtins.PODS, world.pod("p", priority=5)).message
    held.put("scheduling.k8s.io", "priorityclasses", world.named("mine", value=7, globalDefault=True))
    pod = world.pod("p")
    world.admit(held, builtins.PODS, pod)
    assert (pod["spec"]["priority"], pod["spec"]["priorityClassName"]) == (7, "mine")
    second = world.named("second", value=8, globalDefault=True)
    assert "already marked as default" in world.refused(held, builtins.PRIORITY_CLASSES, second).message


def test_runtime_class(held: world.DictReader) -> None:
    assert "not found" in world.refused(held, builtins.PODS, world.pod("p", runtimeClassName="gvisor")).message
    made = world.named("gvisor", overhead={"podFixed": {"cpu": "1"}}, scheduling={"nodeSelector": {"a": "b"}})
    held.put("node.k8s.io", "runtimeclasses", made)
    pod = world.pod("p", runtimeClassName="gvisor")
    world.admit(held, builtins.PODS, pod)
    assert pod["spec"]["overhead"] == {"cpu": "1"}
    assert pod["spec"]["nodeSelector"] == {"a": "b"}


def test_overhead_without_a_runtime_class_that_has_some(held: world.DictReader) -> None:
    held.put("node.k8s.io", "runtimeclasses", world.named("runc"))
    for spec in ({}, {"runtimeClassName": "runc"}):
        error = world.refused(held, builtins.PODS, world.pod("p", overhead={"cpu": "1"}, **spec))
        assert (error.code, error.message) == (
            403,
            'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
        )


def test_new_nodes_and_storage(held: world.DictReader) -> None:
    node = world.named("n1")
    world.admit(held, builtins.NODES, node, who=world.node_user("n1"))
    assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    old = world.named("old")
    for name, moment in (("slow", "2026-01-01T00:00:00Z"), ("fast", "2026-02-01T00:00:00Z")):
        made = world.named(name)
        made["metadata"] |= {
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            "creationTimestamp": moment,
        }
        held.put("storage.k8s.io", "storageclasses", made)
    held.put("storage.k8s.io", "storageclasses", old)
    claim = world.named("c", "default", spec={})
    world.admit(held, builtins.PERSISTENT_VOLUME_CLAIMS, claim)
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def limit_range(**item: Any) -> objects.Object:
    return world.named("l", "default", spec={"limits": [item]})


def test_a_resize_stays_within_the_limits(held: world.DictReader) -> None:
    held.put("", "limitranges", limit_range(type="Container", max={"cpu": "2000m"}, min={"memory": "1024Mi"}))
    old = world.pod("p", containers=[{"name": "c", "resources": {"limits": {"cpu": "1"}}}])
    new = world.pod("p", containers=[{"name": "c", "resources": {"limits": {"cpu": "3"}}}])
    chain = world.new_chain(held)
    chain.validate(world.asks(world.ALICE, "UPDATE", builtins.PODS, new, old=old), new)
    asked = world.asks(world.ALICE, "UPDATE", builtins.PODS, new, old=old, subresource="resize")
    with pytest.raises(errors.StatusError) as caught:
        chain.validate(asked, new)
    assert caught.value.message == (
        'pods "p" is forbidden: [minimum memory usage per Container is 1Gi.  No request is specified, '
        "maximum cpu usage per Container is 2, but limit is 3]"
    )


def test_defaults_are_noted_for_each_container(held: world.DictReader) -> None:
    amounts = {"cpu": "1", "memory": "1Gi"}
    held.put("", "limitranges", limit_range(type="Container", default=amounts, defaultRequest=amounts))
    pod = world.pod("p")
    world.admit(held, builtins.PODS, pod)
    assert objects.annotations(pod)["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
    )


def test_limit_ranges(held: world.DictReader) -> None:
    item = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "2"}}
    held.put("", "limitranges", limit_range(**item))
    pod = world.pod("p")
    world.admit(held, builtins.PODS, pod)
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}}
    assert pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    )
    large = [{"name": "c", "resources": {"limits": {"cpu": "3"}, "requests": {"cpu": "1"}}}]
    error = world.refused(held, builtins.PODS, world.pod("p", containers=large))
    assert error.message == 'pods "p" is forbidden: maximum cpu usage per Container is 2, but limit is 3'


def test_only_claims_of_an_expandable_class_grow(held: world.DictReader) -> None:
    held.put("storage.k8s.io", "storageclasses", world.named("grows", allowVolumeExpansion=True))
    held.put("storage.k8s.io", "storageclasses", world.named("fixed"))

    def claim(size: str, name: str | None) -> objects.Object:
        spec = {"resources": {"requests": {"storage": size}}, **({"storageClassName": name} if name else {})}
        return world.named("c", "default", spec=spec)

    chain = world.new_chain(held)
    for name, wanted, fits in (
        ("grows", "2Gi", True),
        ("fixed", "1024Mi", True),
        ("fixed", "2Gi", False),
        (None, "2Gi", False),
    ):
        old, new = claim("1Gi", name), claim(wanted, name)
        asked = world.asks(world.ALICE, "UPDATE", builtins.PERSISTENT_VOLUME_CLAIMS, new, old=old)
        if fits:
            chain.validate(asked, new)
            continue
        with pytest.raises(errors.StatusError, match="only dynamically provisioned pvc can be resized"):
            chain.validate(asked, new)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "other"}}]}, 'volume with secret.secretName="other"'),
        (
            {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "other"}}]}]},
            'container c with envFrom referencing secret.secretName="other"',
        ),
        ({"imagePullSecrets": [{"name": "mine"}]}, 'imagePullSecrets[0].name="mine"'),
    ],
)
def test_an_account_may_bound_what_its_pods_mount(held: world.DictReader, spec: dict[str, Any], text: str) -> None:
    account = world.named("bounded", "default", secrets=[{"name": "mine"}])
    account["metadata"]["annotations"] = {"kubernetes.io/enforce-mountable-secrets": "true"}
    held.put("", "serviceaccounts", account)
    allowed = world.pod("p", serviceAccountName="bounded", volumes=[{"name": "v", "secret": {"secretName": "mine"}}])
    world.admit(held, builtins.PODS, allowed)
    error = world.refused(held, builtins.PODS, world.pod("p", serviceAccountName="bounded", **spec))
    assert error.message.startswith(f'pods "p" is forbidden: {text} is not allowed because service account bounded')


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"serviceAccountName": "sa"}, "a mirror pod may not reference service accounts"),
        ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "a mirror pod may not reference secrets"),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
            "a mirror pod may not use ServiceAccountToken volume projections",
        ),
    ],
)
def test_mirror_pods_name_nothing_of_the_control_plane(held: world.DictReader, spec: dict[str, Any], text: str) -> None:
    pod = world.pod("p", **spec)
    pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert world.refused(held, builtins.PODS, pod, who=world.MASTER).message == f'pods "p" is forbidden: {text}'


def test_a_pod_without_its_account_is_refused(held: world.DictReader) -> None:
    held.remove("", "serviceaccounts", "default", "default")
    assert world.refused(held, builtins.PODS, world.pod("p")).message == (
        'pods "p" is forbidden: error looking up service account default/default: serviceaccount "default" not found'
    )
