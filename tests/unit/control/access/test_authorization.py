"""The platform's identities: each gets what its component needs, in every cluster, and no more."""

import pytest

from bascule.control.access import authorization, impersonation, user
from bascule.vocabulary import errors
from tests.unit.control.access import world

BRIDGEHEAD = user.User("bascule:bridgehead", (user.AUTHENTICATED,))
CONTROLLERS = user.User("bascule:controllers", (user.AUTHENTICATED,))
SCHEDULER = user.User("system:kube-scheduler", (user.AUTHENTICATED,))


@pytest.fixture
def authorizer() -> authorization.Authorizer:
    return authorization.Authorizer(world.bootstrapped())


def may(authorizer: authorization.Authorizer, who: user.User, verb: str, resource: str, **rest: str) -> bool:
    return authorizer.decide(authorization.Attributes(who, verb, resource=resource, **rest)).allowed  # type: ignore[arg-type]


def test_components_reach_every_cluster(authorizer: authorization.Authorizer) -> None:
    for cluster in ("root", "team-a", authorization.ALL_CLUSTERS):
        assert may(authorizer, BRIDGEHEAD, "watch", "pods", cluster=cluster)
        assert may(authorizer, CONTROLLERS, "list", "pods", cluster=cluster)
        assert may(authorizer, SCHEDULER, "create", "pods", subresource="binding", cluster=cluster, namespace="x")


def test_components_have_no_more_than_they_need(authorizer: authorization.Authorizer) -> None:
    assert not may(authorizer, BRIDGEHEAD, "create", "pods", namespace="default")
    assert not may(authorizer, BRIDGEHEAD, "update", "pods", subresource="status", namespace="default")
    assert not may(authorizer, SCHEDULER, "get", "secrets", namespace="default", name="s")
    assert not may(authorizer, CONTROLLERS, "impersonate", "users", name="root")
    assert not may(authorizer, CONTROLLERS, "create", "clusterroles", group="rbac.authorization.k8s.io")
    assert not may(authorizer, user.User("bascule:api", (user.AUTHENTICATED,)), "get", "pods")


def test_wildcard_cluster_is_for_components_only(authorizer: authorization.Authorizer) -> None:
    held = world.bootstrapped()
    everything = world.binding("b", "ClusterRole", "cluster-admin", {"kind": "User", "name": "alice"})
    held.put("rbac.authorization.k8s.io", "clusterrolebindings", everything)
    authorizer = authorization.Authorizer(held)
    assert may(authorizer, world.ALICE, "get", "pods")
    assert not may(authorizer, world.ALICE, "get", "pods", cluster="*")
    assert not may(authorizer, world.ALICE, "get", "pods", cluster="team-a")
    assert may(authorizer, world.MASTER, "get", "pods", cluster="*")


def test_refusal_is_worded_as_upstream(authorizer: authorization.Authorizer) -> None:
    asked = authorization.Attributes(world.ALICE, "get", "root", "apps", "deployments", "status", "one", "web")
    with pytest.raises(errors.StatusError) as caught:
        authorizer.require(asked)
    assert caught.value.code == 403
    assert caught.value.message == (
        'deployments.apps "web" is forbidden: User "alice" cannot get resource "deployments/status" '
        'in API group "apps" in the namespace "one"'
    )
    with pytest.raises(errors.StatusError) as caught:
        authorizer.require(authorization.Attributes(world.ALICE, "get", path="/metrics"))
    assert caught.value.message == 'forbidden: User "alice" cannot get path "/metrics"'


def test_discovery_for_everybody_known(authorizer: authorization.Authorizer) -> None:
    for path in ("/api", "/apis/apps/v1", "/openapi/v3", "/version", "/bascule/store"):
        assert authorizer.decide(authorization.Attributes(world.ALICE, "get", path=path)).allowed
    assert not authorizer.decide(authorization.Attributes(world.ALICE, "get", path="/metrics")).allowed


def test_bridgehead_impersonates_nodes_only(authorizer: authorization.Authorizer) -> None:
    headers = [("Impersonate-User", "system:node:n1"), ("Impersonate-Group", "system:nodes")]
    node = impersonation.impersonate(BRIDGEHEAD, headers, authorizer, "root")
    assert node.node_name() == "n1"
    assert user.AUTHENTICATED in node.groups
    for key, value in (("Impersonate-User", "alice"), ("Impersonate-Group", "system:masters")):
        with pytest.raises(errors.StatusError) as caught:
            impersonation.impersonate(BRIDGEHEAD, [*headers[:1], (key, value)], authorizer, "root")
        assert caught.value.code == 403


def test_impersonation_by_the_unprivileged(authorizer: authorization.Authorizer) -> None:
    with pytest.raises(errors.StatusError, match="cannot impersonate resource"):
        impersonation.impersonate(world.ALICE, [("impersonate-user", "bob")], authorizer, "root")
    assert impersonation.impersonate(world.ALICE, [("accept", "x")], authorizer, "root") is world.ALICE
    with pytest.raises(errors.StatusError, match="without impersonating a user"):
        impersonation.impersonate(world.MASTER, [("impersonate-group", "x")], authorizer, "root")


def test_impersonated_account_belongs_to_its_cluster(authorizer: authorization.Authorizer) -> None:
    headers = [("impersonate-user", "system:serviceaccount:ns:sa")]
    account = impersonation.impersonate(world.MASTER, headers, authorizer, "team-a")
    assert account.home == "team-a"
    assert account.groups[:2] == ("system:serviceaccounts", "system:serviceaccounts:ns")


def test_cluster_admin_of_one_cluster_cannot_leave_it() -> None:
    held = world.bootstrapped()
    everything = world.role("all", [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    held.put("rbac.authorization.k8s.io", "clusterroles", everything, cluster="team-a")
    subject = {"kind": "User", "name": "alice"}
    made = world.binding("b", "ClusterRole", "all", subject)
    held.put("rbac.authorization.k8s.io", "clusterrolebindings", made, cluster="team-a")
    authorizer = authorization.Authorizer(held)
    headers = [("impersonate-user", "x"), ("impersonate-group", "system:masters")]
    became = impersonation.impersonate(world.ALICE, headers, authorizer, "team-a")
    assert may(authorizer, became, "get", "secrets", cluster="team-a", namespace="x")
    assert not may(authorizer, became, "get", "secrets", cluster="root", namespace="x")
