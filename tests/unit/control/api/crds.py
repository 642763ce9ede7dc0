"""Definitions for tests, and the wait until they are served."""

from __future__ import annotations

from typing import Any

from tests import waiting
from tests.unit.control.api import harness

Object = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "stable.example.com"


def version(name: str = "v1", properties: Object | None = None, **more: Any) -> Object:
    """A served version that stores, whose spec has the properties."""
    shown = properties if properties is not None else {"image": {"type": "string"}, "replicas": {"type": "integer"}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": shown}}}
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **more}


def definition(
    kind: str = "CronTab", *versions: Object, group: str = GROUP, scope: str = "Namespaced", **spec: Any
) -> Object:
    plural = kind.lower() + "s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind},
            "versions": list(versions) or [version()],
            **spec,
        },
    }


def custom(name: str, kind: str = "CronTab", version: str = "v1", **content: Any) -> Object:
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}, **content}


def condition(crd: Object, name: str) -> Object:
    found = [one for one in (crd.get("status") or {}).get("conditions") or [] if one["type"] == name]
    return found[0] if found else {}


async def serve(api: harness.Api, crd: Object, cluster: str = "") -> Object:
    """Creates the definition and waits until it is established."""
    prefix = f"/clusters/{cluster}" if cluster else ""
    await api.create(prefix + CRDS, crd)
    path = f"{prefix}{CRDS}/{crd['metadata']['name']}"
    return await until(api, path, "Established", "True")


async def until(api: harness.Api, path: str, name: str, status: str) -> Object:
    """The definition once a condition has the status."""
    seen: Object = {}

    async def holds() -> bool:
        answer = await api.get(path)
        seen.clear()
        seen.update(answer.body)
        return condition(answer.body, name).get("status") == status

    await waiting.until(holds, timeout_seconds=10, what=f"{name}={status} of {path}")
    return seen


async def gone(api: harness.Api, path: str) -> None:
    async def missing() -> bool:
        return (await api.get(path)).code == 404

    await waiting.until(missing, timeout_seconds=10, what=f"the end of {path}")
