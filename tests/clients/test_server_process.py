"""The server as a process: TLS and who is let in, clear refusals to start, a prompt end, data that stays."""

import json
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bascule.bridge.identity import authority, files, pki
from bascule.vocabulary import clock
from tests.clients.conftest import process

pytestmark = [pytest.mark.scenario, pytest.mark.slow]


def _refusal(*words: str) -> str:
    """What a server that must not start says."""
    done = subprocess.run(
        [sys.executable, "-m", "bascule.control.api", *words], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    message: str = json.loads(done.stderr.strip().splitlines()[-1])["message"]
    return message


def _get(data_dir: Path, address: str, path: str, *, pair: tuple[Path, Path] | None = None, token: str = "") -> Any:
    """(code, body) over TLS, with a client certificate, a token, or nothing."""
    context = ssl.create_default_context(cafile=str(pki.layout(data_dir).ca))
    if pair is not None:
        context.load_cert_chain(*pair)
    wanted = urllib.request.Request(f"https://{address}{path}", headers={"Authorization": token} if token else {})
    try:
        with urllib.request.urlopen(wanted, context=context, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def _pair(folder: Path, ca: authority.Authority, name: str, groups: list[str]) -> tuple[Path, Path]:
    issued = authority.issue(ca, name, groups, usages=["client"], clock=clock.SystemClock())
    files.write(folder / f"{name}.crt", issued.certificate_pem)
    files.write_key(folder / f"{name}.key", issued.key_pem)
    return folder / f"{name}.crt", folder / f"{name}.key"


def test_who_is_let_in_over_tls(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with process("bascule.control.api", "--data-dir", str(data), "--port", "0", log=tmp_path / "log") as ready:
        ca = pki.layout(data).load_authority()
        admin = _pair(tmp_path, ca, "boss", ["system:masters"])
        nobody = _pair(tmp_path, ca, "jane", [])
        address = ready["address"]
        assert _get(data, address, "/version")[0] == 200
        assert _get(data, address, "/api/v1/namespaces")[0] == 401
        assert _get(data, address, "/api/v1/namespaces", token="Bearer nonsense")[0] == 401
        assert _get(data, address, "/api/v1/namespaces", pair=admin)[0] == 200
        assert _get(data, address, "/api/v1/namespaces", pair=nobody)[0] == 403
        assert _get(data, address, "/bascule/store", pair=admin)[1]["epoch"] == 1
        stranger = authority.create("another-ca", clock=clock.SystemClock())
        forged = _pair(tmp_path, stranger, "forger", ["system:masters"])
        with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            _get(data, address, "/api/v1/namespaces", pair=forged)
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_it_stops_promptly_and_keeps_what_it_stored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    words = ("--data-dir", str(data), "--port", "0")
    with process("bascule.control.api", *words, log=tmp_path / "log") as first:
        ca = pki.layout(data).load_authority()
        admin = _pair(tmp_path, ca, "boss", ["system:masters"])
        before = _get(data, first["address"], "/api/v1/namespaces", pair=admin)[1]
        identity = _get(data, first["address"], "/bascule/store", pair=admin)[1]
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 5
    with process("bascule.control.api", *words, log=tmp_path / "log") as second:
        after = _get(data, second["address"], "/api/v1/namespaces", pair=admin)[1]
        assert after["items"] == before["items"]
        assert _get(data, second["address"], "/bascule/store", pair=admin)[1]["cluster"] == identity["cluster"]


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = _refusal("--data-dir", str(tmp_path / "data"), "--port", str(port))
    assert f"port {port} on 127.0.0.1 is in use" in message
    assert "--port" in message


def test_a_data_directory_that_is_open_elsewhere(tmp_path: Path) -> None:
    words = ("--data-dir", str(tmp_path / "data"), "--port", "0")
    with process("bascule.control.api", *words, log=tmp_path / "log"):
        message = _refusal(*words)
    assert "open in another process" in message


def test_a_data_directory_of_a_newer_version(tmp_path: Path) -> None:
    words = ("--data-dir", str(tmp_path / "data"), "--port", "0")
    with process("bascule.control.api", *words, log=tmp_path / "log"):
        pass
    database = sqlite3.connect(tmp_path / "data" / "control" / "state.db")
    database.execute("PRAGMA user_version = 999")
    database.commit()
    database.close()
    assert "newer version" in _refusal(*words)


def test_a_data_directory_that_may_not_be_written_or_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    done = subprocess.run(
        [sys.executable, "-m", "bascule.control.api", "--data-dir", str(tmp_path / "file"), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_it_listens_on_every_address_given(tmp_path: Path) -> None:
    data = tmp_path / "data"
    binds = ("--bind", "127.0.0.1", "--bind", "127.0.0.2", "--bind", "127.0.0.3", "--advertise", "127.0.0.2")
    with process("bascule.control.api", "--data-dir", str(data), "--port", "0", *binds, log=tmp_path / "log") as ready:
        host, _, port = ready["address"].rpartition(":")
        assert host == "127.0.0.1"
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            assert _get(data, f"{address}:{port}", "/version")[0] == 200  # and the certificate says so
        assert f"https://127.0.0.1:{port}" in (data / "admin.kubeconfig").read_text()
        admin = _pair(tmp_path, pki.layout(data).load_authority(), "boss", ["system:masters"])
        endpoints = "/api/v1/namespaces/default/endpoints/kubernetes"
        subsets = _get(data, ready["address"], endpoints, pair=admin)[1]["subsets"]
        assert [address["ip"] for address in subsets[0]["addresses"]] == ["127.0.0.2"]
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = _refusal("--data-dir", str(data), "--port", port, *binds)
    assert f"port {port} on 127.0.0.2 is in use" in message
