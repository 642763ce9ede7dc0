"""Admission of roles, bindings and approvals: nobody gives what he does not have."""

import pytest

from bascule.control.access import user
from bascule.vocabulary import builtins, errors, objects
from tests.unit.control.access import world


def test_escalation(held: world.DictReader) -> None:
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "User", "name": "alice"}
    held.put(group, "rolebindings", world.binding("b", "ClusterRole", "admin", subject, "default"))
    allowed = world.role("r", [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}], "default")
    world.admit(held, builtins.ROLES, allowed)
    wide = world.role("r", [{"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}], "default")
    error = world.refused(held, builtins.ROLES, wide)
    assert error.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "alice" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}'
    )
    world.admit(held, builtins.ROLES, wide, who=world.MASTER)
    made = world.binding("x", "ClusterRole", "cluster-admin", subject, "default")
    assert "not currently held" in world.refused(held, builtins.ROLE_BINDINGS, made).message
    world.admit(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "view", subject, "default"))
    controllers = user.User("bascule:controllers", (user.AUTHENTICATED,))
    powerful = world.role("r", [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    assert "not currently held" in world.refused(held, builtins.CLUSTER_ROLES, powerful, who=controllers).message


def test_bind_and_escalate_lift_the_check(held: world.DictReader) -> None:
    group = "rbac.authorization.k8s.io"
    rules = [{"verbs": ["bind"], "apiGroups": [group], "resources": ["clusterroles"], "resourceNames": ["edit"]}]
    held.put(group, "clusterroles", world.role("binder", rules))
    subject = {"kind": "User", "name": "alice"}
    held.put(group, "clusterrolebindings", world.binding("b", "ClusterRole", "binder", subject))
    world.admit(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "edit", subject, "default"))
    assert world.refused(held, builtins.ROLE_BINDINGS, world.binding("x", "ClusterRole", "admin", subject, "default"))


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
    assert world.refused(held, builtins.ROLES, wide).message.endswith(
        'held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}'
    )
    subject = {"kind": "User", "name": "alice"}
    made = world.binding("x", "Role", "gone", subject, "default")
    assert (
        world.refused(held, builtins.ROLE_BINDINGS, made).message == 'roles.rbac.authorization.k8s.io "gone" not found'
    )


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
