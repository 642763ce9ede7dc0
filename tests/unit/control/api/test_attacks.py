"""What each identity must not do, asked for over HTTP as the identities that a real installation has."""

import base64
from typing import Any

import orjson
import pytest

from bascule.bridge.identity import authority, certificates
from bascule.bridge.identity import requests as signing_requests
from bascule.vocabulary import clock
from tests.unit.control.api import harness

CORE = "/api/v1"
NS = f"{CORE}/namespaces/default"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
NODE, OTHER = "system:node:n1", "system:node:n2"
BRIDGEHEAD, CONTROLLERS, SCHEDULER = "bascule:bridgehead", "bascule:controllers", "system:kube-scheduler"
JOINER = "abcdef.0123456789abcdef"
Json = harness.Object


def _node(name: str, **metadata: Any) -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, **metadata}}


CERTIFICATE = base64.b64encode(authority.create("forged", clock=clock.SystemClock()).certificate_pem).decode()
"""Well-formed, so that it is refused for who sends it."""


def _lease(name: str) -> Json:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {}}


def _token(**reference: str) -> Json:
    bound = {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", **reference}} if reference else {}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["x"], **bound}}


def _csr(name: str, common_name: str, groups: list[str], signer: str = "kube-apiserver-client") -> Json:
    pem = signing_requests.create(certificates.new_key(), common_name, groups)
    spec = {"request": base64.b64encode(pem).decode(), "signerName": f"kubernetes.io/{signer}"}
    spec["usages"] = ["client auth", "digital signature"]  # type: ignore[assignment]
    kind = "CertificateSigningRequest"
    return {"apiVersion": "certificates.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _role(kind: str, name: str, **rule: list[str]) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], **rule}],
    }


def _binding(kind: str, name: str, role: str, *users: str) -> Json:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "apiGroup": group, "name": user} for user in users],
    }


EVENT: Json = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "e"},
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p2"},
    "source": {"host": "n2"},
}
EVICTION: Json = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p2"}}
BINDING: Json = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p0"}, "target": {"name": "n1"}}
MASTERS = {"Impersonate-User": "anybody", "Impersonate-Group": "system:masters"}
APPROVED = {"conditions": [{"type": "Approved", "status": "True", "reason": "r", "message": "m"}]}
LABELS = {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}

