"""What the server makes again when somebody deletes it."""

from bascule.control.api.upkeep import essentials
from tests.unit.control.api import harness

LEASES = "/api/v1/namespaces/kube-node-lease"
SERVICE = "/api/v1/namespaces/default/services/kubernetes"


async def test_who_signs_clients_is_told(api: harness.Api) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    told = (await api.get(path)).body["data"]
    assert told["client-ca-file"].startswith("-----BEGIN CERTIFICATE-----")
    await api.patch(path, {"data": {"client-ca-file": "another"}})
    await essentials.restore(api.platform)
    assert (await api.get(path)).body["data"] == told


async def test_system_namespaces_and_the_service_come_back(api: harness.Api) -> None:
    before = api.platform.store.revision
    await essentials.restore(api.platform)
    assert api.platform.store.revision == before
    address = (await api.get(SERVICE)).body["spec"]["clusterIP"]
    await api.call("DELETE", SERVICE)
    ending = (await api.call("DELETE", LEASES)).body
    await essentials.restore(api.platform)
    assert (await api.get(LEASES)).body["status"]["phase"] == "Terminating"
    await api.call("PUT", f"{LEASES}/finalize", {**ending, "spec": {"finalizers": []}})
    assert (await api.get(LEASES)).code == 404
    await essentials.restore(api.platform)
    assert (await api.get(LEASES)).body["status"]["phase"] == "Active"
    assert (await api.get(SERVICE)).body["spec"]["clusterIP"] == address
