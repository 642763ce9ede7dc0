"""What the demo asks the platform: is it rolled out, which containers run, what was restarted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from bascule.client import faults
from bascule.client.api import Client
from bascule.console.demo import workload
from bascule.console.local.choices import BringUpError
from bascule.vocabulary import builtins, objects
from bascule.vocabulary.errors import StatusError
from bascule.vocabulary.objects import Object

AWAY = (aiohttp.ClientError, faults.Unreachable, ConnectionError, TimeoutError)


async def until(condition: Callable[[], Awaitable[Any]], *, timeout_seconds: float, what: str) -> float:
    """How long it took until the condition held. Raises BringUpError at the deadline."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            if await condition():
                return loop.time() - began
        except AWAY:
            pass
        if loop.time() - began > timeout_seconds:
            raise BringUpError(f"{what}: not within {timeout_seconds:g} s")
        await asyncio.sleep(0.05)


async def deploy(api: Client, manifests: list[Object]) -> None:
    """Applies the manifests, creating what is missing."""
    for manifest in manifests:
        resource = builtins.REGISTRY.by_kind(manifest["apiVersion"], manifest["kind"])
        assert resource is not None
        await api.patch(
            resource,
            objects.name(manifest),
            manifest,
            kind="apply",
            namespace=objects.namespace(manifest),
            field_manager="bascule-demo",
            force=True,
        )


async def rolled_out(api: Client) -> bool:
    deployment = await api.get(builtins.DEPLOYMENTS, workload.NAME, namespace=workload.NAMESPACE)
    status = deployment.get("status") or {}
    wanted = deployment["spec"]["replicas"]
    return (
        status.get("observedGeneration") == objects.generation(deployment)
        and status.get("updatedReplicas") == wanted
        and status.get("availableReplicas") == wanted
        and status.get("replicas") == wanted
    )


async def pods(api: Client) -> dict[str, Object]:
    """The demo's live pods by uid."""
    listed = await api.list(builtins.PODS, namespace=workload.NAMESPACE, label_selector="app=" + workload.NAME)
    return {objects.uid(pod): pod for pod in listed["items"] if not objects.deletion_timestamp(pod)}


def restarts(listed: dict[str, Object]) -> int:
    statuses = [s for pod in listed.values() for s in (pod.get("status") or {}).get("containerStatuses") or ()]
    return sum(status.get("restartCount") or 0 for status in statuses)


async def service_address(api: Client) -> str:
    service = await api.get(builtins.SERVICES, workload.NAME, namespace=workload.NAMESPACE)
    return str(service["spec"]["clusterIP"])


async def answers(address: str) -> bool:
    """Whether the Service answers a request."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(address, workload.PORT)
            writer.write(b"GET /index.html HTTP/1.0\r\n\r\n")
            head = await reader.readline()
    except (OSError, TimeoutError):
        return False
    writer.close()
    return b" 200" in head


async def cleared(api: Client) -> bool:
    """Whether no namespace of an earlier demo is still being deleted."""
    try:
        namespace = await api.get(builtins.NAMESPACES, workload.NAMESPACE)
    except StatusError as error:
        if error.code == 404:
            return True
        raise
    return objects.deletion_timestamp(namespace) is None


async def remove(api: Client) -> None:
    try:
        await api.delete(builtins.NAMESPACES, workload.NAMESPACE)
    except StatusError as error:
        if error.code != 404:
            raise
