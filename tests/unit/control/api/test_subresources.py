"""Binding, eviction, tokens, approval, reviews, resizing: what hangs on an object's path."""

import base64
from typing import Any

from bascule.bridge.identity import certificates
from bascule.bridge.identity import requests as signing_requests
from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


def _binding(node: str) -> harness.Object:
    return {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}}


def _eviction(**options: Any) -> harness.Object:
    made: harness.Object = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    return made | ({"deleteOptions": options} if options else {})


async def test_a_pod_is_bound_once(api: harness.Api) -> None:
    await api.create(PODS, harness.pod("p"))
    owners = (await api.get(f"{PODS}/p")).body["metadata"]["managedFields"]
    bound = await api.call("POST", f"{PODS}/p/binding", _binding("n1"))
    assert (bound.code, bound.body["status"]) == (201, "Success")
    pod = (await api.get(f"{PODS}/p")).body
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["metadata"]["managedFields"] == owners
    assert any(c["type"] == "PodScheduled" and c["status"] == "True" for c in pod["status"]["conditions"])
    again = await api.call("POST", f"{PODS}/p/binding", _binding("n2"))
    assert again.code == 409
    assert "already assigned to node" in again.body["message"]
    on_node = (await api.get("/api/v1/pods?fieldSelector=spec.nodeName=n1")).body["items"]
    assert len(on_node) == 1


async def _running(api: harness.Api, allowed: int) -> None:
    await api.create(PODS, harness.pod("p"))
    await api.call("POST", f"{PODS}/p/binding", _binding("n1"))
    ready = [{"type": "Ready", "status": "True"}]
    await api.patch(f"{PODS}/p/status", {"status": {"phase": "Running", "conditions": ready}})
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "p"}}}
    await api.create(
        BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec}
    )
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": allowed,
        "currentHealthy": 1,
        "desiredHealthy": 1,
        "expectedPods": 1,
    }
    answer = await api.patch(f"{BUDGETS}/b/status", {"status": status})
    assert answer.code == 200, answer.body


async def test_a_budget_refuses_an_eviction(api: harness.Api) -> None:
    await _running(api, allowed=0)
    answer = await api.call("POST", f"{PODS}/p/eviction", _eviction())
    assert (answer.code, answer.body["reason"]) == (429, "TooManyRequests")
    assert answer.body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    assert answer.body["details"]["causes"][0]["message"] == (
        "The disruption budget b needs 1 healthy pods and has 1 currently"
    )
    assert "Retry-After" not in answer.headers  # clients would wait and ask again without a word
    assert "deletionTimestamp" not in (await api.get(f"{PODS}/p")).body["metadata"]


async def test_a_budget_is_charged_by_an_eviction(api: harness.Api) -> None:
    await _running(api, allowed=1)
    answer = await api.call("POST", f"{PODS}/p/eviction", _eviction(gracePeriodSeconds=7))
    assert answer.code == 201
    assert (await api.get(f"{PODS}/p")).body["metadata"]["deletionGracePeriodSeconds"] == 7
    status = (await api.get(f"{BUDGETS}/b")).body["status"]
    assert status["disruptionsAllowed"] == 0
    assert "p" in status["disruptedPods"]
    assert {c["type"]: c["reason"] for c in status["conditions"]} == {"DisruptionAllowed": "InsufficientPods"}
    told = {c["type"]: c for c in (await api.get(f"{PODS}/p")).body["status"]["conditions"]}
    assert told["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"


async def test_a_bound_pod_says_where_its_node_is(api: harness.Api) -> None:
    labels = {"topology.kubernetes.io/zone": "z1", "other": "x"}
    await api.create(
        "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "labels": labels}}
    )
    await api.create(PODS, harness.pod("p"))
    wrong = await api.call("POST", f"{PODS}/p/binding", {**_binding("n1"), "metadata": {"name": "q"}})
    assert (wrong.code, wrong.body["message"]) == (400, "name in URL does not match name in Binding object")
    assert (await api.call("POST", f"{PODS}/p/binding", _binding("n1"))).code == 201
    pod = (await api.get(f"{PODS}/p")).body
    assert pod["metadata"]["labels"] == {"app": "p", "topology.kubernetes.io/zone": "z1"}


async def test_tokens_are_accepted_until_their_account_is_gone(api: harness.Api) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await api.create(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s"}})
    asked: harness.Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = await api.create(f"{accounts}/s/token", asked)
    token = made["status"]["token"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    seen = await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review, who=token)
    assert seen["status"]["userInfo"]["username"] == "system:serviceaccount:default:s"
    assert (await api.get("/api/v1/secrets", who=token)).code == 403
    await api.call("DELETE", f"{accounts}/s")
    assert (await api.get("/api", who=token)).code == 401


async def test_reviews(api: harness.Api) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}},
    }
    assert (await api.create(path, asked))["status"]["allowed"] is True
    assert not (await api.create(path, asked, who="somebody"))["status"].get("allowed")
    assert (await api.get(path)).code == 405


