"""A node's identity: what its pods need, its own objects, nothing of another node."""

import pytest

from bascule.control.access import authorization
from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world


@pytest.fixture
def held() -> world.DictReader:
    held = world.bootstrapped()
    held.put("", "nodes", {**world.named("n1"), "spec": {}})
    held.put("", "nodes", {**world.named("n2"), "spec": {}})
    env = [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k"}}}]
    volumes = [
        {"name": "v", "projected": {"sources": [{"configMap": {"name": "c1"}}, {"secret": {"name": "s2"}}]}},
        {"name": "w", "persistentVolumeClaim": {"claimName": "p1"}},
    ]
    containers = [{"name": "c", "env": env}]
    held.put(
        "",
        "pods",
        world.pod("a", nodeName="n1", serviceAccountName="sa", containers=containers, volumes=volumes),
    )
    held.put("", "pods", world.pod("b", nodeName="n2", volumes=[{"name": "v", "secret": {"secretName": "other"}}]))
    return held


def may(held: world.DictReader, verb: str, resource: str, **rest: object) -> bool:
    group = str(rest.pop("group", ""))
    asked = authorization.Attributes(world.node_user("n1"), verb, group=group, resource=resource, **rest)  # type: ignore[arg-type]
    return authorization.Authorizer(held).decide(asked).allowed


@pytest.mark.parametrize(
    ("resource", "name", "expected"),
    [
        ("secrets", "s1", True),
        ("secrets", "s2", True),
        ("secrets", "other", False),
        ("configmaps", "c1", True),
        ("configmaps", "kube-root-ca.crt", False),
        ("persistentvolumeclaims", "p1", True),
        ("pods", "a", True),
        ("pods", "b", False),
    ],
)
def test_reads_by_relation(held: world.DictReader, resource: str, name: str, expected: bool) -> None:
    assert may(held, "get", resource, namespace="default", name=name) is expected


def test_lists(held: world.DictReader) -> None:
    assert not may(held, "list", "secrets", namespace="default")
    assert not may(held, "list", "pods")
    assert may(held, "list", "pods", field_selector=(("spec.nodeName", "=", "n1"),))
    assert not may(held, "list", "pods", field_selector=(("spec.nodeName", "=", "n2"),))
    assert may(held, "get", "nodes", name="n1")
    assert not may(held, "get", "nodes", name="n2")


def test_relations_follow_the_pods(held: world.DictReader) -> None:
    authorizer = authorization.Authorizer(held)
    asked = authorization.Attributes(
        world.node_user("n1"), "get", resource="secrets", namespace="default", name="other"
    )
    assert not authorizer.decide(asked).allowed
    moved = objects.deep_copy(held.get("", "pods", "root", "default", "b"))
    moved["spec"]["nodeName"] = "n1"
    held.put("", "pods", moved)
    assert authorizer.decide(asked).allowed


def test_other_clusters_secrets_stay_hidden(held: world.DictReader) -> None:
    assert not may(held, "get", "secrets", cluster="team-a", namespace="default", name="s1")


def test_tokens_leases_and_the_rest(held: world.DictReader) -> None:
    assert may(held, "create", "serviceaccounts", subresource="token", namespace="default", name="sa")
    assert not may(held, "create", "serviceaccounts", subresource="token", namespace="default", name="default")
    lease = {"group": "coordination.k8s.io", "namespace": "kube-node-lease"}
    assert may(held, "update", "leases", name="n1", **lease)
    assert not may(held, "update", "leases", name="n2", **lease)
    assert may(held, "patch", "pods", subresource="status", namespace="default", name="a")
    assert not may(held, "create", "deployments", group="apps", namespace="default")
    assert not may(held, "update", "pods", namespace="default", name="a")


NODE_REFUSALS = [
    ("status of another node's pod", builtins.PODS, "status", "b", {}, "with spec.nodeName set to itself"),
    ("another node", builtins.NODES, "", "n2", {}, "not allowed to modify node"),
]


@pytest.mark.parametrize(("what", "row", "subresource", "name", "change", "text"), NODE_REFUSALS)
def test_restriction(
    held: world.DictReader, what: str, row: object, subresource: str, name: str, change: object, text: str
) -> None:
    plural = row.plural  # type: ignore[attr-defined]
    old = held.get("", plural, "root", "default" if plural == "pods" else "", name)
    assert old is not None
    asked = world.asks(world.node_user("n1"), "UPDATE", row, old, subresource=subresource, old=old)
    with pytest.raises(errors.StatusError, match=text):
        world.new_chain(held).validate(asked, objects.deep_copy(old))


def test_own_status_and_labels(held: world.DictReader) -> None:
    chain, node = world.new_chain(held), world.node_user("n1")
    pod = held.get("", "pods", "root", "default", "a")
    assert pod is not None
    chain.validate(world.asks(node, "UPDATE", builtins.PODS, pod, subresource="status", old=pod), pod)
    chain.validate(world.asks(node, "DELETE", builtins.PODS, pod, old=pod), None)
    old = held.get("", "nodes", "root", "", "n1")
    assert old is not None
    asked = world.asks(node, "UPDATE", builtins.NODES, old, old=old)
    for label in ("topology.kubernetes.io/zone", "example.com/rack", "node.kubernetes.io/x"):
        chain.validate(asked, {**old, "metadata": {**old["metadata"], "labels": {label: "x"}}})
    for label in ("node-restriction.kubernetes.io/secure", "kubernetes.io/role", "node-role.kubernetes.io/master"):
        with pytest.raises(errors.StatusError, match="is not allowed to modify labels"):
            chain.validate(asked, {**old, "metadata": {**old["metadata"], "labels": {label: "x"}}})
    with pytest.raises(errors.StatusError, match="taints"):
        chain.validate(asked, {**old, "spec": {"taints": [{"key": "x"}]}})


def test_tokens_are_bound_to_own_pods(held: world.DictReader) -> None:
    chain, node = world.new_chain(held), world.node_user("n1")
    for name, text in (("b", "different node"), ("gone", "not found")):
        found = held.get("", "pods", "root", "default", name)
        reference = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": objects.uid(found or {}) or "u"}
        body = {**world.named("sa", "default"), "spec": {"boundObjectRef": reference}}
        asked = world.asks(node, "CREATE", builtins.SERVICE_ACCOUNTS, body, subresource="token")
        with pytest.raises(errors.StatusError, match=text):
            chain.validate(asked, body)
    asked = world.asks(node, "CREATE", builtins.SERVICE_ACCOUNTS, world.named("sa", "default"), subresource="token")
    with pytest.raises(errors.StatusError, match="not bound to a pod"):
        chain.validate(asked, world.named("sa", "default"))


def test_events_of_another_node(held: world.DictReader) -> None:
    event = {**world.named("e", "default"), "source": {"host": "n2"}}
    asked = world.asks(world.node_user("n1"), "CREATE", builtins.EVENTS, event)
    with pytest.raises(errors.StatusError, match="of its own"):
        world.new_chain(held).validate(asked, event)
