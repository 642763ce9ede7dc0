"""What a server makes right when it starts: default roles and bindings; and the documents tokens are checked by."""

from bascule.control.api import assembly
from tests.unit.control.api import harness

RBAC = "/apis/rbac.authorization.k8s.io/v1"
KEPT = {"metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}}


async def test_default_roles_and_bindings_are_restored(api: harness.Api) -> None:
    path = f"{RBAC}/clusterrolebindings/system:monitoring"
    binding = (await api.get(path)).body
    await api.call("DELETE", path)
    elsewhere = {**binding, "roleRef": {**binding["roleRef"], "name": "view"}}
    elsewhere["metadata"] = {"name": "system:monitoring"}
    await api.create(f"{RBAC}/clusterrolebindings", elsewhere)
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "extra"}
    await api.patch(f"{RBAC}/clusterrolebindings/system:basic-user", {"subjects": [subject]})
    for role in ("system:discovery", "system:basic-user"):
        await api.patch(f"{RBAC}/clusterroles/{role}", {"rules": []})
    await api.patch(f"{RBAC}/clusterroles/system:basic-user", KEPT)
    await assembly.create_defaults(api.platform)
    assert (await api.get(path)).body["roleRef"] == binding["roleRef"]
    subjects = (await api.get(f"{RBAC}/clusterrolebindings/system:basic-user")).body["subjects"]
    assert [one["name"] for one in subjects] == ["extra", "system:authenticated"]
    assert (await api.get(f"{RBAC}/clusterroles/system:discovery")).body["rules"]
    assert not (await api.get(f"{RBAC}/clusterroles/system:basic-user")).body.get("rules")
    before = api.platform.store.revision
    await assembly.create_defaults(api.platform)
    assert api.platform.store.revision == before


async def test_anybody_with_an_account_can_check_a_token(api: harness.Api) -> None:
    namespace = "/api/v1/namespaces/default"
    token = (await api.create(f"{namespace}/serviceaccounts/default/token", {"spec": {}}))["status"]["token"]
    document = await api.get("/.well-known/openid-configuration", who=token)
    assert document.headers["Content-Type"] == "application/json"
    assert document.headers["Cache-Control"] == "public, max-age=3600"
    assert document.body["jwks_uri"] == f"{document.body['issuer']}/openid/v1/jwks"
    keys = await api.get("/openid/v1/jwks", who=token)
    assert keys.headers["Content-Type"] == "application/jwk-set+json"
    assert (await api.get("/openid/v1/jwks", who="somebody")).code == 403


async def test_reviews_have_no_time_of_creation(api: harness.Api) -> None:
    made = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {"creationTimestamp": None},
    }
    assert (await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", made))["metadata"] == {}
