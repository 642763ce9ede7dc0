"""A disk that is full for real, under a server process: writes are refused in words, reads go on, nothing is lost."""

import random
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients import admin

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
MAPS = "/api/v1/namespaces/default/configmaps"
SIZE_BYTES = 100_000


def _create(client: admin.Client, name: str) -> tuple[int, Any]:
    data = {"k": random.randbytes(SIZE_BYTES // 2).hex()}
    return client.ask("POST", MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def _fill(client: admin.Client) -> tuple[dict[str, str], str]:
    """Creates until it is refused: what was acknowledged (name to version), and the refusal."""
    acknowledged: dict[str, str] = {}
    for number in range(400):
        name = f"m{number}"
        code, body = _create(client, name)
        if code != 201:
            assert (code, body["kind"], body["reason"]) == (503, "Status", "ServiceUnavailable"), body
            return acknowledged, body["message"]
        acknowledged[name] = body["metadata"]["resourceVersion"]
    raise AssertionError("the disk never filled")


def _check_nothing_is_lost(client: admin.Client, acknowledged: dict[str, str]) -> None:
    code, listed = client.ask("GET", MAPS)
    assert code == 200
    found = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
    found.pop("kube-root-ca.crt", None)
    assert found == acknowledged


def _check_it_goes_on(client: admin.Client, acknowledged: dict[str, str]) -> None:
    """While the disk is full."""
    _check_nothing_is_lost(client, acknowledged)
    assert client.ask("GET", f"{MAPS}/m0")[0] == 200
    for _ in range(3):
        assert _create(client, "again")[0] == 503


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """Without root: the process may not make files longer than they are, until it may again."""
    data, log = tmp_path / "data", tmp_path / "log"
    with admin.serving(data, log) as (client, pid):
        assert _create(client, "before")[0] == 201
        assert client.ask("DELETE", f"{MAPS}/before")[0] == 200
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        longest = max(file.stat().st_size for file in (data / "control").iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest + 1_000_000, hard))
        acknowledged, message = _fill(client)
        assert message.startswith("nothing was written: ")
        _check_it_goes_on(client, acknowledged)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        code, made = _create(client, "after")
        assert code == 201
        acknowledged["after"] = made["metadata"]["resourceVersion"]
    with admin.serving(data, log) as (client, _):
        _check_nothing_is_lost(client, acknowledged)
    assert "Traceback" not in log.read_text()


@pytest.mark.root
def test_a_small_disk(tmp_path: Path) -> None:
    disk, log = tmp_path / "disk", tmp_path / "log"
    disk.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]).returncode:
        pytest.skip("no tmpfs may be mounted here: the test of a full disk is SKIPPED")
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 22_000_000)
        with admin.serving(disk / "data", log) as (client, _):
            acknowledged, message = _fill(client)
            assert "the disk is full" in message
            assert "Free some space" in message
            _check_it_goes_on(client, acknowledged)
            ballast.unlink()
            code, made = _create(client, "after")
            assert code == 201
            acknowledged["after"] = made["metadata"]["resourceVersion"]
        with admin.serving(disk / "data", log) as (client, _):
            _check_nothing_is_lost(client, acknowledged)
        assert "Traceback" not in log.read_text()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
