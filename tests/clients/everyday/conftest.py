"""One server with its controllers and no node, for all everyday sessions; each has a namespace of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Kubectl, process

_NUMBERS = itertools.count()


@pytest.fixture(scope="package")
def installation(kubectl_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a server and its controllers, both processes of their own."""
    folder = tmp_path_factory.mktemp("everyday")
    with process("bascule.control.api", "--data-dir", str(folder), "--port", "0", log=folder / "api.log"):
        kubeconfig = str(folder / "identities" / "controllers.kubeconfig")
        with process("bascule.control.controllers", "--kubeconfig", kubeconfig, log=folder / "controllers.log"):
            yield folder


@pytest.fixture
def kubectl(installation: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    namespace = f"e-{next(_NUMBERS)}-" + request.node.originalname.removeprefix("test_").replace("_", "-")[:40].rstrip(
        "-"
    )
    command = Kubectl(installation / "admin.kubeconfig", tmp_path, namespace)
    command("create", "namespace", namespace)
    yield command
    command.run("delete", "namespace", namespace, "--wait=false")
