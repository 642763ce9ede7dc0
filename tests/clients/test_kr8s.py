"""kr8s, a client that finds everything out by discovery, against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import kr8s
import kr8s.asyncio
import pytest
import yaml
from kr8s.asyncio import objects

from tests import waiting
from tests.clients.conftest import process

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Kubernetes version:UserWarning"),  # It knows versions up to 1.35.
]

CONTAINER = {"name": "web", "image": "example.com/web:1"}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("kr8s")
    with process("bascule.control.api", "--data-dir", str(folder), "--port", "0", log=folder / "api.log"):
        identity = str(folder / "identities" / "controllers.kubeconfig")
        with process("bascule.control.controllers", "--kubeconfig", identity, log=folder / "controllers.log"):
            yield folder / "admin.kubeconfig"


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[kr8s.asyncio.Api]:
    made = await kr8s.asyncio.api(kubeconfig=str(kubeconfig), namespace="default")
    yield made
    await made._session.aclose()


def deployment(api: kr8s.asyncio.Api) -> objects.Deployment:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": labels},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }
    return objects.Deployment(body, api=api)


async def test_discovery_and_versions(api: kr8s.asyncio.Api) -> None:
    assert (await api.version())["major"] == "1"
    kinds = {(row["version"], row["kind"]) for row in await api.api_resources()}
    assert {("v1", "Pod"), ("apps/v1", "Deployment"), ("policy/v1", "PodDisruptionBudget")} <= kinds
    assert await api.whoami()


async def test_a_deployment_is_made_scaled_labelled_and_removed(api: kr8s.asyncio.Api) -> None:
    made = deployment(api)
    await made.create()
    assert await made.exists()

    async def pods() -> list[objects.Pod]:
        return [pod async for pod in api.get("pods", label_selector={"app": "web"})]

    async def are(count: int) -> bool:
        return len(await pods()) == count

    await waiting.until(lambda: are(2), timeout_seconds=30, what="two pods")
    assert {pod.raw["metadata"]["ownerReferences"][0]["kind"] for pod in await pods()} == {"ReplicaSet"}
    await made.scale(3)
    await made.label({"tier": "front"})
    await made.annotate({"why": "test"})
    await made.patch({"spec": {"minReadySeconds": 3}})
    await made.refresh()
    assert (made.replicas, made.labels["tier"], made.raw["spec"]["minReadySeconds"]) == (3, "front", 3)
    await waiting.until(lambda: are(3), timeout_seconds=30, what="three pods")
    await made.delete(propagation_policy="Foreground")

    async def gone() -> bool:
        return not await made.exists()

    await waiting.until(gone, timeout_seconds=30, what="the deployment gone")
    assert await pods() == []


async def test_a_watch_tells_what_happens(api: kr8s.asyncio.Api) -> None:
    body = {"metadata": {"name": "seen", "namespace": "default", "labels": {"w": "1"}}, "data": {"a": "1"}}
    made = objects.ConfigMap(body, api=api)
    await made.create()
    told = []
    async with asyncio.timeout(20):
        async for event, seen in api.watch("configmaps", namespace="default", label_selector="w=1"):
            told.append((event, seen.raw["data"]["a"] if event != "DELETED" else ""))
            if event == "ADDED":
                await made.patch({"data": {"a": "2"}})
            elif event == "MODIFIED":
                await made.delete()
            else:
                break
    assert told == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "")]


async def test_manifests_are_read_as_objects(api: kr8s.asyncio.Api, tmp_path: Path) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(secret))
    for item in await objects.objects_from_files(tmp_path / "all.yaml", api):
        item.metadata["namespace"] = "default"
        await item.create()
        await item.refresh()
        assert item.raw["data"] == {"a": "Yg=="}
        await item.delete()
        assert not await item.exists()
    with pytest.raises(kr8s.NotFoundError):
        await objects.Secret.get("s", namespace="default", api=api)
