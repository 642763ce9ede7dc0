"""A real API server process for real clients; skipped, loudly, where kubectl is absent."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

KUBECTL = shutil.which("kubectl")
READY_SECONDS = 30.0


class Result(NamedTuple):
    code: int
    out: str
    err: str


class Kubectl:
    """kubectl as a user would run it, against one server, in one namespace."""

    def __init__(self, kubeconfig: Path, home: Path, namespace: str = "default") -> None:
        self.kubeconfig = kubeconfig
        self.home = home
        self.namespace = namespace

    def run(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
        """Any command; never raises for its exit code."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            **(env or {}),
        }
        done = subprocess.run(
            [KUBECTL or "kubectl", "--namespace", self.namespace, *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def __call__(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
        """A command that must succeed; its output."""
        result = self.run(*words, stdin=stdin, env=env)
        assert result.code == 0, f"kubectl {' '.join(words)}: {result.err}{result.out}"
        return result.out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))


@contextmanager
def process(module: str, *words: str, log: Path) -> Iterator[dict[str, Any]]:
    """A component as a process of its own, from its ready line until SIGTERM."""
    with log.open("ab") as errors:
        started = subprocess.Popen(
            [sys.executable, "-m", module, *words], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield _ready(started, log)
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        if started.stdout is not None:
            started.stdout.close()


def _ready(started: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    assert started.stdout is not None
    deadline = time.monotonic() + READY_SECONDS
    readable, _, _ = select.select([started.stdout], [], [], deadline - time.monotonic())
    line = started.stdout.readline() if readable else ""
    assert line, f"not ready after {READY_SECONDS:g} s; its log says: {log.read_text()[-2000:]}"
    ready: dict[str, Any] = json.loads(line)
    return ready


@pytest.fixture(scope="session")
def kubectl_binary() -> str:
    if KUBECTL is None:
        text = "kubectl is not on PATH: the tests that drive it are SKIPPED"
        warnings.warn(pytest.PytestWarning(text), stacklevel=1) if os.environ.get("CI") else print(text)
        pytest.skip(text)
    return KUBECTL


@pytest.fixture(scope="session")
def data_dir(kubectl_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a running server."""
    folder = tmp_path_factory.mktemp("installation")
    with process("bascule.control.api", "--data-dir", str(folder), "--port", "0", log=folder / "api.log"):
        yield folder


@pytest.fixture
def kubectl(data_dir: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a namespace of the test's own. No controller runs: the account of its pods is made here."""
    namespace = "t-" + request.node.name.removeprefix("test_").replace("_", "-").lower()[:50].rstrip("-")
    command = Kubectl(data_dir / "admin.kubeconfig", tmp_path, namespace)
    command("create", "namespace", namespace)
    made = command.run("create", "serviceaccount", "default")
    assert made.code == 0 or "already exists" in made.err, made.err  # Where there are controllers, they may be first.
    yield command
    command.run("delete", "namespace", namespace, "--wait=false")
