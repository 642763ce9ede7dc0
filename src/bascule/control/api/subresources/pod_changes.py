"""pods/ephemeralcontainers and pods/resize: the two parts of a running pod's spec that may be changed."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import get, patch_body, patching
from bascule.control.cache import record
from bascule.control.kinds.pod import doors
from bascule.vocabulary import errors, objects


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """GET answers the pod; PUT and PATCH take over the one part that the path is about."""
    if call.verb == "get":
        return await get.get(platform, call)
    if call.verb == "update":
        wanted = await body.read(call)
        merge: patching.Merge = lambda _: objects.deep_copy(wanted)  # noqa: E731
    else:
        merge = patching.changing(call, await patch_body.read(call), call.endpoint.schema)
    take = doors.take_resize if call.subresource == "resize" else doors.take_ephemeral

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = merge(objects.deep_copy(current))
        given = (wanted.get("metadata") or {}).get("resourceVersion")
        if given not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        take(current, wanted)
        return current

    outcome = await pipeline.update(platform, call, change, retry=True)
    return await shape.single(platform, call, outcome.body)