# (who, method, path, body, further headers); PATCHes are merge patches.
ATTACKS: list[tuple[str, str, str, Any, dict[str, str]]] = [
    # A node's identity: other nodes, and of its own what it must not change.
    (NODE, "GET", f"{CORE}/nodes/n2", None, {}),
    (NODE, "GET", f"{CORE}/nodes", None, {}),
    (NODE, "GET", f"{CORE}/nodes?watch=1", None, {}),
    (NODE, "PUT", f"{CORE}/nodes/n2", _node("n2"), {}),
    (NODE, "PUT", f"{CORE}/nodes/n2/status", _node("n2"), {}),
    (NODE, "PATCH", f"{CORE}/nodes/n2/status", {"status": {"phase": "Running"}}, {}),
    (NODE, "PATCH", f"{CORE}/nodes/n1", LABELS, {}),
    (NODE, "PATCH", f"{CORE}/nodes/n1/status", LABELS, {}),
    (NODE, "PATCH", f"{CORE}/nodes/n1", {"spec": {"taints": []}}, {}),
    (NODE, "DELETE", f"{CORE}/nodes/n1", None, {}),
    (NODE, "POST", f"{CORE}/nodes", _node("n3"), {}),
    (NODE, "DELETE", f"{CORE}/nodes", None, {}),
    # Its pods' secrets, and nobody else's.
    (NODE, "GET", f"{NS}/secrets/s2", None, {}),
    (NODE, "GET", f"{NS}/secrets", None, {}),
    (NODE, "GET", f"{NS}/secrets?fieldSelector=metadata.name=s2", None, {}),
    (NODE, "GET", f"{NS}/secrets?watch=1&fieldSelector=metadata.name=s2", None, {}),
    (NODE, "GET", f"{NS}/secrets?watch=1&fieldSelector=metadata.name!=s2", None, {}),
    (NODE, "GET", f"{CORE}/watch/namespaces/default/secrets/s2", None, {}),
    (NODE, "PATCH", f"{NS}/secrets/s1", {"data": {}}, {}),
    (NODE, "GET", f"{CORE}/secrets", None, {}),
    (NODE, "GET", f"{NS}/configmaps/c2", None, {}),
    (NODE, "GET", f"{NS}/serviceaccounts/default", None, {}),
    # Tokens: only for a pod that runs on it, and bound to it.
    (NODE, "POST", f"{NS}/serviceaccounts/a1/token", _token(), {}),
    (NODE, "POST", f"{NS}/serviceaccounts/a1/token", _token(name="p2", uid="$p2"), {}),
    (NODE, "POST", f"{NS}/serviceaccounts/a1/token", _token(name="p1"), {}),
    (NODE, "POST", f"{NS}/serviceaccounts/a2/token", _token(name="p2", uid="$p2"), {}),
    (
        NODE,
        "POST",
        f"{NS}/serviceaccounts/a1/token",
        {**_token(name="n1"), "spec": {"boundObjectRef": _node("n1")}},
        {},
    ),
    # Pods: of its own the status alone.
    (NODE, "GET", f"{CORE}/pods", None, {}),
    (NODE, "GET", f"{CORE}/pods?fieldSelector=spec.nodeName=n2", None, {}),
    (NODE, "GET", f"{NS}/pods/p2", None, {}),
    (NODE, "PATCH", f"{NS}/pods/p2/status", {"status": {"phase": "Failed"}}, {}),
    (NODE, "PATCH", f"{NS}/pods/p1/status", {"metadata": {"labels": {"app": "other"}}}, {}),
    (NODE, "PATCH", f"{NS}/pods/p1", {"metadata": {"labels": {"app": "other"}}}, {}),
    (NODE, "DELETE", f"{NS}/pods/p2", None, {}),
    (NODE, "DELETE", f"{NS}/pods", None, {}),
    (NODE, "POST", f"{NS}/pods/p2/eviction", EVICTION, {}),
    (NODE, "POST", f"{NS}/pods/p0/binding", BINDING, {}),
    (NODE, "POST", f"{NS}/bindings", BINDING, {}),
    (NODE, "GET", f"{NS}/pods/p1/exec?command=sh", None, {}),
    (NODE, "GET", f"{NS}/pods/p1/log", None, {}),
    (NODE, "POST", f"{NS}/pods", harness.pod("mine", nodeName="n1"), {}),
    # And the rest.
    (NODE, "PUT", f"{LEASES}/n2", _lease("n2"), {}),
    (NODE, "POST", LEASES, _lease("n2"), {}),
    (NODE, "POST", LEASES.replace("kube-node-lease", "kube-system"), _lease("n1"), {}),
    (NODE, "POST", f"{NS}/events", EVENT, {}),
    (NODE, "GET", f"{RBAC}/clusterroles", None, {}),
    (NODE, "POST", CSRS, _csr("node-masters", "x", ["system:masters"]), {}),
    (NODE, "GET", f"{CORE}/namespaces", None, {"Impersonate-User": OTHER}),
    (NODE, "GET", f"{CORE}/namespaces", None, MASTERS),
    # A token for joining asks for a certificate and for nothing else.
    (JOINER, "GET", f"{CORE}/nodes", None, {}),
    (JOINER, "GET", f"{CORE}/namespaces/kube-system/secrets", None, {}),
    (JOINER, "POST", f"{CORE}/nodes", _node("n9"), {}),
    (JOINER, "POST", CSRS, _csr("join-masters", "x", ["system:masters"]), {}),
    # Users whom the admin gave a little.
    ("jane", "GET", f"{NS}/pods", None, MASTERS),
    ("jane", "GET", f"{NS}/pods", None, {"Impersonate-User": "admin"}),
    ("jane", "GET", f"{NS}/pods", None, {"Impersonate-User": "jane", "Impersonate-Uid": "1"}),
    ("jane", "GET", f"{NS}/pods", None, {"Impersonate-User": "jane", "Impersonate-Extra-Scopes": "all"}),
    ("roles", "POST", f"{RBAC}/clusterroles", _role("ClusterRole", "all"), {}),
    ("roles", "POST", f"{RBAC}/namespaces/default/roles", _role("Role", "some", resources=["secrets"]), {}),
    ("roles", "PATCH", f"{RBAC}/clusterroles/small", {"rules": _role("", "")["rules"]}, {}),
    ("roles", "POST", f"{RBAC}/clusterrolebindings", _binding("ClusterRoleBinding", "x", "cluster-admin", "roles"), {}),
    (
        "roles",
        "PATCH",
        f"{RBAC}/clusterrolebindings/cluster-admin",
        {"subjects": _binding("", "", "", "roles")["subjects"]},
        {},
    ),
    ("signer", "POST", CSRS, _csr("masters", "jane", ["system:masters"]), {}),
    ("signer", "PATCH", f"{CSRS}/waiting/approval", {"status": APPROVED}, {}),
    ("signer", "PATCH", f"{CSRS}/waiting/status", {"status": {"certificate": CERTIFICATE}}, {}),
    ("putter", "PUT", f"{LEASES}/new", _lease("new"), {}),  # may update, not create
    (
        "putter",
        "PATCH",
        f"{LEASES}/new?fieldManager=m",
        _lease("new"),
        {"Content-Type": "application/apply-patch+yaml"},
    ),
    # The platform's own components.
    (BRIDGEHEAD, "GET", f"{CORE}/namespaces", None, MASTERS),
    (BRIDGEHEAD, "GET", f"{CORE}/namespaces", None, {"Impersonate-User": "admin"}),
    (BRIDGEHEAD, "GET", f"{CORE}/namespaces", None, {"Impersonate-User": NODE, "Impersonate-Group": "system:masters"}),
    (BRIDGEHEAD, "GET", f"{CORE}/namespaces", None, {"Impersonate-User": CONTROLLERS}),
    (BRIDGEHEAD, "PATCH", f"{NS}/pods/p1/status", {"status": {"phase": "Failed"}}, {}),
    (BRIDGEHEAD, "DELETE", f"{NS}/pods/p1", None, {}),
    (BRIDGEHEAD, "PATCH", f"{CORE}/nodes/n1/status", {"status": {"phase": "x"}}, {}),
    (BRIDGEHEAD, "POST", f"{NS}/serviceaccounts/a1/token", _token(), {}),
    (BRIDGEHEAD, "PATCH", f"{NS}/secrets/s1", {"data": {}}, {}),
    (BRIDGEHEAD, "GET", f"{NS}/pods/p1/exec?command=sh", None, {}),
    (BRIDGEHEAD, "POST", CSRS, _csr("b", "x", []), {}),
    (CONTROLLERS, "GET", f"{CORE}/namespaces", None, MASTERS),
    (CONTROLLERS, "GET", f"{CORE}/namespaces", None, {"Impersonate-User": NODE, "Impersonate-Group": "system:nodes"}),
    (CONTROLLERS, "POST", f"{NS}/serviceaccounts/a1/token", _token(), {}),
    (CONTROLLERS, "POST", f"{NS}/pods/p0/binding", BINDING, {}),
    (CONTROLLERS, "GET", f"{NS}/pods/p1/exec?command=sh", None, {}),
    (CONTROLLERS, "POST", f"{RBAC}/clusterroles", _role("ClusterRole", "all"), {}),
    (CONTROLLERS, "PATCH", f"{RBAC}/clusterroles/small", {"rules": _role("", "")["rules"]}, {}),
    (
        CONTROLLERS,
        "PATCH",
        f"{RBAC}/clusterrolebindings/cluster-admin",
        {"subjects": _binding("", "", "", CONTROLLERS)["subjects"]},
        {},
    ),
    (CONTROLLERS, "PATCH", f"{CSRS}/waiting/approval", {"status": APPROVED}, {}),
    (CONTROLLERS, "POST", f"{CORE}/nodes", _node("n9"), {}),
    (SCHEDULER, "GET", f"{NS}/secrets/s1", None, {}),
    (SCHEDULER, "GET", f"{NS}/configmaps", None, {}),
    (SCHEDULER, "POST", f"{NS}/pods", harness.pod("x"), {}),
    (SCHEDULER, "PATCH", f"{NS}/pods/p1", {"metadata": {"labels": {"a": "b"}}}, {}),
    (SCHEDULER, "PATCH", f"{CORE}/nodes/n1", {"spec": {"unschedulable": True}}, {}),
    (SCHEDULER, "POST", f"{NS}/serviceaccounts/a1/token", _token(), {}),
    (SCHEDULER, "GET", f"{NS}/pods/p1/log", None, {}),
    ("bascule:api", "GET", f"{NS}/pods", None, {}),
    ("bascule:api", "GET", f"{NS}/secrets/s1", None, {}),
    ("bascule:api", "GET", "/metrics", None, {}),
    ("jane", "GET", "/metrics", None, {}),
]


