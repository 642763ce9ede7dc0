"""The master of one logical cluster against all others: with real tokens nothing is learnt there, nor changed."""

import base64
from typing import Any, NamedTuple

import pytest

from bascule.bridge.identity import certificates, requests
from tests.unit.control.api import crds, harness

NS = "/api/v1/namespaces/default"
CUSTOM = f"/apis/{crds.GROUP}/v1/namespaces/default/crontabs"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authentication.k8s.io/v1"
BLUE, GREEN = "/clusters/blue", "/clusters/green"


class World(NamedTuple):
    api: harness.Api
    bound: str
    lasting: str


@pytest.fixture
async def world(api: harness.Api) -> World:
    """Three clusters with the same things in them; `default/default` of blue is its cluster-admin."""
    for prefix in ("", BLUE, GREEN):
        await crds.serve(api, crds.definition(), prefix.removeprefix("/clusters/"))
        await api.create(prefix + CUSTOM, crds.custom("one"))
        await api.create(f"{prefix}{NS}/configmaps", harness.config_map("one", of=prefix))
    await api.create(f"{BLUE}{RBAC}/clusterrolebindings", binding("system:serviceaccount:default:default"))
    notes = {"kubernetes.io/service-account.name": "default"}
    secret = {"metadata": {"name": "t", "annotations": notes}, "type": "kubernetes.io/service-account-token"}
    made = await api.create(f"{BLUE}{NS}/secrets", {"apiVersion": "v1", "kind": "Secret", **secret})
    token = await api.create(f"{BLUE}{NS}/serviceaccounts/default/token", {"spec": {}})
    return World(api, token["status"]["token"], base64.b64decode(made["data"]["token"]).decode())


def binding(user: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "master"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "apiGroup": group, "name": user}],
    }


def signing(name: str) -> dict[str, Any]:
    pem = requests.create(certificates.new_key(), name, ["system:masters"] if name == "root" else ["system:nodes"])
    spec = {"request": base64.b64encode(pem).decode(), "usages": ["client auth", "digital signature"]}
    signer = "kubernetes.io/kube-apiserver-client-kubelet" if name != "root" else "kubernetes.io/kube-apiserver-client"
    kind = "CertificateSigningRequest"
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "forged"},
        "spec": {**spec, "signerName": signer},
    }


READS = [
    f"{{}}{path}"
    for path in (
        "/api/v1/namespaces",
        f"{NS}/configmaps",
        f"{NS}/configmaps/one",
        f"{NS}/secrets",
        CUSTOM,
        f"{CUSTOM}/one",
        f"{CUSTOM}/one/status",
        f"/apis/{crds.GROUP}/v1/crontabs?watch=true",
        f"/apis/{crds.GROUP}/v1/namespaces/default/nothings",
        "/apis",
        "/metrics",
        "/bascule/store",
    )
]
AS: list[dict[str, str]] = [
    {},
    {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"},
    {"Impersonate-User": "bascule:controllers"},
    {"Impersonate-User": "bascule:bridgehead"},
    {"Impersonate-User": "system:kube-scheduler"},
    {"Impersonate-User": "system:node:n1", "Impersonate-Group": "system:nodes"},
    {"Impersonate-User": "system:serviceaccount:default:default"},
]


async def test_tokens_open_no_other_cluster(world: World) -> None:
    api = world.api
    before = api.platform.store.revision
    opened = []
    for token in (world.bound, world.lasting):
        assert (await api.get(f"{BLUE}{CUSTOM}/one", who=token)).code == 200
        for place in ("", GREEN, "/clusters/*", "/clusters/root", "/clusters/new"):
            for headers in AS:
                for path in READS:
                    answer = await api.get(path.format(place), who=token, headers=headers)
                    if answer.code not in (401, 403, 404):
                        opened.append((place, headers, path, answer.code))
            for method, path, body in (
                ("POST", f"{place}{CUSTOM}", crds.custom("two")),
                ("DELETE", f"{place}{CUSTOM}", None),
                ("DELETE", f"{place}{CUSTOM}/one", None),
                ("PUT", f"{place}{CUSTOM}/one", crds.custom("one", spec={"image": "x"})),
                ("POST", f"{place}{RBAC}/clusterrolebindings", binding("system:serviceaccount:default:default")),
            ):
                answer = await api.call(method, path, body, who=token)
                if answer.code not in (401, 403, 404):
                    opened.append((place, {}, path, answer.code))
    assert not opened
    assert api.platform.store.revision == before


async def test_whoever_the_master_of_a_cluster_acts_as_belongs_to_it(world: World) -> None:
    """Within blue all of these may be allowed; what they see is blue's, and blue's nodes are no nodes of others."""
    for headers in AS:
        answer = await world.api.get(f"{BLUE}{NS}/configmaps/one", who=world.bound, headers=headers)
        assert answer.code in (200, 403), headers
        if answer.code == 200:
            assert answer.body["data"] == {"of": BLUE}
        across = await world.api.get("/clusters/*/api/v1/configmaps", who=world.bound, headers=headers)
        assert across.code in (401, 403), headers


async def test_no_credential_of_the_platform_is_made_in_a_cluster(world: World) -> None:
    api, who = world.api, world.bound
    data = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}
    metadata = {"name": "bootstrap-token-abcdef"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
    path = f"{BLUE}/api/v1/namespaces/kube-system/secrets"
    await api.create(path, {**secret, "type": "bootstrap.kubernetes.io/token"}, who=who)
    for prefix in ("", BLUE):
        answer = await api.get(f"{prefix}/apis", who="abcdef.0123456789abcdef")
        assert answer.code == 401
    csrs = f"{BLUE}/apis/certificates.k8s.io/v1/certificatesigningrequests"
    for name in ("system:node:n1", "root"):
        answer = await api.call("POST", csrs, signing(name), who=who)
        if answer.code == 403:
            continue
        assert answer.code == 201, answer
        approved = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "Mine"}]}}
        await api.patch(f"{csrs}/forged/approval", approved, who=who)
        assert not (await api.get(f"{csrs}/forged", who=who)).body.get("status", {}).get("certificate")
        await api.call("DELETE", f"{csrs}/forged", who=who)


async def test_reviews_know_tokens_of_their_own_cluster_alone(world: World) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": world.bound}}
    for prefix, known in ((BLUE, True), (GREEN, False), ("", False)):
        asked = await world.api.create(f"{prefix}{REVIEWS}/tokenreviews", review)
        assert asked["status"].get("authenticated", False) is known


async def test_a_binding_in_one_cluster_gives_nothing_elsewhere(world: World) -> None:
    body = binding("jane")
    body["metadata"]["name"] = "jane"
    await world.api.create(f"{BLUE}{RBAC}/clusterrolebindings", body)
    assert (await world.api.get(f"{BLUE}{CUSTOM}", who="jane")).code == 200
    for place in ("", GREEN, "/clusters/*"):
        answer = await world.api.get(f"{place}/apis/{crds.GROUP}/v1/crontabs", who="jane")
        assert answer.code == 403, place
