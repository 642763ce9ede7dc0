"""Rollouts, cascading deletion and namespaces through kubectl, with the controllers at work.

There is no node: the test itself reports pods as ready, as a node would.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import waiting
from tests.clients.conftest import Kubectl, process

pytestmark = [pytest.mark.scenario, pytest.mark.slow]


@pytest.fixture(scope="module")
def controllers(data_dir: Path) -> Iterator[None]:
    kubeconfig = data_dir / "identities" / "controllers.kubeconfig"
    with process("bascule.control.controllers", "--kubeconfig", str(kubeconfig), log=data_dir / "controllers.log"):
        yield


def _report_ready(kubectl: Kubectl) -> None:
    """Every pod that is not ready becomes so."""
    for pod in kubectl.json("get", "pods")["items"]:
        if any(c["type"] == "Ready" for c in pod["status"].get("conditions", [])):
            continue
        ready = '[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]'
        body = f'{{"status":{{"phase":"Running","conditions":{ready}}}}}'
        kubectl.run("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", "-p", body)


def _rolled_out(kubectl: Kubectl, image: str) -> Any:
    """The Deployment, once all that runs is of this image."""

    def done() -> Any:
        _report_ready(kubectl)
        web = kubectl.json("get", "deployment", "web")
        pods = kubectl.json("get", "pods")["items"]
        images = {pod["spec"]["containers"][0]["image"] for pod in pods}
        status = web["status"]
        settled = status.get("observedGeneration") == web["metadata"]["generation"]
        complete = status.get("availableReplicas") == status.get("replicas") == web["spec"]["replicas"]
        return web if settled and complete and images == {image} else None

    return waiting.until_sync(done, timeout_seconds=30, what=f"all pods to run {image}")


def test_rollout_status_restart_history_and_undo(kubectl: Kubectl, controllers: None) -> None:
    kubectl("create", "deployment", "web", "--image=nginx:1", "--replicas=2")
    _rolled_out(kubectl, "nginx:1")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=10s")
    kubectl("set", "image", "deployment/web", "nginx=nginx:2")
    _rolled_out(kubectl, "nginx:2")
    assert len(kubectl("rollout", "history", "deployment/web").strip().splitlines()) == 4
    kubectl("rollout", "undo", "deployment/web")
    _rolled_out(kubectl, "nginx:1")
    kubectl("rollout", "restart", "deployment/web")
    web = _rolled_out(kubectl, "nginx:1")
    assert "kubectl.kubernetes.io/restartedAt" in web["spec"]["template"]["metadata"]["annotations"]
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=10s")
    assert "NewReplicaSet:" in kubectl("describe", "deployment", "web")


def test_deleting_an_owner_deletes_what_it_owns(kubectl: Kubectl, controllers: None) -> None:
    kubectl("create", "deployment", "web", "--image=nginx:1", "--replicas=2")
    _rolled_out(kubectl, "nginx:1")
    kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=20s")
    assert kubectl.json("get", "replicasets,pods")["items"] == []


def test_a_service_gets_endpoints(kubectl: Kubectl, controllers: None) -> None:
    kubectl("create", "deployment", "web", "--image=nginx:1", "--port=80")
    kubectl("expose", "deployment", "web", "--port=8080", "--target-port=80")
    waiting.until_sync(
        lambda: kubectl.json("get", "endpointslices", "-l", "kubernetes.io/service-name=web")["items"],
        timeout_seconds=10,
        what="an EndpointSlice of the Service",
    )
    assert "web" in kubectl("get", "endpoints")


def test_a_namespace_goes_with_all_that_is_in_it(kubectl: Kubectl, controllers: None) -> None:
    kubectl("create", "configmap", "a")
    kubectl("create", "deployment", "web", "--image=nginx:1")
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=30s")
    assert "NotFound" in kubectl.run("get", "namespace", kubectl.namespace).err
    kubectl("create", "namespace", kubectl.namespace)
    assert kubectl.json("get", "deployments,pods")["items"] == []
