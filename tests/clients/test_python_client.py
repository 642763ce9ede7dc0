"""The official Python client against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import process

kubernetes = pytest.importorskip("kubernetes")
pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    folder: Path = tmp_path_factory.mktemp("python-client")
    with process("bascule.control.api", "--data-dir", str(folder), "--port", "0", log=folder / "api.log"):
        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(str(folder / "admin.kubeconfig"), client_configuration=configuration)
        client = kubernetes.client.ApiClient(configuration)
        yield kubernetes.client.CoreV1Api(client)
        client.close()
        client.rest_client.pool_manager.clear()


def test_the_life_of_a_config_map(core: kubernetes.client.CoreV1Api) -> None:
    body = kubernetes.client.V1ConfigMap(metadata=kubernetes.client.V1ObjectMeta(name="a"), data={"k": "1"})
    made = core.create_namespaced_config_map("default", body)
    assert made.metadata.uid
    core.patch_namespaced_config_map("a", "default", {"data": {"k": "2"}})
    listed = core.list_namespaced_config_map("default", label_selector="none=such")
    assert listed.items == []
    assert core.read_namespaced_config_map("a", "default").data == {"k": "2"}
    core.delete_namespaced_config_map("a", "default")
    with pytest.raises(kubernetes.client.ApiException) as missing:
        core.read_namespaced_config_map("a", "default")
    assert missing.value.status == 404


def test_a_watch(core: kubernetes.client.CoreV1Api) -> None:
    at = core.list_namespaced_secret("default").metadata.resource_version
    body = kubernetes.client.V1Secret(metadata=kubernetes.client.V1ObjectMeta(name="s"), string_data={"p": "q"})
    core.create_namespaced_secret("default", body)
    core.delete_namespaced_secret("s", "default")
    watch = kubernetes.watch.Watch()
    seen = []
    for event in watch.stream(
        core.list_namespaced_secret, "default", resource_version=at, timeout_seconds=5, _request_timeout=10
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 2:
            watch.stop()
    assert seen == [("ADDED", "s"), ("DELETED", "s")]


def test_conflicts_and_invalid_objects(core: kubernetes.client.CoreV1Api) -> None:
    body = kubernetes.client.V1ConfigMap(metadata=kubernetes.client.V1ObjectMeta(name="b"))
    made = core.create_namespaced_config_map("default", body)
    core.patch_namespaced_config_map("b", "default", {"data": {"k": "1"}})
    with pytest.raises(kubernetes.client.ApiException) as stale:
        core.replace_namespaced_config_map("b", "default", made)
    assert stale.value.status == 409
    made.metadata.name = "Not Valid"
    with pytest.raises(kubernetes.client.ApiException) as invalid:
        core.create_namespaced_config_map("default", made)
    assert invalid.value.status in (400, 422)
