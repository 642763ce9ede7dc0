"""A control plane of real processes, API server and controllers, and a client that asks and watches it."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bascule.vocabulary import objects
from tests import waiting
from tests.clients import admin
from tests.clients.conftest import process

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class Watch:
    """What a watch has told so far. It reads on a connection of its own until the test leaves it."""

    def __init__(self, client: admin.Client, path: str) -> None:
        self.events: list[objects.Object] = []
        self._answer = client.opened(path)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while line := self._answer.readline():
                self.events.append(orjson.loads(line))

    def saw(self, wanted: Callable[[str, objects.Object], Any], what: str = "an event") -> objects.Object:
        """The first object an event with which satisfies the condition was told of."""

        def found() -> list[objects.Object]:
            return [event["object"] for event in list(self.events) if wanted(event["type"], event["object"])]

        return waiting.until_sync(found, what=f"{what} in a watch", timeout_seconds=20)[0]

    def types(self, name: str = "") -> list[str]:
        return [
            event["type"] for event in list(self.events) if not name or event["object"]["metadata"].get("name") == name
        ]


class Plane:
    def __init__(self, data: Path, address: str) -> None:
        self.data, self.address = data, address
        self.client = admin.Client(data, address)
        self._numbers = itertools.count(1)

    def ask(self, method: str, path: str, body: Any = None, media: str = "", **headers: str) -> tuple[int, Any]:
        return self.client.ask(
            method, path, body, media or (MERGE if method == "PATCH" else "application/json"), **headers
        )

    def done(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        """The answer of a request that has to succeed."""
        code, answer = self.ask(method, path, body, media)
        assert code < 300, f"{method} {path}: {answer}"
        return answer

    def get(self, path: str) -> Any:
        return self.done("GET", path)

    def make(self, path: str, body: objects.Object) -> Any:
        return self.done("POST", path, body)

    def gone(self, path: str) -> None:
        waiting.until_sync(lambda: self.ask("GET", path)[0] == 404, what=f"{path} to be gone", timeout_seconds=20)

    def until(self, path: str, wanted: Callable[[Any], Any], what: str = "") -> Any:
        """The object once it satisfies the condition."""

        def found() -> Any:
            code, answer = self.ask("GET", path)
            return answer if code == 200 and wanted(answer) else None

        return waiting.until_sync(found, what=what or path, timeout_seconds=20)

    def space(self, **labels: str) -> str:
        """A new namespace that pods can be made in."""
        name = f"walk-{next(self._numbers)}"
        self.make("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.until(f"/api/v1/namespaces/{name}/serviceaccounts/default", bool)
        return name

    @contextmanager
    def watching(self, path: str, seconds: int = 60) -> Iterator[Watch]:
        client = admin.Client(self.data, self.address)
        try:
            yield Watch(client, f"{path}{'&' if '?' in path else '?'}watch=true&timeoutSeconds={seconds}")
        finally:
            client.abandon()


@contextmanager
def running(home: Path) -> Iterator[Plane]:
    data = home / "data"
    with process("bascule.control.api", "--data-dir", str(data), "--port", "0", log=home / "api.log") as ready:
        kubeconfig = data / "identities" / "controllers.kubeconfig"
        with process("bascule.control.controllers", "--kubeconfig", str(kubeconfig), log=home / "controllers.log"):
            plane = Plane(data, ready["address"])
            try:
                yield plane
            finally:
                plane.client.close()