async def _furnish(api: harness.Api) -> None:
    """Two nodes with a pod each, which use a secret and an account each; a pod without a node; some users' roles."""
    for number in ("1", "2"):
        taint = {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
        await api.create(f"{CORE}/nodes", {**_node(f"n{number}"), **taint})
        for plural, kind, name in (
            ("secrets", "Secret", f"s{number}"),
            ("configmaps", "ConfigMap", f"c{number}"),
            ("serviceaccounts", "ServiceAccount", f"a{number}"),
        ):
            await api.create(f"{NS}/{plural}", {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
        volumes = [{"name": "v", "secret": {"secretName": f"s{number}"}}]
        spec = {"nodeName": f"n{number}", "serviceAccountName": f"a{number}", "volumes": volumes}
        await api.create(f"{NS}/pods", harness.pod(f"p{number}", automountServiceAccountToken=False, **spec))
    await api.create(f"{NS}/pods", harness.pod("p0", automountServiceAccountToken=False))
    await api.create(CSRS, _csr("waiting", "jane", []))
    token = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bootstrap-token-abcdef"}, "stringData": token}
    await api.create(f"{CORE}/namespaces/kube-system/secrets", {**secret, "type": "bootstrap.kubernetes.io/token"})
    granted = {
        "roles": _role(
            "ClusterRole", "roles", apiGroups=["rbac.authorization.k8s.io"], verbs=["create", "patch", "get"]
        ),
        "signer": _role("ClusterRole", "signer", apiGroups=["certificates.k8s.io"], verbs=["create", "patch", "get"]),
        "putter": _role("ClusterRole", "putter", apiGroups=["coordination.k8s.io"], verbs=["update", "patch", "get"]),
    }
    granted["signer"]["rules"][0]["resources"] = ["certificatesigningrequests", "certificatesigningrequests/*"]
    granted["signer"]["rules"][0]["resources"] += [
        f"certificatesigningrequests/{name}" for name in ("approval", "status")
    ]
    await api.create(f"{RBAC}/clusterroles", _role("ClusterRole", "small", resources=["pods"], verbs=["get"]))
    for name, role in granted.items():
        await api.create(f"{RBAC}/clusterroles", role)
        await api.create(f"{RBAC}/clusterrolebindings", _binding("ClusterRoleBinding", name, name, name))


async def _with_uids(api: harness.Api, body: Any) -> Any:
    text = orjson.dumps(body)
    for name in ("p1", "p2"):
        if f"${name}".encode() in text:
            uid = (await api.get(f"{NS}/pods/{name}")).body["metadata"]["uid"]
            text = text.replace(f"${name}".encode(), uid.encode())
    return orjson.loads(text)


async def _ask(
    api: harness.Api, who: str, method: str, path: str, body: Any, headers: dict[str, str]
) -> harness.Answer:
    media = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
    return await api.call(method, path, await _with_uids(api, body) if body else None, who=who, headers=media | headers)


async def test_every_attack_is_refused_and_changes_nothing(api: harness.Api) -> None:
    await _furnish(api)
    before = api.platform.store.revision
    failed = []
    for who, method, path, body, headers in ATTACKS:
        answer = await _ask(api, who, method, path, body, headers)
        if (answer.code, answer.body["reason"]) != (403, "Forbidden"):
            failed.append(f"{who} {method} {path} {headers}: {answer.code} {answer.body}")
    assert not failed, "\n".join(failed)
    assert api.platform.store.revision == before


ALLOWED: list[tuple[str, str, str, Any, dict[str, str]]] = [
    (NODE, "GET", f"{CORE}/nodes/n1", None, {}),
    (NODE, "GET", f"{NS}/secrets/s1", None, {}),
    (NODE, "GET", f"{NS}/secrets?fieldSelector=metadata.name=s1", None, {}),
    (NODE, "GET", f"{CORE}/pods?fieldSelector=spec.nodeName=n1", None, {}),
    (NODE, "PATCH", f"{NS}/pods/p1/status", {"status": {"phase": "Running"}}, {}),
    (NODE, "POST", f"{NS}/serviceaccounts/a1/token", _token(name="p1", uid="$p1"), {}),
    (NODE, "POST", LEASES, _lease("n1"), {}),
    (NODE, "POST", CSRS, _csr("renewal", NODE, ["system:nodes"], "kube-apiserver-client-kubelet"), {}),
    (JOINER, "POST", CSRS, _csr("join", "system:node:n9", ["system:nodes"], "kube-apiserver-client-kubelet"), {}),
    (BRIDGEHEAD, "GET", f"{CORE}/secrets", None, {}),
    (
        BRIDGEHEAD,
        "PATCH",
        f"{NS}/pods/p1/status",
        {"status": {"reason": "X"}},
        {"Impersonate-User": NODE, "Impersonate-Group": "system:nodes"},
    ),
    (CONTROLLERS, "POST", f"{NS}/pods", harness.pod("x", automountServiceAccountToken=False), {}),
    (SCHEDULER, "POST", f"{NS}/pods/p0/binding", BINDING, {}),
]


async def test_what_they_are_there_for_is_allowed(api: harness.Api) -> None:
    await _furnish(api)
    for who, method, path, body, headers in ALLOWED:
        answer = await _ask(api, who, method, path, body, headers)
        assert answer.code in (200, 201), (who, method, path, answer)


@pytest.mark.parametrize("name", ["system:masters", "bascule:controllers", "system:node:n2"])
async def test_an_approver_cannot_have_a_certificate_of_the_platform_signed(api: harness.Api, name: str) -> None:
    """The signer refuses what admission lets through, whoever approved it."""
    answer = await api.call("POST", CSRS, _csr("forged", name, []))
    assert answer.code == 201
    approved = await api.patch(f"{CSRS}/forged/approval", {"status": APPROVED})
    assert approved.code == 200
    assert not approved.body["status"].get("certificate")
    assert "Failed" in {condition["type"] for condition in approved.body["status"]["conditions"]}


async def test_a_role_that_is_not_there_cannot_be_granted(api: harness.Api) -> None:
    await _furnish(api)
    body = _binding("RoleBinding", "x", "absent", "roles")
    answer = await api.call("POST", f"{RBAC}/namespaces/default/rolebindings", body, who="roles")
    assert (answer.code, answer.body["message"]) == (
        404,
        'clusterroles.rbac.authorization.k8s.io "absent" not found',
    )
