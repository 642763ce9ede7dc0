"""Discovery, what is refused, and identity, as conformance tests look at them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bascule.vocabulary import builtins, objects
from tests.clients import plane as planes
from tests.unit.control.kinds import samples


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[planes.Plane]:
    with planes.running(tmp_path_factory.mktemp("api")) as running:
        yield running


# --- Discovery


def test_groups_and_versions_and_their_preferences(plane: planes.Plane) -> None:
    groups = plane.get("/apis")["groups"]
    assert plane.get("/api")["versions"] == ["v1"]
    for group in groups:
        assert plane.get(f"/apis/{group['name']}") == {"kind": "APIGroup", "apiVersion": "v1", **group}
        assert group["preferredVersion"] in group["versions"]
        for version in group["versions"]:
            assert version["groupVersion"] == f"{group['name']}/{version['version']}"
            found = plane.get(f"/apis/{version['groupVersion']}")
            assert (found["kind"], found["groupVersion"]) == ("APIResourceList", version["groupVersion"])
    for path, wanted in {
        "/apis/admissionregistration.k8s.io/v1": {
            "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies",
            "validatingadmissionpolicies/status", "validatingadmissionpolicybindings"},
        "/apis/certificates.k8s.io/v1": {
            "certificatesigningrequests", "certificatesigningrequests/approval", "certificatesigningrequests/status"},
        "/apis/flowcontrol.apiserver.k8s.io/v1": {
            "flowschemas", "flowschemas/status", "prioritylevelconfigurations", "prioritylevelconfigurations/status"},
        "/apis/events.k8s.io/v1": {"events"},
        "/apis/discovery.k8s.io/v1": {"endpointslices"},
        "/apis/networking.k8s.io/v1": {
            "ingresses", "ingresses/status", "ingressclasses", "servicecidrs", "ipaddresses"},
        "/apis/node.k8s.io/v1": {"runtimeclasses"},
        "/apis/storage.k8s.io/v1": {"csinodes", "storageclasses", "csistoragecapacities", "volumeattachments"},
        "/apis/batch/v1": {"cronjobs", "cronjobs/status", "jobs", "jobs/status"},
        "/apis/resource.k8s.io/v1": {"resourceclaims", "resourceclaims/status", "deviceclasses", "resourceslices"},
    }.items():  # fmt: skip
        assert wanted <= {one["name"] for one in plane.get(path)["resources"]}, path


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery(plane: planes.Plane, path: str, version: str) -> None:
    accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    code, found = plane.ask("GET", path, Accept=accept + ",application/json")
    assert (code, found["kind"], found["apiVersion"]) == (
        200,
        "APIGroupDiscoveryList",
        f"apidiscovery.k8s.io/{version}",
    )
    code, _header = plane.ask("GET", path, Accept=accept)
    assert code == 200
    rows = {
        (group["metadata"].get("name", ""), one["version"], each["resource"])
        for group in found["items"]
        for one in group["versions"]
        for each in one["resources"]
    }
    wanted = {(row.group, row.version, row.plural) for row in builtins.REGISTRY if bool(row.group) == (path == "/apis")}
    assert wanted <= rows | {
        (row.group, row.version, row.plural) for row in builtins.REGISTRY if row.verbs == ("create",)
    }


def test_health_and_version(plane: planes.Plane) -> None:
    for path in ("/healthz", "/livez", "/readyz", "/livez/ping", "/healthz/ping"):
        assert plane.ask("GET", path)[0] == 200, path
    version = plane.get("/version")
    assert version["major"] == "1"
    assert version["minor"].rstrip("+").isdigit()
    assert re.fullmatch("[0-9a-f]+", version["gitCommit"])


# --- What is refused


def test_unknown_and_repeated_fields_are_told(plane: planes.Plane) -> None:
    path = f"/apis/apps/v1/namespaces/{plane.space()}/deployments?fieldValidation=Strict"
    spec = '"selector":{{"matchLabels":{{"app":"n"}}}},"template":{}'.format(
        json.dumps({"metadata": {"labels": {"app": "n"}}, "spec": {"containers": [{"name": "n", "image": "n:1"}]}})
    )
    head = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"%s},"spec":{'
    bad = head % "" + f'"unknownField":"foo","replicas":2,"replicas":3,{spec}' + "}}"
    code, refused = plane.ask("POST", path, bad.encode())
    assert code == 400
    assert (
        'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"'
        in refused["message"]
    )
    code, refused = plane.ask("POST", path, (head % ',"unknownMeta":"foo"' + spec + "}}").encode())
    assert 'strict decoding error: unknown field "metadata.unknownMeta"' in refused["message"]


@pytest.mark.parametrize("plural", ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"])
def test_match_conditions_are_compiled(plane: planes.Plane, plural: str) -> None:
    path = f"/apis/admissionregistration.k8s.io/v1/{plural}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothings"]}

    def configuration(*expressions: str) -> objects.Object:
        conditions = [{"name": f"c{index}", "expression": text} for index, text in enumerate(expressions)]
        webhook = {
            "name": "validation.example.com", "rules": [rule], "sideEffects": "None", "failurePolicy": "Ignore",
            "clientConfig": {"service": {"name": "s", "namespace": "default", "path": "/x", "port": 8443}},
            "admissionReviewVersions": ["v1", "v1beta1"], "matchConditions": conditions,
            "namespaceSelector": {"matchLabels": {"nobody": "true"}},
        }  # fmt: skip
        return {"metadata": {"name": "m"}, "webhooks": [webhook]}

    for bad in ("... [] bad expression", "object.a ==", "oldObject.metadata.name + 1 == unknown", "1 + 1"):
        code, refused = plane.ask("POST", path, configuration("true", bad))
        assert code == 422, (bad, refused)
        assert "compilation failed" in refused["message"] or "must evaluate to bool" in refused["message"]
    assert "compilation failed" in plane.ask("POST", path, configuration("... [] bad expression"))[1]["message"]
    good = (
        "object.metadata.namespace == 'test'",
        "!(request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases')",
        "!('system:nodes' in request.userInfo.groups)",
        "has(oldObject.spec) || request.operation == 'CREATE'",
        "authorizer.group('').resource('pods').namespace('default').check('get').allowed()",
    )
    made = plane.make(path, configuration(*good))
    assert [one["expression"] for one in made["webhooks"][0]["matchConditions"]] == list(good)
    made["webhooks"][0]["matchConditions"] = [{"name": "only", "expression": "object.metadata.name != 'skip-me'"}]
    plane.done("PUT", f"{path}/m", made)
    (kept,) = plane.get(f"{path}/m")["webhooks"][0]["matchConditions"]
    assert kept == {"name": "only", "expression": "object.metadata.name != 'skip-me'"}
    code, refused = plane.ask(
        "PUT", f"{path}/m", {**configuration("bad ("), "metadata": plane.get(f"{path}/m")["metadata"]}
    )
    assert "compilation failed" in refused["message"]
    plane.done("DELETE", path)


def test_policies_expressions_are_compiled(plane: planes.Plane) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}

    def policy(expression: str, **spec: Any) -> objects.Object:
        return {
            "metadata": {"name": "p"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule], "namespaceSelector": {"matchLabels": {"nobody": "x"}}},
                "validations": [{"expression": expression}],
                **spec,
            },
        }

    code, refused = plane.ask("POST", path, policy("object.spec.replicas >"))
    assert code == 422
    assert "compilation failed" in refused["message"]
    variables = [{"name": "big", "expression": "object.spec.replicas > 1"}]
    plane.make(
        path,
        policy(
            "variables.big && params.x == 1",
            variables=variables,
            paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
            matchConditions=[{"name": "a", "expression": "request.name != 'a'"}],
        ),
    )
    plane.done("DELETE", f"{path}/p")


def test_policies_are_checked_against_the_types_they_match(plane: planes.Plane) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    match = {"resourceRules": [rule], "namespaceSelector": {"matchLabels": {"nobody": "x"}}}
    right = {"matchConstraints": match, "validations": [{"expression": "object.spec.replicas > 1"}]}
    wrong = {
        "expression": "object.spec.replicas > '1'",
        "messageExpression": "'wants replicas > 1, got ' + object.spec.replicas",
    }
    plane.make(path, {"metadata": {"name": "right"}, "spec": right})
    plane.make(path, {"metadata": {"name": "wrong"}, "spec": {**right, "validations": [wrong]}})
    checked = plane.until(f"{path}/right", lambda one: (one.get("status") or {}).get("typeChecking") is not None)
    assert not checked["status"]["typeChecking"].get("expressionWarnings")
    checked = plane.until(f"{path}/wrong", lambda one: (one.get("status") or {}).get("typeChecking"))
    first, second = checked["status"]["typeChecking"]["expressionWarnings"]
    assert first["fieldRef"] == "spec.validations[0].expression"
    assert first["warning"].startswith("apps/v1, Kind=Deployment: ERROR: ")
    assert "found no matching overload for '_>_' applied to '(int, string)'" in first["warning"]
    assert second["fieldRef"] == "spec.validations[0].messageExpression"
    assert "found no matching overload for '_+_' applied to '(string, int)'" in second["warning"]
    for name in ("right", "wrong"):
        plane.done("DELETE", f"{path}/{name}")


# --- Identity


def test_a_signing_request_is_approved_and_its_status_written(plane: planes.Plane) -> None:
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {
        "request": samples.CERTIFICATE_REQUEST,
        "signerName": "example.com/e2e",
        "expirationSeconds": 3600,
        "usages": ["digital signature", "key encipherment", "server auth"],
    }
    made = plane.make(path, {"metadata": {"generateName": "e2e-"}, "spec": spec})
    name = made["metadata"]["name"]
    condition = {"type": "ApprovalPatch", "status": "True", "reason": "e2e", "message": "x"}
    patched = plane.done(
        "PATCH",
        f"{path}/{name}/approval",
        {"metadata": {"annotations": {"patchedapproval": "true"}}, "status": {"conditions": [condition]}},
    )
    assert [one["type"] for one in patched["status"]["conditions"]] == ["ApprovalPatch"]
    assert patched["metadata"]["annotations"] == {"patchedapproval": "true"}
    patched["status"]["conditions"].append({"type": "Approved", "status": "True", "reason": "E2E", "message": "y"})
    approved = plane.done("PUT", f"{path}/{name}/approval", patched)
    assert len(approved["status"]["conditions"]) == 2
    certificate = base64.b64encode((plane.data / "pki" / "ca.crt").read_bytes()).decode()
    patched = plane.done(
        "PATCH",
        f"{path}/{name}/status",
        {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"certificate": certificate}},
    )
    assert patched["status"]["certificate"] == certificate
    assert patched["metadata"]["annotations"]["patchedstatus"] == "true"
    patched["status"]["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "e2e", "message": "z"})
    assert len(plane.done("PUT", f"{path}/{name}/status", patched)["status"]["conditions"]) == 3
    plane.done("DELETE", f"{path}/{name}")


def test_reviews_of_a_service_account(plane: planes.Plane) -> None:
    space = plane.space()
    plane.make(f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": "e2e"}})
    user = f"system:serviceaccount:{space}:e2e"
    attributes = {"namespace": space, "verb": "list", "group": "", "version": "v1", "resource": "configmaps"}
    spec = {"resourceAttributes": attributes, "user": user}
    review = plane.make("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
    local = plane.make(
        f"/apis/authorization.k8s.io/v1/namespaces/{space}/localsubjectaccessreviews",
        {"metadata": {"namespace": space}, "spec": spec},
    )
    assert review["status"] == local["status"] == {"allowed": False}
    for kind in ("selfsubjectrulesreviews", "selfsubjectaccessreviews"):
        asked = {"namespace": space} if kind.endswith("rulesreviews") else {"resourceAttributes": attributes}
        assert "status" in plane.make(f"/apis/authorization.k8s.io/v1/{kind}", {"spec": asked})
    me = plane.make("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert me["status"]["userInfo"]["username"] == "boss"


def test_service_accounts_tokens_and_documents(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/serviceaccounts", {"metadata": {"name": "e2e", "labels": {"x": "y"}}})
    patched = plane.done(
        "PATCH", f"{space}/serviceaccounts/e2e", {"automountServiceAccountToken": False}, planes.STRATEGIC
    )
    assert patched["automountServiceAccountToken"] is False
    asked = {"spec": {"audiences": ["a"], "expirationSeconds": 3600}}
    token = plane.make(f"{space}/serviceaccounts/e2e/token", asked)["status"]["token"]
    review = plane.make("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token, "audiences": ["a"]}})
    assert review["status"]["authenticated"] is True
    assert review["status"]["user"]["username"].endswith(":e2e")
    document = plane.get("/.well-known/openid-configuration")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert document["issuer"] == claims["iss"]
    assert document["jwks_uri"].endswith("/openid/v1/jwks")
    _code, keys = plane.ask("GET", "/openid/v1/jwks")
    keys = keys if isinstance(keys, dict) else json.loads(keys)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["kid"] in [one["kid"] for one in keys["keys"]]
    plane.done("DELETE", f"{space}/serviceaccounts?labelSelector=x=y")
    plane.gone(f"{space}/serviceaccounts/e2e")
    plane.done("DELETE", f"{space}/configmaps/kube-root-ca.crt")
    plane.until(f"{space}/configmaps/kube-root-ca.crt", lambda one: "BEGIN CERTIFICATE" in one["data"]["ca.crt"])
    plane.done("PATCH", f"{space}/configmaps/kube-root-ca.crt", {"data": {"ca.crt": ""}})
    plane.until(f"{space}/configmaps/kube-root-ca.crt", lambda one: one["data"]["ca.crt"])


def test_a_pod_gets_its_tokens_volume_unless_it_opts_out(plane: planes.Plane) -> None:
    space = f"/api/v1/namespaces/{plane.space()}"
    plane.make(f"{space}/serviceaccounts", {"metadata": {"name": "mount"}, "automountServiceAccountToken": True})
    plane.make(f"{space}/serviceaccounts", {"metadata": {"name": "nomount"}, "automountServiceAccountToken": False})
    for account, wish, expected in (
        ("default", None, True), ("mount", None, True), ("nomount", None, False), ("default", True, True),
        ("mount", True, True), ("nomount", True, True), ("default", False, False), ("mount", False, False),
        ("nomount", False, False),
    ):  # fmt: skip
        spec: objects.Object = {"containers": [{"name": "c", "image": "i"}], "serviceAccountName": account}
        if wish is not None:
            spec["automountServiceAccountToken"] = wish
        name = f"p-{account}-{wish}".lower()
        made = plane.make(f"{space}/pods", {"metadata": {"name": name}, "spec": spec})
        mounted = [one["mountPath"] for one in made["spec"]["containers"][0].get("volumeMounts", [])]
        assert ("/var/run/secrets/kubernetes.io/serviceaccount" in mounted) == expected, name
