"""pods/ephemeralcontainers and pods/resize: the two parts of a running pod's spec that may be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bascule.control.api import body, get, negotiate, patching, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.cache import record
from bascule.vocabulary import errors, objects

_RESIZABLE = ("resources", "resizePolicy")


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """GET answers the pod; PUT and PATCH take over the one part that the path is about."""
    if call.verb == "get":
        return await get.get(platform, call)
    if call.verb == "update":
        wanted = await body.read(call)
        merge: patching.Merge = lambda _: objects.deep_copy(wanted)  # noqa: E731
    else:
        value = await body.value(await call.body(), negotiate.JSON)
        merge = patching.merger(call.content_type, value, call.endpoint.schema)
    take: Callable[[objects.Object, objects.Object], None] = _resize if call.subresource == "resize" else _debug

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = merge(objects.deep_copy(current))
        given = (wanted.get("metadata") or {}).get("resourceVersion")
        if given not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        body.check(call, wanted, call.endpoint.schema, [])
        take(current, wanted)
        return current

    outcome = await pipeline.update(platform, call, change, retry=True)
    return shape.single(platform, call, outcome.body)


def _debug(pod: objects.Object, wanted: objects.Object) -> None:
    """Ephemeral containers may be added; those that exist stay as they are."""
    existing: list[Any] = pod["spec"].get("ephemeralContainers") or []
    asked: list[Any] = (wanted.get("spec") or {}).get("ephemeralContainers") or []
    by_name = {container.get("name"): container for container in asked}
    if any(by_name.get(container.get("name")) != container for container in existing):
        cause = errors.forbidden_field("spec.ephemeralContainers", "existing ephemeral containers may not be changed")
        raise errors.invalid("Pod", "", objects.name(pod), [cause])
    if asked:
        pod["spec"]["ephemeralContainers"] = asked


def _resize(pod: objects.Object, wanted: objects.Object) -> None:
    """Containers' resources and resize policies are taken over, by the containers' names."""
    for part in ("containers", "initContainers"):
        by_name = {container.get("name"): container for container in (wanted.get("spec") or {}).get(part) or []}
        for container in pod["spec"].get(part) or []:
            asked = by_name.get(container.get("name")) or {}
            for field in _RESIZABLE:
                if field in asked:
                    container[field] = asked[field]