async def test_a_certificate_is_signed_once_it_is_approved(api: harness.Api) -> None:
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    pem = signing_requests.create(certificates.new_key(), "jane", [])
    wanted = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": "jane"},
        "spec": {
            "request": base64.b64encode(pem).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth", "digital signature"],
            "username": "a-lie",
        },
    }
    made = await api.create(path, wanted)
    assert made["spec"]["username"] == "admin"
    assert not made["status"].get("certificate")
    made["status"]["conditions"] = [{"type": "Approved", "status": "True", "reason": "Asked", "message": "fine"}]
    made["metadata"]["annotations"] = {"approved-by": "me"}
    made["spec"]["username"] = "another"
    approved = await api.call("PUT", f"{path}/jane/approval", made)
    assert approved.code == 200
    certificate = certificates.load(base64.b64decode(approved.body["status"]["certificate"]))
    assert certificates.subject(certificate.subject).common_name == "jane"
    assert approved.body["metadata"]["annotations"] == {"approved-by": "me"}
    assert approved.body["spec"]["username"] == "admin"


async def test_a_running_pod_can_be_resized_and_debugged_and_nothing_else(api: harness.Api) -> None:
    wanted = harness.pod("p")
    wanted["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1"}}
    await api.create(PODS, wanted)
    more = {"spec": {"containers": [{"name": "main", "image": "other", "resources": {"limits": {"cpu": "2"}}}]}}
    answer = await api.patch(f"{PODS}/p/resize", more, kind="strategic")
    assert answer.code == 200, answer.body
    main = answer.body["spec"]["containers"][0]
    assert main["resources"]["limits"] == {"cpu": "2"}
    assert main["image"] == "busybox:1"
    without = {"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": None}}}]}}
    answer = await api.patch(f"{PODS}/p/resize", without, kind="strategic")
    assert answer.code == 422
    assert "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed" in answer.body["message"]
    debugger = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox"}]}}
    answer = await api.patch(f"{PODS}/p/ephemeralcontainers", debugger, kind="strategic")
    assert answer.code == 200, answer.body
    assert answer.body["spec"]["ephemeralContainers"][0]["name"] == "d"
    other = {"spec": {"ephemeralContainers": [{"name": "d", "image": "busybox:2"}]}}
    answer = await api.patch(f"{PODS}/p/ephemeralcontainers", other, kind="strategic")
    assert answer.code == 422
    assert 'existing ephemeral containers "d" may not be changed' in answer.body["message"]


async def test_events_and_autoscalers_are_served_in_both_versions(api: harness.Api) -> None:
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "c.example",
        "reportingInstance": "c-1",
        "action": "Acting",
        "reason": "Because",
        "type": "Normal",
        "note": "text",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"},
    }
    await api.create("/apis/events.k8s.io/v1/namespaces/default/events", event)
    core = (await api.get("/api/v1/namespaces/default/events/e")).body
    assert (core["apiVersion"], core["message"], core["involvedObject"]["name"]) == ("v1", "text", "p")
    modern = (await api.get("/apis/events.k8s.io/v1/namespaces/default/events")).body
    assert modern["items"][0]["note"] == "text"
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        },
    }
    await api.create("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", scaler)
    v2 = (await api.get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h")).body
    assert v2["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    v1 = (await api.get("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/h")).body
    assert v1["spec"]["targetCPUUtilizationPercentage"] == 70
