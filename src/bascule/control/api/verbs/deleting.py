"""DELETE: of one object."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import orjson
from aiohttp import web

from bascule.control.api import body, deletion, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.wire import respond
from bascule.control.cache import record
from bascule.control.schema import decoding
from bascule.vocabulary import errors, objects

_ORPHANED_BY_DEFAULT: Final = {("batch", "jobs"), ("", "replicationcontrollers")}


class Gone(NamedTuple):
    """`body`: the object as it is now, or was last; `ended`: it is no more."""

    body: bytes
    uid: str
    ended: bool


async def delete(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the object where it waits to be deleted, else (for most kinds) with a Status."""
    wanted = await read_wish(call)
    gone = await deleted(platform, call, wanted)
    if not gone.ended or call.endpoint.strategy.delete_returns_object:
        return await shape.single(platform, call, gone.body)
    details = {"name": call.name, "group": call.resource.group, "kind": call.resource.plural, "uid": gone.uid}
    return respond.success({key: value for key, value in details.items() if value})


async def read_wish(call: calls.Call) -> deletion.Wish:
    """The DeleteOptions of the request, from its query and its body."""
    content = await call.body()
    given: objects.Object | None = None
    if content.strip():
        read = functools.partial(decoding.decode, default=("v1", "DeleteOptions"))
        given = await body.decoded(read, content, call.content_type)
        if given.get("kind") != "DeleteOptions":
            raise errors.bad_request(f"the body of a DELETE is DeleteOptions, not {str(given.get('kind'))[:100]}")
    return deletion.wish(call.parameters, given)


async def deleted(platform: platforms.Platform, call: calls.Call, wanted: deletion.Wish) -> Gone:
    """Deletes the call's object, or marks it; again when somebody else was faster."""
    for attempt in range(pipeline.CONFLICT_ATTEMPTS):
        stored = call.endpoint.records.get(call.key)
        if stored is None:
            raise call.not_found()
        try:
            return await _once(platform, call, wanted, stored)
        except errors.StatusError as error:
            if attempt == pipeline.CONFLICT_ATTEMPTS - 1 or not await pipeline.lost_race(call, error):
                raise
    raise AssertionError("unreachable")


async def _once(platform: platforms.Platform, call: calls.Call, wanted: deletion.Wish, stored: record.Record) -> Gone:
    endpoint = call.endpoint
    await endpoint.ready(stored)
    call.large = call.large or stored.size_bytes() > calls.LARGE_BYTES
    old = await call.aside(endpoint.decode, stored)
    deletion.check_preconditions(wanted, old, call.resource.qualified)
    asked = call.admission("DELETE", old=old)
    asked.dry_run = wanted.dry_run
    platform.admission.validate(asked, None)
    orphans = (call.resource.group, call.resource.plural) in _ORPHANED_BY_DEFAULT
    marked = deletion.decide(old, wanted, endpoint.strategy, platform.time.now(), orphans_by_default=orphans).marked
    uid = objects.uid(old)
    if wanted.dry_run or marked == old:
        return Gone(orjson.dumps(marked or old), uid, marked is None)
    with platform.admission.reserve(asked, None) as reservation, pipeline.translated(call):
        if marked is None:
            after = await endpoint.records.delete(stored.key, stored.revision)
        else:
            after = await endpoint.records.update(stored.key, await pipeline.encoded(call, marked), stored.revision)
        reservation.committed()
    if marked is None:
        pipeline.released(platform, call, old)
    await endpoint.ready(after)
    return Gone(endpoint.body(after), uid, marked is None)
