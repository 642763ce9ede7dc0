"""pods/ephemeralcontainers and pods/resize: the two parts of a running pod's spec that may be changed."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import get, patching
from bascule.control.cache import record
from bascule.control.kinds.pod import doors
from bascule.vocabulary import errors, objects


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """GET answers the pod; PUT and PATCH take over the one part that the path is about."""
    if call.verb == "get":
        return await get.get(platform, call)
    if call.verb == "update":
        wanted = await body.read(call)
        asked = patching.Reading(lambda *_: objects.deep_copy(wanted), "Update")
    else:
        asked = await patching.reading(platform, call)
    take = doors.take_resize if call.subresource == "resize" else doors.take_ephemeral

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = asked.change(objects.deep_copy(current), stored)
        given = (wanted.get("metadata") or {}).get("resourceVersion")
        if given not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        take(current, wanted)
        if asked.operation == "Apply":
            current["metadata"]["managedFields"] = wanted["metadata"]["managedFields"]
        return current

    outcome = await pipeline.update(platform, call, change, retry=True, operation=asked.operation)
    return await shape.single(platform, call, outcome.body)
