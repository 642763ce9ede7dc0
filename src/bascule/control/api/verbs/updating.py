"""PUT: an object, or its status, replaced by the body's."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import body, pipeline, selection, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.cache import record
from bascule.vocabulary import errors, objects


async def update(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the object as it is now; 201 where the kind may be created this way."""
    wanted = await body.read(call)
    outcome = await replace(platform, call, wanted)
    return await shape.single(platform, call, outcome.body, code=201 if outcome.created else 200)


async def replace(platform: platforms.Platform, call: calls.Call, wanted: objects.Object) -> pipeline.Outcome:
    """Stores `wanted` in place of the object; 409 when it carries another version than the stored one."""
    meta = wanted.get("metadata") or {}
    if not meta.get("name"):
        raise errors.bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        )
    if meta["name"] != call.name:
        raise errors.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({call.name})"
        )
    if meta.get("namespace") and meta["namespace"] != call.namespace and call.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    asked = selection.version(meta.get("resourceVersion") or "")
    strategy = call.endpoint.strategy
    missing = call.endpoint.records.get(call.key) is None
    if missing and not (strategy.create_on_update and not call.subresource):
        raise call.not_found()
    if missing:
        if asked:
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        platform.authorizer.require(call.attributes()._replace(verb="create"))
        wanted.setdefault("metadata", {})["name"] = call.name
        return await pipeline.create(platform, call, wanted)
    if not asked and not strategy.unconditional_update:
        cause = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
        raise errors.invalid(call.resource.plural, call.resource.group, call.name, [cause])

    def change(_: objects.Object, stored: record.Record) -> objects.Object:
        if asked and asked != stored.revision:
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        # Who names a version has one try: nobody needs the object again.
        return wanted if asked else objects.deep_copy(wanted)

    return await pipeline.update(platform, call, change, retry=not asked, given="for nothing")
