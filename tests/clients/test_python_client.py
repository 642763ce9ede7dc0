"""The official Python client against a real server."""

import contextlib
import json
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


@pytest.fixture
def apps(core: kubernetes.client.CoreV1Api) -> kubernetes.client.AppsV1Api:
    return kubernetes.client.AppsV1Api(core.api_client)


def deployment(name: str, replicas: int = 2) -> kubernetes.client.V1Deployment:
    labels = {"app": name}
    container = kubernetes.client.V1Container(name="c", image="example.com/c:1")
    template = kubernetes.client.V1PodTemplateSpec(
        metadata=kubernetes.client.V1ObjectMeta(labels=labels),
        spec=kubernetes.client.V1PodSpec(containers=[container]),
    )
    selector = kubernetes.client.V1LabelSelector(match_labels=labels)
    spec = kubernetes.client.V1DeploymentSpec(replicas=replicas, selector=selector, template=template)
    return kubernetes.client.V1Deployment(metadata=kubernetes.client.V1ObjectMeta(name=name), spec=spec)


def test_a_deployment_and_its_scale(apps: kubernetes.client.AppsV1Api) -> None:
    made = apps.create_namespaced_deployment("default", deployment("scaled"))
    assert (made.spec.revision_history_limit, made.spec.strategy.type) == (10, "RollingUpdate")
    scale = apps.read_namespaced_deployment_scale("scaled", "default")
    assert (scale.spec.replicas, scale.status.selector) == (2, "app=scaled")
    apps.patch_namespaced_deployment_scale("scaled", "default", {"spec": {"replicas": 5}})
    assert apps.read_namespaced_deployment("scaled", "default").spec.replicas == 5
    image = [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "example.com/c:2"}]
    patched = apps.patch_namespaced_deployment("scaled", "default", image)
    assert patched.spec.template.spec.containers[0].image == "example.com/c:2"
    merged = {"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}}}}
    patched = apps.patch_namespaced_deployment("scaled", "default", merged)
    assert patched.spec.template.spec.containers[0].image == "example.com/c:2"
    assert patched.metadata.generation == 4
    apps.delete_namespaced_deployment("scaled", "default")


def test_pages_of_one_version(core: kubernetes.client.CoreV1Api) -> None:
    for number in range(7):
        meta = kubernetes.client.V1ObjectMeta(name=f"page-{number}", labels={"paged": "yes"})
        core.create_namespaced_config_map("default", kubernetes.client.V1ConfigMap(metadata=meta))
    seen, token, versions = [], None, set()
    while True:
        page = core.list_namespaced_config_map("default", label_selector="paged=yes", limit=3, _continue=token)
        seen += [item.metadata.name for item in page.items]
        versions.add(page.metadata.resource_version)
        if token is None:
            core.delete_namespaced_config_map("page-6", "default")
        token = page.metadata._continue
        if not token:
            break
    assert seen == [f"page-{number}" for number in range(7)]
    assert len(versions) == 1
    core.delete_collection_namespaced_config_map("default", label_selector="paged=yes")
    assert core.list_namespaced_config_map("default", label_selector="paged=yes").items == []


def test_dry_runs_and_strict_fields(core: kubernetes.client.CoreV1Api) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dry"}, "data": {"a": "b"}}
    made = core.create_namespaced_config_map("default", body, dry_run="All")
    assert made.metadata.uid
    with pytest.raises(kubernetes.client.ApiException) as missing:
        core.read_namespaced_config_map("dry", "default")
    assert missing.value.status == 404
    core.create_namespaced_config_map("default", body)
    with pytest.raises(kubernetes.client.ApiException) as refused:
        core.patch_namespaced_config_map("dry", "default", {"dat": {}}, field_validation="Strict")
    assert refused.value.status == 422
    assert 'strict decoding error: unknown field "dat"' in json.loads(refused.value.body)["message"]
    core.delete_namespaced_config_map("dry", "default")


def test_asking_who_may_do_what(core: kubernetes.client.CoreV1Api) -> None:
    authorization = kubernetes.client.AuthorizationV1Api(core.api_client)
    rbac = kubernetes.client.RbacAuthorizationV1Api(core.api_client)
    rule = kubernetes.client.V1PolicyRule(api_groups=[""], resources=["configmaps"], verbs=["get"])
    meta = kubernetes.client.V1ObjectMeta(name="reader")
    rbac.create_namespaced_role("default", kubernetes.client.V1Role(metadata=meta, rules=[rule]))
    reference = kubernetes.client.V1RoleRef(api_group="rbac.authorization.k8s.io", kind="Role", name="reader")
    ann = kubernetes.client.RbacV1Subject(kind="User", name="ann", api_group="rbac.authorization.k8s.io")
    binding = kubernetes.client.V1RoleBinding(metadata=meta, role_ref=reference, subjects=[ann])
    rbac.create_namespaced_role_binding("default", binding)

    def may(verb: str) -> bool:
        asked = kubernetes.client.V1ResourceAttributes(namespace="default", verb=verb, resource="configmaps")
        spec = kubernetes.client.V1SubjectAccessReviewSpec(user="ann", resource_attributes=asked)
        review = kubernetes.client.V1SubjectAccessReview(spec=spec)
        return bool(authorization.create_subject_access_review(review).status.allowed)

    assert may("get")
    assert not may("delete")


def test_the_dynamic_client_finds_kinds_by_discovery(core: kubernetes.client.CoreV1Api, tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        client = kubernetes.dynamic.DynamicClient(core.api_client, cache_file=str(tmp_path / "discovery.json"))
    budgets = client.resources.get(api_version="policy/v1", kind="PodDisruptionBudget")
    body = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}},
    }
    budgets.create(body=body, namespace="default")
    patch = {"spec": {"minAvailable": 2}}
    patched = budgets.patch(
        name="b", namespace="default", body=patch, content_type="application/strategic-merge-patch+json"
    )
    assert patched.spec.minAvailable == 2
    applied = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "labels": {"x": "y"}},
    }
    answer = budgets.server_side_apply(body=applied, name="b", namespace="default", field_manager="tester")
    assert answer.metadata.labels.x == "y"
    assert {entry.manager for entry in answer.metadata.managedFields} >= {"tester"}
    budgets.delete(name="b", namespace="default")
