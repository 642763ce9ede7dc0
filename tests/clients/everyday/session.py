"""What everyday sessions with kubectl have in common: manifests that are typed, answers that are waited for."""

from collections.abc import Callable
from typing import Any

import yaml

from tests import waiting
from tests.clients.conftest import Kubectl

BOTH_DRY = ("--dry-run=client", "--dry-run=server")


def pod(called: str, image: str = "busybox", **labels: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": image}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": called, "labels": labels}, "spec": spec}


def workload(kind: str, name: str, image: str, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def dump(*manifests: dict[str, Any]) -> str:
    return yaml.safe_dump_all(manifests)


def until(said: Callable[[], str], wanted: str) -> None:
    """Waits until a command says it."""
    waiting.until_sync(lambda: wanted in said(), timeout_seconds=20, what=f"{wanted!r}")


def managers(kubectl: Kubectl, what: str) -> set[str]:
    entries = kubectl.json("get", what, "--show-managed-fields")["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries}
