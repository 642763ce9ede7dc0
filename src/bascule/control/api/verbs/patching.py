"""PATCH: what the body changes about an object, in one of four languages.

A patch is computed anew against the current object whenever somebody else was faster, unless it names a version.
Server-side apply is in `applying`, the bodies of the others in `patch_body`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import applying, patch_body, restoring
from bascule.control.cache import record
from bascule.control.patch import json_patch, merge_patch, strategic
from bascule.control.schema import types
from bascule.vocabulary import errors, objects

Merge = Callable[[objects.Object], objects.Object]


class Reading(NamedTuple):
    """What becomes of an object, and the operation by which it does; Apply has settled who owns what."""

    change: Callable[[objects.Object, record.Record], objects.Object]
    operation: str


async def patch(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the object as it is now; 201 when an apply created it."""
    outcome = await patched(platform, call)
    return await shape.single(platform, call, outcome.body, code=201 if outcome.created else 200)


async def patched(platform: platforms.Platform, call: calls.Call) -> pipeline.Outcome:
    """Applies the request's patch to the stored object."""
    patch_body.require_supported(call)
    if call.content_type == patch_body.APPLY:
        return await applying.patched(platform, call)
    sent = await patch_body.read(call)
    merge = changing(call, sent, call.endpoint.schema)
    named = _version(sent.value)

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = merge(current)
        meta = wanted.get("metadata") or {}
        if not meta.get("name"):
            raise errors.bad_request(
                f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
            )
        if meta.get("resourceVersion") not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        if meta.get("uid") not in (None, "", current["metadata"].get("uid")):
            raise applying.another_uid(call, meta["uid"])
        return wanted

    return await pipeline.update(platform, call, change, retry=not named, given="to share")


async def reading(platform: platforms.Platform, call: calls.Call) -> Reading:
    """The change that the request's patch is, for a path that takes over a part of the outcome."""
    patch_body.require_supported(call)
    if call.content_type == patch_body.APPLY:
        return Reading((await applying.read(platform, call)).change, "Apply")
    merge = changing(call, await patch_body.read(call), call.endpoint.schema)
    return Reading(lambda current, _: merge(current), "Update")


def changing(call: calls.Call, sent: patch_body.Patch, schema: types.TypeSchema) -> Merge:
    """The function that makes of an object what the patch says; 4xx for what is then no object of the schema."""
    merge = _merger(call.content_type, sent.value, schema)
    is_typed = call.content_type == patch_body.STRATEGIC
    tell = restoring.refusal(sent.value) if is_typed else body.badly_patched(call)
    refuse = sent.refusing(tell)

    def change(current: objects.Object) -> objects.Object:
        wanted = merge(current)
        if not isinstance(wanted, dict):
            raise errors.bad_request("the patched object is no longer an object")
        wanted = body.of_its_type(call, wanted, current, is_typed=is_typed)
        wanted = body.check_changed(call, wanted, current, schema, refuse)
        sent.check(wanted, tell)
        return wanted

    return change


def _merger(content_type: str, value: Any, schema: types.TypeSchema) -> Merge:
    if content_type == patch_body.JSON_PATCH:
        return lambda current: json_patch.apply(current, value)
    if content_type == patch_body.MERGE:
        return lambda current: merge_patch.apply(current, value)
    if schema.shape == "any":
        raise errors.unsupported_media_type(patch_body.OF_CUSTOM_RESOURCES)
    return lambda current: strategic.apply(current, value, schema)


def _version(value: Any) -> str:
    """The version a merge patch insists on."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""
