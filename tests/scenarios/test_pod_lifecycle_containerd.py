"""Real containers: what a pod sees inside, adoption by another agent, and a reboot undone from the ledger."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bascule.data.runtime import contract
from bascule.data.runtime.containerd.driver import ContainerdRuntime
from bascule.data.runtime.containerd.engine import Engine
from tests.contracts.data.runtime import containerd_node
from tests.unit.data.agent.kit import Bench, pod, running

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.root]


def rich_pod() -> dict[str, Any]:
    mounts = [
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "settings", "mountPath": "/etc/settings"},
        {"name": "memory", "mountPath": "/memory"},
    ]
    return pod(
        containers=[
            {
                "name": "main",
                "image": containerd_node.IMAGE,
                "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"],
                "env": [
                    {"name": "WHERE", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    {"name": "SENTENCE", "value": "I am at $(WHERE)"},
                    {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
                "volumeMounts": mounts,
                "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
                "readinessProbe": {"exec": {"command": ["test", "-f", "/scratch/init"]}, "periodSeconds": 1},
            }
        ],
        initContainers=[
            {
                "name": "init",
                "image": containerd_node.IMAGE,
                "command": ["/bin/sh", "-c", "id -u > /scratch/init"],
                "volumeMounts": mounts[:1],
                "securityContext": {"runAsUser": 1234},
            }
        ],
        volumes=[
            {"name": "scratch", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": "c"}},
            {"name": "memory", "emptyDir": {"medium": "Memory"}},
        ],
    )


def config_map(colour: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {"colour": colour}}


async def inside(bench: Bench, *command: str) -> str:
    run = next(run for run in bench.containers() if run.name == "main" and run.state is contract.State.RUNNING)
    result = await bench.node.host.runtime.exec_sync(run.id, command, 10)
    return (result.stdout + result.stderr).decode().strip()


async def test_a_pod_in_containers(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("containerd", "runc", "ctr", "busybox"))):
        pytest.skip("NOT TESTED: containerd needs root, containerd, runc and busybox-static")
    async with containerd_node.started(tmp_path) as driver:
        engine = driver.engine
        assert isinstance(engine, Engine)
        async with running(ContainerdRuntime(engine), tmp_path, pod_addresses=False) as bench:
            await bench.tell("configmaps", config_map("green"))
            secret = {"kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "data": {"k": "aHVzaA=="}}
            await bench.tell("secrets", secret)
            await bench.tell("pods", rich_pod())
            before = await bench.until(lambda: ready(bench) and bench.status(), 30)
            address = before["podIP"]
            assert address.startswith("10.231.7.")
            assert await inside(bench, "sh", "-c", "echo $SENTENCE $SECRET") == f"I am at {address} hush"
            assert await inside(bench, "cat", "/scratch/init") == "1234"
            assert "tmpfs" in await inside(bench, "sh", "-c", "mount | grep ' /memory '")
            assert address in await inside(bench, "ip", "address")
            assert f"{address}\tweb" in await inside(bench, "cat", "/etc/hosts")
            assert await inside(bench, "cat", "/etc/settings/colour") == "green"
            await bench.tell("configmaps", config_map("blue"))
            await bench.until(lambda: bench.node.workers["uid-web"]._stale_volumes is False)
            assert await inside(bench, "cat", "/etc/settings/colour") == "blue"

        async with running(ContainerdRuntime(engine), tmp_path, pod_addresses=False) as bench:
            await bench.until(lambda: ready(bench))
            assert bench.status() == before, "another agent adopts without a change"

        await engine.destroy()  # the machine goes down: no process, mount, link or namespace is left
        async with running(ContainerdRuntime(engine), tmp_path, pod_addresses=False) as bench:
            await bench.until(
                lambda: ready(bench) and bench.status()["containerStatuses"][0]["containerID"] != container_id(before),
                30,
            )
            doomed = rich_pod()
            doomed["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5}
            await bench.tell("pods", doomed)
            await bench.until(lambda: bench.reports("pod-finished"), 20)
            await bench.tell("pods", removed=("root/shop/web",))
            await bench.until(lambda: not bench.node.workers and not bench.containers(), 20)
            assert not (tmp_path / "pods" / "uid-web").exists()


def container_id(status: dict[str, Any]) -> str:
    return str(status["containerStatuses"][0]["containerID"])


def ready(bench: Bench) -> bool:
    statuses = bench.status().get("containerStatuses")
    return bool(statuses and statuses[0]["ready"] and bench.containers())
