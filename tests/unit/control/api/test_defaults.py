"""What is stored has all defaults, whoever added it on the way."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bascule.control.kinds import pods
from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"
PROFILE = "container.apparmor.security.beta.kubernetes.io/main"
RANGE = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "range"},
    "spec": {"limits": [{"type": "Container", "default": {"cpu": "0.5"}, "defaultRequest": {"memory": "1024Ki"}}]},
}
RUNTIME = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "boxed"},
    "handler": "boxed",
    "overhead": {"podFixed": {"cpu": "0.25"}},
    "scheduling": {"nodeSelector": {"boxed": "yes"}, "tolerations": [{"key": "boxed"}]},
}
CLASS = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "usual"},
    "value": 7,
    "globalDefault": True,
}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {},
    "matchLabelKeys": ["app"],
}


@pytest.fixture
async def api():
    async with harness.running() as api:
        await api.patch("/api/v1/namespaces/default/serviceaccounts/default", {"imagePullSecrets": [{"name": "pull"}]})
        await api.create("/apis/scheduling.k8s.io/v1/priorityclasses", CLASS)
        await api.create("/apis/node.k8s.io/v1/runtimeclasses", RUNTIME)
        yield api


async def make(api: harness.Api, name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    pod = harness.pod(name, **spec)
    pod["metadata"]["annotations"] = annotations
    return await api.create(PODS, pod)


@pytest.mark.parametrize("limited", [False, True])
async def test_every_pod(api: harness.Api, limited: bool) -> None:
    if limited:
        await api.create("/api/v1/namespaces/default/limitranges", RANGE)
    made = [
        await make(api, "plain"),
        await make(api, "boxed", runtimeClassName="boxed"),
        await make(api, "armored", {PROFILE: "runtime/default"}),
        await make(api, "own", securityContext={"appArmorProfile": {"type": "Unconfined"}}),
        await make(api, "spread", topologySpreadConstraints=[SPREAD]),
        await make(api, "gated", schedulingGates=[{"name": "g"}], volumes=[{"name": "v"}]),
        await make(api, "host", hostNetwork=True, initContainers=[{"name": "i", "image": "i"}]),
    ]
    for pod in made:
        whole = copy.deepcopy(pod)
        pods.default(whole)
        assert whole == pod
    assert made[1]["spec"]["overhead"] == {"cpu": "250m"}
    asked = {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m", "memory": "1Mi"}} if limited else {}
    assert made[0]["spec"]["containers"][0]["resources"] == asked


async def test_a_pod_that_is_updated(api: harness.Api) -> None:
    await make(api, "plain")
    await make(api, "boxed", runtimeClassName="boxed", hostNetwork=True)
    for name in ("plain", "boxed"):
        whole = await api.get(f"{PODS}/{name}")
        spare = copy.deepcopy(whole.body)
        for field in ("serviceAccountName", "serviceAccount", "priority", "dnsPolicy", "securityContext"):
            spare["spec"].pop(field, None)
        spare["spec"]["volumes"] = []
        for container in spare["spec"]["containers"]:
            container.pop("volumeMounts", None)
            container.pop("imagePullPolicy")
        spare["metadata"]["labels"] = {"new": name}
        answer = await api.call("PUT", f"{PODS}/{name}", spare)
        assert answer.code == 200, answer.body
        defaulted = copy.deepcopy(answer.body)
        pods.default(defaulted)
        assert defaulted == answer.body
        assert answer.body["spec"] == whole.body["spec"]
