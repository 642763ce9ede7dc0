"""Reviews: the same answers as authorization gives, in the form of the API."""

from typing import Any

import pytest

from bascule.control.access import authorization, review, review_causes
from bascule.vocabulary import errors, objects
from tests.unit.control.access import world


@pytest.fixture
def authorizer() -> authorization.Authorizer:
    held = world.bootstrapped()
    subject = {"kind": "User", "name": "alice"}
    held.put("rbac.authorization.k8s.io", "rolebindings", world.binding("b", "ClusterRole", "view", subject, "default"))
    return authorization.Authorizer(held)


def self_review(**attributes: str) -> objects.Object:
    return {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}


def test_self_subject_access(authorizer: authorization.Authorizer) -> None:
    for verb, expected in (("get", True), ("create", False)):
        asked = self_review(verb=verb, resource="pods", namespace="default")
        review.access(asked, world.ALICE, authorizer, "root")
        assert asked["status"]["allowed"] is expected
    asked = {"kind": "SelfSubjectAccessReview", "spec": {"nonResourceAttributes": {"verb": "get", "path": "/api"}}}
    review.access(asked, world.ALICE, authorizer, "root")
    assert asked["status"]["allowed"]


def test_subject_access_of_others(authorizer: authorization.Authorizer) -> None:
    attributes = {"verb": "get", "resource": "pods", "namespace": "default"}
    for name, expected in (("alice", True), ("bob", False)):
        asked: objects.Object = {
            "kind": "SubjectAccessReview",
            "spec": {"user": name, "resourceAttributes": attributes},
        }
        review.access(asked, world.MASTER, authorizer, "root")
        assert asked["status"]["allowed"] is expected


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "SubjectAccessReview", "spec": {"resourceAttributes": {"verb": "get"}}},
        {"kind": "SubjectAccessReview", "spec": {"user": "alice"}},
        {"kind": "SelfSubjectAccessReview", "spec": {}},
        {
            "kind": "LocalSubjectAccessReview",
            "metadata": {"namespace": "one"},
            "spec": {"user": "a", "resourceAttributes": {"namespace": "two"}},
        },
    ],
)
def test_incomplete_reviews(authorizer: authorization.Authorizer, body: dict[str, Any]) -> None:
    with pytest.raises(errors.StatusError) as caught:
        review.access(body, world.ALICE, authorizer, "root")
    assert caught.value.code == 422


def test_rules(authorizer: authorization.Authorizer) -> None:
    asked: objects.Object = {"kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"}}
    review.rules(asked, world.ALICE, authorizer, "root")
    status = asked["status"]
    assert any("pods" in rule["resources"] and "get" in rule["verbs"] for rule in status["resourceRules"])
    assert any("/api" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    assert status["incomplete"] is False
    review.rules(asked, world.MASTER, authorizer, "root")
    assert asked["status"]["resourceRules"][0] == {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def test_who_am_i() -> None:
    asked: objects.Object = {"kind": "SelfSubjectReview"}
    review.subject(asked, world.ALICE)
    assert asked["status"]["userInfo"] == {"username": "alice", "groups": ["system:authenticated"]}


@pytest.mark.parametrize(
    ("selector", "field", "text"),
    [
        ({}, "requirements", "when spec.resourceAttributes.fieldSelector is specified"),
        ({"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]}, "rawSelector", "same time"),
        ({"requirements": [{"key": "a", "operator": "In"}]}, "requirements[0].values", "must be specified when"),
        ({"requirements": [{"key": "a", "operator": "Gt"}]}, "requirements[0].operator", "not a valid selector"),
    ],
)
def test_selectors_are_checked(selector: dict[str, Any], field: str, text: str) -> None:
    body = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {"fieldSelector": selector}}}
    (cause,) = review_causes.of(body)
    assert cause.field == f"spec.resourceAttributes.fieldSelector.{field}"
    assert text in cause.message


def test_a_node_may_list_its_own_pods(authorizer: authorization.Authorizer) -> None:
    for value, expected in (("n1", True), ("n2", False)):
        selector = {"requirements": [{"key": "spec.nodeName", "operator": "In", "values": [value]}]}
        asked: objects.Object = {
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "fieldSelector": selector}},
        }
        review.access(asked, world.node_user("n1"), authorizer, "root")
        assert asked["status"]["allowed"] is expected
        selector["requirements"][0]["values"] = [value, "n3"]
        review.access(asked, world.node_user("n1"), authorizer, "root")
        assert not asked["status"]["allowed"]
        assert "not supported" in asked["status"]["evaluationError"]


def test_metadata_must_be_empty() -> None:
    body = {"kind": "SelfSubjectAccessReview", "metadata": {"name": "x"}, "spec": {"resourceAttributes": {}}}
    assert [cause.field for cause in review_causes.of(body)] == ["metadata"]


def test_a_binding_to_a_missing_role_is_said() -> None:
    held = world.bootstrapped()
    subject = {"kind": "User", "name": "alice"}
    held.put("rbac.authorization.k8s.io", "rolebindings", world.binding("b", "Role", "gone", subject, "default"))
    decision = authorization.Authorizer(held).decide(
        authorization.Attributes(world.ALICE, "get", resource="pods", namespace="default")
    )
    assert decision == (False, 'RBAC: role.rbac.authorization.k8s.io "gone" not found')
