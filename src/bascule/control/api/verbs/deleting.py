"""DELETE: of one object."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import orjson
from aiohttp import web

from bascule.control.api import body, deletion, options, pipeline, shape, table
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.wire import respond
from bascule.control.cache import record
from bascule.control.schema import catalog, decoding, types, validation
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
        code = 202 if not gone.ended and wanted.says_no_orphans else 200
        return await shape.single(platform, call, gone.body, code=code)
    if call.accept.shape == "table":
        table.include(
            call.parameters.get("includeObject", "")
        )  # Nothing is shown of it, but what it says must be right.
    details = {"name": call.name, "group": call.resource.group, "kind": call.resource.plural, "uid": gone.uid}
    said = {key: value for key, value in details.items() if value}
    return respond.success(said, encoding=call.accept.encoding)


async def read_wish(call: calls.Call) -> deletion.Wish:
    """The DeleteOptions of the request: of its body, of its query where it has none."""
    content = await call.body()
    if not content:
        return deletion.wish(call.parameters, None)
    given: objects.Object = {}
    if content.strip() != b"null":
        default = ("v1", "DeleteOptions") if call.content_type == decoding.PROTOBUF else None
        given = await body.decoded(functools.partial(decoding.decode, default=default), content, call.content_type)
    _check_options(given)
    return deletion.wish(options.NO_PARAMETERS, given)


def _check_options(given: objects.Object) -> None:
    """400 for what is no DeleteOptions, of whichever group, or does not fit their type."""
    version, kind = given.get("apiVersion") or "", given.get("kind") or "DeleteOptions"
    if version.count("/") > 1:
        raise errors.bad_request(f"unexpected GroupVersion string: {version[:100]}")
    if kind != "DeleteOptions":
        raise errors.bad_request(f"the body of a DELETE is DeleteOptions, not {kind[:100]}")
    findings = validation.check(given, catalog.schema_of("v1", "DeleteOptions") or types.ANYTHING)
    if findings.type_errors:
        raise errors.bad_request(findings.type_errors[0])


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
    deletion.check_preconditions(wanted, old, call.resource)
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
