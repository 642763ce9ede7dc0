"""Processes of the control tower, and pods that a test itself reports as an agent would."""

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.client import api, kubeconfig
from bascule.vocabulary import builtins, conditions, errors, objects
from tests import waiting

DEADLINE_SECONDS = 30.0


class Process:
    """A component; its ready line is read, and it is gone when the context ends."""

    def __init__(self, module: str, *arguments: str, log: Path) -> None:
        self._log = log.open("wb")
        self.running = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=self._log
        )
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        assert line, log.read_text()
        self.ready = json.loads(line)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.running.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.running.wait(5)
        if self.running.poll() is None:
            self.running.kill()
            self.running.wait()
        assert self.running.stdout is not None
        self.running.stdout.close()
        self._log.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The data directory of an API server with controllers beside it."""
    home = tmp_path_factory.mktemp("controllers")
    server = ["--data-dir", str(home), "--port", "0", "--store", "memory"]
    with Process("bascule.control.api", *server, log=home / "api.log"):
        identity = str(home / "identities" / "controllers.kubeconfig")
        options = ["--kubeconfig", identity, "--node-monitor-grace", "1", "--node-lease-grace", "2"]
        with Process("bascule.control.controllers", *options, log=home / "controllers.log") as controllers:
            (home / "controllers.address").write_text(controllers.ready["address"])
            yield home


@pytest.fixture
async def client(data):
    async with api.Client(kubeconfig.load(data / "admin.kubeconfig")) as made:
        yield made


@pytest.fixture
async def space(client, request):
    """A namespace of the test's own."""
    name = re.sub("[^a-z]+", "-", request.node.name.lower())[5:45].strip("-")
    await client.create(builtins.NAMESPACES, {"metadata": {"name": name}})
    yield name
    with contextlib.suppress(errors.StatusError):
        await client.delete(builtins.NAMESPACES, name)


async def until(condition, what: str):
    return await waiting.until(condition, timeout_seconds=DEADLINE_SECONDS, what=what)


async def pods_of(client, space) -> list[objects.Object]:
    return (await client.list(builtins.PODS, namespace=space))["items"]


async def make_ready(client, space, *, node: str | None = None) -> None:
    """What an agent would report: every pod runs and is ready, with an address."""
    for index, pod in enumerate(await pods_of(client, space)):
        if objects.deletion_timestamp(pod) or conditions.is_true(pod, "Ready"):
            continue
        address = f"10.1.{int(objects.resource_version(pod)) % 250}.{index + 1}"
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]}
        with contextlib.suppress(errors.StatusError):
            await client.patch(
                builtins.PODS,
                objects.name(pod),
                {"status": status},
                namespace=space,
                subresource="status",
            )


@contextlib.asynccontextmanager
async def agents(client, space):
    """Makes every new pod ready while entered."""

    async def run() -> None:
        while True:
            await make_ready(client, space)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def deployment(space: str, image: str = "v1", replicas: int = 3) -> objects.Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": space},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "c", "image": image, "ports": [{"name": "http", "containerPort": 80}]}]
                },
            },
        },
    }


async def complete(client, space, image: str, replicas: int = 3) -> bool:
    current = await client.get(builtins.DEPLOYMENTS, "web", namespace=space)
    status = current.get("status") or {}
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    pods = [pod for pod in await pods_of(client, space) if not objects.deletion_timestamp(pod)]
    images = {pod["spec"]["containers"][0]["image"] for pod in pods}
    progressing = conditions.find(status.get("conditions"), "Progressing") or {}
    return (
        counts == [replicas] * 3
        and images == {image}
        and len(pods) == replicas
        and progressing.get("reason") == "NewReplicaSetAvailable"
    )
