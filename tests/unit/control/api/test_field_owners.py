"""Who owns which field: what the server adds of its own belongs to nobody."""

from tests.unit.control.api import harness

PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"


async def test_what_admission_and_allocation_add_has_no_owner(api: harness.Api) -> None:
    await api.create(PODS, harness.pod("p"))
    (entry,) = (await api.get(f"{PODS}/p")).body["metadata"]["managedFields"]
    owned = entry["fieldsV1"]["f:spec"]
    assert "f:restartPolicy" in owned
    assert owned.keys().isdisjoint({"f:tolerations", "f:serviceAccountName", "f:volumes", "f:priority"})
    spec = {"ports": [{"port": 80}]}
    await api.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec})
    (entry,) = (await api.get(f"{SERVICES}/s")).body["metadata"]["managedFields"]
    assert "f:sessionAffinity" in entry["fieldsV1"]["f:spec"]
    assert "f:clusterIP" not in entry["fieldsV1"]["f:spec"]


async def test_who_creates_a_node_owns_its_status(api: harness.Api) -> None:
    """As kubectl's suite expects: who changes the node later is recorded too."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"capacity": {"memory": "1Gi"}}}
    (entry,) = (await api.create("/api/v1/nodes?fieldManager=maker", node))["metadata"]["managedFields"]
    assert (entry["manager"], [*entry["fieldsV1"]]) == ("maker", ["f:status"])
    taint = {"key": "dedicated", "effect": "PreferNoSchedule"}
    await api.patch("/api/v1/nodes/n?fieldManager=painter", {"spec": {"taints": [taint]}})
    entries = (await api.get("/api/v1/nodes/n")).body["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == ["maker", "painter"]
