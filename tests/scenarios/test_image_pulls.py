"""Images from a registry: policies, credentials, and what users read when there is no such image."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from bascule.bridge import messages
from bascule.data.runtime import images
from bascule.data.runtime.containerd.driver import ContainerdRuntime
from bascule.vocabulary.objects import Object
from tests.contracts.data.runtime import containerd_node
from tests.scenarios import registry
from tests.unit.data.agent.kit import Bench, pod, running

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.root]


def of_image(name: str, image: str, policy: str, **spec: Any) -> Object:
    container = {"name": "main", "image": image, "imagePullPolicy": policy, "command": ["/bin/sleep", "1000"]}
    return pod(name, containers=[container], terminationGracePeriodSeconds=0, **spec)


def waiting_for(bench: Bench, name: str) -> tuple[str, str]:
    (entry,) = bench.status(name).get("containerStatuses") or [{"state": {}}]
    found = entry["state"].get("waiting") or {}
    return found.get("reason", ""), found.get("message", "")


def said(bench: Bench, name: str) -> list[tuple[str, str]]:
    events = sorted(bench.reports(messages.EVENT).items())
    return [(e["reason"], e["message"]) for _, e in events if e["involvedObject"]["name"] == name]


async def runs(bench: Bench, wanted: Object) -> None:
    await bench.tell("pods", wanted)
    await bench.until(lambda: bench.status(wanted["metadata"]["name"]).get("phase") == "Running", 30)


async def test_images_are_pulled_by_policy_with_credentials_or_not_at_all(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("containerd", "runc", "ctr", "busybox"))):
        pytest.skip("NOT TESTED: containerd needs root, containerd, runc and busybox-static")
    archive = tmp_path / "app.tar"
    images.busybox(archive, "app:1")
    with registry.serving() as shop:
        open_image = shop.offer("team/app:1", archive)
        closed = shop.offer("closed/app:1", archive, account="ann:secret")
        async with (
            containerd_node.started(tmp_path) as driver,
            running(ContainerdRuntime(driver.engine), tmp_path, pod_addresses=False) as bench,
        ):
            await runs(bench, of_image("first", open_image, "IfNotPresent"))
            reasons = [reason for reason, _ in said(bench, "first")]
            assert reasons == ["Pulling", "Pulled", "Created", "Started"]
            asked = len(shop.asked)
            await runs(bench, of_image("second", open_image, "IfNotPresent"))
            assert len(shop.asked) == asked
            assert said(bench, "second")[0] == ("Pulled", f'Container image "{open_image}" already present on machine')
            await runs(bench, of_image("third", open_image, "Always"))
            assert len(shop.asked) > asked

            missing = f"127.0.0.1:{shop.port}/team/nosuch:1"
            await bench.tell("pods", of_image("missing", missing, "Always"))
            await bench.until(lambda: waiting_for(bench, "missing")[0] == "ErrImagePull", 30)
            assert "not found" in waiting_for(bench, "missing")[1]
            assert [reason for reason, _ in said(bench, "missing")] == ["Pulling", "Failed", "Failed"]
            worker = bench.node.workers["uid-missing"]
            worker.memory.holds.clear()  # as if the back-off were over
            worker.wake()
            await bench.until(lambda: waiting_for(bench, "missing")[0] == "ImagePullBackOff", 30)
            assert waiting_for(bench, "missing")[1].startswith(f'Back-off pulling image "{missing}": ErrImagePull: ')

            await bench.tell("pods", of_image("denied", closed, "Always"))
            await bench.until(lambda: waiting_for(bench, "denied")[0] == "ErrImagePull", 30)
            config = {"auths": {f"127.0.0.1:{shop.port}": {"auth": base64.b64encode(b"ann:secret").decode()}}}
            data = {".dockerconfigjson": base64.b64encode(json.dumps(config).encode()).decode()}
            secret = {"kind": "Secret", "metadata": {"name": "pull", "namespace": "shop"}, "data": data}
            await bench.tell("secrets", secret)
            await runs(bench, of_image("allowed", closed, "Always", imagePullSecrets=[{"name": "pull"}]))
