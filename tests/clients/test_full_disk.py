"""A disk that is full for real, under a server process: writes are refused in words, reads go on, nothing is lost."""

import http.client
import random
import resource
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bascule.bridge.identity import authority, pki
from bascule.vocabulary import clock
from tests.clients.conftest import process

pytestmark = [pytest.mark.scenario, pytest.mark.slow]
MAPS = "/api/v1/namespaces/default/configmaps"
SIZE_BYTES = 100_000


class Client:
    """The admin, over TLS."""

    def __init__(self, data: Path, address: str) -> None:
        issued = authority.issue(
            pki.layout(data).load_authority(), "boss", ["system:masters"], usages=["client"], clock=clock.SystemClock()
        )
        pair = data.parent / "boss.pem"
        pair.write_bytes(issued.certificate_pem + issued.key_pem)
        context = ssl.create_default_context(cafile=str(pki.layout(data).ca))
        context.load_cert_chain(pair)
        self._connection = http.client.HTTPSConnection(address, context=context, timeout=30)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = orjson.dumps(body) if body is not None else None
        self._connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, orjson.loads(answer.read())

    def create(self, name: str) -> tuple[int, Any]:
        data = {"k": random.randbytes(SIZE_BYTES // 2).hex()}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        return self.ask("POST", MAPS, body)

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _serving(data: Path, log: Path) -> Iterator[tuple[Client, int]]:
    with process("bascule.control.api", "--data-dir", str(data), "--port", "0", log=log) as ready:
        client = Client(data, ready["address"])
        try:
            yield client, ready["pid"]
        finally:
            client.close()


def _fill(client: Client) -> tuple[dict[str, str], str]:
    """Creates until it is refused: what was acknowledged (name to version), and the refusal."""
    acknowledged: dict[str, str] = {}
    for number in range(400):
        name = f"m{number}"
        code, body = client.create(name)
        if code != 201:
            assert (code, body["kind"], body["reason"]) == (503, "Status", "ServiceUnavailable"), body
            return acknowledged, body["message"]
        acknowledged[name] = body["metadata"]["resourceVersion"]
    raise AssertionError("the disk never filled")


def _check_nothing_is_lost(client: Client, acknowledged: dict[str, str]) -> None:
    code, listed = client.ask("GET", MAPS)
    assert code == 200
    found = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed["items"]}
    found.pop("kube-root-ca.crt", None)
    assert found == acknowledged


def _check_it_goes_on(client: Client, acknowledged: dict[str, str]) -> None:
    """While the disk is full."""
    _check_nothing_is_lost(client, acknowledged)
    assert client.ask("GET", f"{MAPS}/m0")[0] == 200
    for _ in range(3):
        assert client.create("again")[0] == 503


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """Without root: the process may not make files longer than they are, until it may again."""
    data, log = tmp_path / "data", tmp_path / "log"
    with _serving(data, log) as (client, pid):
        assert client.create("before")[0] == 201
        assert client.ask("DELETE", f"{MAPS}/before")[0] == 200
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        longest = max(file.stat().st_size for file in (data / "control").iterdir())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest + 1_000_000, hard))
        acknowledged, message = _fill(client)
        assert message.startswith("nothing was written: ")
        _check_it_goes_on(client, acknowledged)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        code, made = client.create("after")
        assert code == 201
        acknowledged["after"] = made["metadata"]["resourceVersion"]
    with _serving(data, log) as (client, _):
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
        with _serving(disk / "data", log) as (client, _):
            acknowledged, message = _fill(client)
            assert "the disk is full" in message
            assert "Free some space" in message
            _check_it_goes_on(client, acknowledged)
            ballast.unlink()
            code, made = client.create("after")
            assert code == 201
            acknowledged["after"] = made["metadata"]["resourceVersion"]
        with _serving(disk / "data", log) as (client, _):
            _check_nothing_is_lost(client, acknowledged)
        assert "Traceback" not in log.read_text()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
