"""Admission: what is completed, what is refused, and in which words."""

from typing import Any

import pytest

from bascule.control.access import user
from bascule.control.access.admission import request
from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world


@pytest.fixture
def held() -> world.DictReader:
    held = world.bootstrapped()
    held.put("", "serviceaccounts", world.named("default", "default"))
    return held


def create(held: world.DictReader, row: Any, obj: objects.Object, **rest: Any) -> request.AdmissionRequest:
    asked = world.asks(rest.pop("who", world.ALICE), "CREATE", row, obj, **rest)
    chain = world.new_chain(held)
    chain.mutate(asked, obj)
    chain.validate(asked, obj)
    return asked


def refused(held: world.DictReader, row: Any, obj: objects.Object, **rest: Any) -> errors.StatusError:
    with pytest.raises(errors.StatusError) as caught:
        create(held, row, obj, **rest)
    return caught.value


def test_namespaces_missing_and_terminating(held: world.DictReader) -> None:
    error = refused(held, builtins.CONFIG_MAPS, world.named("c", "gone"))
    assert (error.code, error.message) == (404, 'namespaces "gone" not found')
    held.put("", "namespaces", {**world.named("ending"), "status": {"phase": "Terminating"}})
    error = refused(held, builtins.CONFIG_MAPS, world.named("c", "ending"))
    assert error.code == 403
    assert error.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace ending because it is being terminated'
    )
    assert error.details is not None
    assert error.details["causes"][0]["reason"] == "NamespaceTerminating"
    other = world.named("c", "default")
    assert refused(held, builtins.CONFIG_MAPS, other, cluster="team-a").code == 404


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
    create(held, builtins.PODS, pod)
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
    create(held, builtins.PODS, pod)
    once = objects.deep_copy(pod)
    create(held, builtins.PODS, pod)
    assert pod == once


def test_service_accounts(held: world.DictReader) -> None:
    error = refused(held, builtins.PODS, world.pod("p", serviceAccountName="sa"))
    assert error.message.endswith('error looking up service account default/sa: serviceaccount "sa" not found')
    account = world.named("sa", "default", automountServiceAccountToken=False, imagePullSecrets=[{"name": "s"}])
    held.put("", "serviceaccounts", account)
    pod = world.pod("p", serviceAccountName="sa")
    create(held, builtins.PODS, pod)
    assert "volumes" not in pod["spec"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "s"}]


def test_priority(held: world.DictReader) -> None:
    pod = world.pod("p", priorityClassName="system-node-critical")
    create(held, builtins.PODS, pod)
    assert pod["spec"]["priority"] == 2_000_001_000
    assert (
        "no PriorityClass with name x was found"
        in refused(held, builtins.PODS, world.pod("p", priorityClassName="x")).message
    )
    assert "must not be provided" in refused(held, builtins.PODS, world.pod("p", priority=5)).message
    held.put("scheduling.k8s.io", "priorityclasses", world.named("mine", value=7, globalDefault=True))
    pod = world.pod("p")
    create(held, builtins.PODS, pod)
    assert (pod["spec"]["priority"], pod["spec"]["priorityClassName"]) == (7, "mine")
    second = world.named("second", value=8, globalDefault=True)
    assert "already marked as default" in refused(held, builtins.PRIORITY_CLASSES, second).message


def test_runtime_class(held: world.DictReader) -> None:
    assert "not found" in refused(held, builtins.PODS, world.pod("p", runtimeClassName="gvisor")).message
    made = world.named("gvisor", overhead={"podFixed": {"cpu": "1"}}, scheduling={"nodeSelector": {"a": "b"}})
    held.put("node.k8s.io", "runtimeclasses", made)
    pod = world.pod("p", runtimeClassName="gvisor")
    create(held, builtins.PODS, pod)
    assert pod["spec"]["overhead"] == {"cpu": "1"}
    assert pod["spec"]["nodeSelector"] == {"a": "b"}


def test_new_nodes_and_storage(held: world.DictReader) -> None:
    node = world.named("n1")
    create(held, builtins.NODES, node, who=world.node_user("n1"))
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
    create(held, builtins.PERSISTENT_VOLUME_CLAIMS, claim)
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
    create(held, builtins.PODS, pod)
    assert objects.annotations(pod)["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
    )


def test_limit_ranges(held: world.DictReader) -> None:
    item = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "2"}}
    held.put("", "limitranges", limit_range(**item))
    pod = world.pod("p")
    create(held, builtins.PODS, pod)
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}}
    assert pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    )
    large = [{"name": "c", "resources": {"limits": {"cpu": "3"}, "requests": {"cpu": "1"}}}]
    error = refused(held, builtins.PODS, world.pod("p", containers=large))
    assert error.message == 'pods "p" is forbidden: maximum cpu usage per Container is 2, but limit is 3'


def secured(held: world.DictReader, **labels: str) -> None:
    namespace = world.named("default")
    namespace["metadata"]["labels"] = {f"pod-security.kubernetes.io/{key}": level for key, level in labels.items()}
    held.put("", "namespaces", namespace)


