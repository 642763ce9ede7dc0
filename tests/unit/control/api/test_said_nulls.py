"""Fields that say `null` where there is nothing, as clients find them upstream."""

import pytest

from tests.unit.control.api import harness

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SCALERS = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"


async def test_a_role_without_rules(api: harness.Api) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "all"}}
    role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    made = await api.create(f"{RBAC}/clusterroles", role)
    assert (made["rules"], "f:rules" in made["metadata"]["managedFields"][0]["fieldsV1"]) == (None, False)
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    made["rules"] = rules
    put = await api.call("PUT", f"{RBAC}/clusterroles/all", made)
    assert put.body["rules"] == rules
    emptied = await api.patch(f"{RBAC}/clusterroles/all", {"rules": None})
    assert (emptied.code, emptied.body["rules"]) == (200, None)
    same = await api.call("PUT", f"{RBAC}/clusterroles/all", emptied.body)
    assert same.body["metadata"]["resourceVersion"] == emptied.body["metadata"]["resourceVersion"]
    named = {**role, "kind": "Role", "metadata": {"name": "none"}}
    del named["aggregationRule"]
    assert (await api.create(f"{RBAC}/namespaces/default/roles", named))["rules"] is None


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_an_autoscaler_that_has_done_nothing(api: harness.Api, version: str) -> None:
    spec = {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    scaler = {"apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}}
    await api.create(SCALERS.format(version), {**scaler, "spec": spec})
    old = (await api.get(SCALERS.format("v1") + "/a")).body
    new = (await api.get(SCALERS.format("v2") + "/a")).body
    assert old["status"] == {"currentReplicas": 0, "desiredReplicas": 0}
    assert new["status"] == {"currentMetrics": None, "desiredReplicas": 0}
    replaced = await api.call("PUT", SCALERS.format("v1") + "/a/status", {**old, "status": {"currentReplicas": 2}})
    assert replaced.code == 200, replaced.body
    assert (await api.get(SCALERS.format("v2") + "/a")).body["status"] == {"currentReplicas": 2, "currentMetrics": None}
