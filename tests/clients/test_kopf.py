"""A kopf operator, a process of its own, takes a custom resource through its life on a real server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import waiting
from tests.clients import admin
from tests.clients.conftest import process

pytestmark = [pytest.mark.scenario, pytest.mark.slow]

GREETINGS = "/apis/example.com/v1/namespaces/default/greetings"
MAPS = "/api/v1/namespaces/default/configmaps"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "greetings.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "greetings", "singular": "greeting", "kind": "Greeting"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["whom"],
                                "properties": {
                                    "word": {"type": "string", "default": "Hello"},
                                    "whom": {"type": "string", "minLength": 1},
                                },
                            },
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[admin.Client]:
    home = tmp_path_factory.mktemp("kopf")
    data = home / "data"
    with (
        admin.serving(data, home / "api.log") as (client, _),
        process(
            "bascule.control.controllers",
            "--kubeconfig",
            str(data / "identities" / "controllers.kubeconfig"),
            log=home / "controllers.log",
        ),
    ):
        code, answer = client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
        assert code == 201, answer
        waiting.until_sync(
            lambda: client.ask("GET", GREETINGS)[0] == 200, timeout_seconds=20, what="greetings to be served"
        )
        with _operator(data / "admin.kubeconfig", home):
            yield client


@contextlib.contextmanager
def _operator(kubeconfig: Path, home: Path) -> Iterator[None]:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home)}
    program = Path(__file__).with_name("operator_of_greetings.py")
    command = [sys.executable, "-m", "kopf", "run", "--standalone", "--namespace", "default", str(program)]
    with (home / "operator.log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def _until(server: admin.Client, path: str, seen: Any, what: str) -> Any:
    def look() -> Any:
        code, answer = server.ask("GET", path)
        return answer if seen(code, answer) else None

    return waiting.until_sync(look, timeout_seconds=40, what=what)


def test_an_operator_runs_a_custom_resource_through_its_life(server: admin.Client) -> None:
    body = {"apiVersion": "example.com/v1", "kind": "Greeting", "metadata": {"name": "a"}, "spec": {"whom": "world"}}
    code, made = server.ask("POST", GREETINGS, body)
    assert (code, made["spec"]["word"]) == (201, "Hello"), made

    created = _until(server, f"{MAPS}/a", lambda code, _: code == 200, "the operator's ConfigMap")
    assert created["data"]["text"] == "Hello, world"
    assert created["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    noted = _until(
        server, f"{GREETINGS}/a", lambda _, answer: answer.get("status", {}).get("create"), "the operator's status"
    )
    assert noted["status"]["create"] == {"map": "a"}
    assert noted["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]

    change = {"spec": {"word": "Good evening"}}
    code, _ = server.ask("PATCH", f"{GREETINGS}/a", change, "application/merge-patch+json")
    assert code == 200
    _until(server, f"{MAPS}/a", lambda _, answer: answer["data"]["text"] == "Good evening, world", "the change")

    code, _ = server.ask("DELETE", f"{GREETINGS}/a")
    assert code == 200
    _until(server, f"{GREETINGS}/a", lambda code, _: code == 404, "the end of the greeting")
    assert server.ask("GET", f"{MAPS}/farewell-a")[0] == 200
    _until(server, f"{MAPS}/a", lambda code, _: code == 404, "the ConfigMap to go with its owner")