def test_pod_security_words(held: world.DictReader) -> None:
    secured(held, enforce="restricted")
    error = refused(held, builtins.PODS, world.pod("p"))
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
    create(held, builtins.PODS, world.pod("p", containers=[{"name": "c", "securityContext": security}]))


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
    error = refused(held, builtins.PODS, world.pod("p", **spec))
    assert error.message == f'pods "p" is forbidden: violates PodSecurity "baseline:latest": {text}'


def test_pod_security_warns_of_templates(held: world.DictReader) -> None:
    secured(held, enforce="restricted", warn="baseline")
    template = {"spec": {"hostNetwork": True, "containers": []}}
    deployment = world.named("d", "default", spec={"template": template})
    asked = create(held, builtins.DEPLOYMENTS, deployment)
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


def test_escalation(held: world.DictReader) -> None:
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "User", "name": "alice"}
    held.put(group, "rolebindings", world.binding("b", "ClusterRole", "admin", subject, "default"))
    allowed = world.role("r", [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}], "default")
    create(held, builtins.ROLES, allowed)
    wide = world.role("r", [{"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}], "default")
    error = refused(held, builtins.ROLES, wide)
    assert error.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "alice" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}'
    )
    create(held, builtins.ROLES, wide, who=world.MASTER)
    made = world.binding("x", "ClusterRole", "cluster-admin", subject, "default")
    assert "not currently held" in refused(held, builtins.ROLE_BINDINGS, made).message
    create(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "view", subject, "default"))
    controllers = user.User("bascule:controllers", (user.AUTHENTICATED,))
    powerful = world.role("r", [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    assert "not currently held" in refused(held, builtins.CLUSTER_ROLES, powerful, who=controllers).message


def test_bind_and_escalate_lift_the_check(held: world.DictReader) -> None:
    group = "rbac.authorization.k8s.io"
    rules = [{"verbs": ["bind"], "apiGroups": [group], "resources": ["clusterroles"], "resourceNames": ["edit"]}]
    held.put(group, "clusterroles", world.role("binder", rules))
    subject = {"kind": "User", "name": "alice"}
    held.put(group, "clusterrolebindings", world.binding("b", "ClusterRole", "binder", subject))
    create(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "edit", subject, "default"))
    assert refused(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "admin", subject, "default"))


def test_a_label_of_a_role_is_a_grant(held: world.DictReader) -> None:
    """It may be what aggregates the role into everybody's."""
    group = "rbac.authorization.k8s.io"
    rules = [{"verbs": ["get", "update"], "apiGroups": [group], "resources": ["clusterroles"]}]
    held.put(group, "clusterroles", world.role("editor", rules))
    held.put(
        group, "clusterrolebindings", world.binding("b", "ClusterRole", "editor", {"kind": "User", "name": "alice"})
    )
    old = held.get(group, "clusterroles", "root", "", "cluster-admin")
    assert old is not None
    new = objects.deep_copy(old)
    new["metadata"]["ownerReferences"] = [{"uid": "u"}]
    asked = world.asks(world.ALICE, "UPDATE", builtins.CLUSTER_ROLES, new, old=old)
    world.new_chain(held).validate(asked, new)
    new["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-edit"] = "true"
    with pytest.raises(errors.StatusError, match="not currently held"):
        world.new_chain(held).validate(asked, new)


def test_missing_rights_are_listed_together(held: world.DictReader) -> None:
    wide = world.role("r", [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["nodes", "pods"]}], "default")
    assert refused(held, builtins.ROLES, wide).message.endswith(
        'held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}'
    )
    subject = {"kind": "User", "name": "alice"}
    made = world.binding("x", "Role", "gone", subject, "default")
    assert refused(held, builtins.ROLE_BINDINGS, made).message == 'roles.rbac.authorization.k8s.io "gone" not found'


def test_approval_needs_the_right_for_the_signer(held: world.DictReader) -> None:
    csr = world.named("c", spec={"signerName": "example.com/own"})
    asked = world.asks(
        world.ALICE, "UPDATE", builtins.CERTIFICATE_SIGNING_REQUESTS, csr, subresource="approval", old=csr
    )
    with pytest.raises(errors.StatusError, match="user not permitted to approve requests with signerName"):
        world.new_chain(held).validate(asked, csr)
    rules = [
        {
            "verbs": ["approve"],
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["signers"],
            "resourceNames": ["example.com/*"],
        }
    ]
    held.put("rbac.authorization.k8s.io", "clusterroles", world.role("approver", rules))
    made = world.binding("b", "ClusterRole", "approver", {"kind": "User", "name": "alice"})
    held.put("rbac.authorization.k8s.io", "clusterrolebindings", made)
    world.new_chain(held).validate(asked, csr)


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
    create(held, builtins.PODS, allowed)
    error = refused(held, builtins.PODS, world.pod("p", serviceAccountName="bounded", **spec))
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
    assert refused(held, builtins.PODS, pod, who=world.MASTER).message == f'pods "p" is forbidden: {text}'


def test_a_pod_without_its_account_is_refused(held: world.DictReader) -> None:
    held.remove("", "serviceaccounts", "default", "default")
    assert refused(held, builtins.PODS, world.pod("p")).message == (
        'pods "p" is forbidden: error looking up service account default/default: serviceaccount "default" not found'
    )
