"""The deprecated componentstatuses, for those who still ask."""

from tests.unit.control.api import harness

PATH = "/api/v1/componentstatuses"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


async def test_components_are_told_of_with_a_warning(api: harness.Api) -> None:
    found = await api.get(PATH)
    assert "v1 ComponentStatus is deprecated in v1.19+" in found.headers["Warning"]
    assert found.body["kind"] == "ComponentStatusList"
    by_name = {item["metadata"]["name"]: item["conditions"][0]["status"] for item in found.body["items"]}
    assert by_name == {"controller-manager": "False", "scheduler": "False", "etcd-0": "True"}
    rows = (await api.get(PATH, headers=TABLE)).body["rows"]
    assert rows[-1]["cells"] == ["etcd-0", "Healthy", "ok", ""]
    assert rows[0]["cells"] == ["controller-manager", "Unhealthy", "", "no such process is connected"]
    api.platform.is_connected = lambda names: "system:kube-scheduler" in names
    assert (await api.get(f"{PATH}/scheduler")).body["conditions"][0]["status"] == "True"
    assert (await api.get(f"{PATH}/scheduler", headers=TABLE)).body["rows"][0]["cells"][1] == "Healthy"


async def test_components_are_only_read(api: harness.Api) -> None:
    assert (await api.get(f"{PATH}/none")).code == 404
    assert (await api.get(PATH, who="somebody")).code == 403
    made = {"apiVersion": "v1", "kind": "ComponentStatus", "metadata": {"name": "x"}}
    assert (await api.call("POST", PATH, made)).code == 405
    assert (await api.call("DELETE", f"{PATH}/scheduler")).code == 405
    assert (await api.get(f"{PATH}?watch=true")).code == 405
