"""DELETE of a collection: of everything the selectors choose, each object as if it were deleted alone."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import deletion
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import deleting, listing
from bascule.control.api.wire import long_list, negotiate, respond
from bascule.control.cache import record
from bascule.vocabulary import errors

_AT_ONCE: Final = 64
"""Deletes in flight together, so that the store groups them into few commits."""


async def delete_collection(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the list of what was deleted or marked."""
    wanted = await deleting.read_wish(call)
    page = await listing.read(call)
    bodies: list[bytes] = []
    for start in range(0, len(page.records), _AT_ONCE):
        part = page.records[start : start + _AT_ONCE]
        gone = await asyncio.gather(*(_one(platform, call, wanted, stored) for stored in part))
        bodies += [body for body in gone if body]
    metadata = listing.metadata(page)
    if call.accept != negotiate.OBJECT_JSON:
        return await asyncio.to_thread(_shaped, platform, call, metadata, bodies)
    pieces = _pieces(call.endpoint.list_head + orjson.dumps(metadata), bodies)
    if long_list.fits(call, len(bodies)):
        return await long_list.send(call, pieces)
    return respond.raw(b"".join([piece async for piece in pieces]), warnings=call.warnings)


async def _pieces(head: bytes, bodies: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
    yield head + b',"items":['
    for start in range(0, len(bodies), long_list.SLICE):
        yield b"," * (start > 0) + b",".join(bodies[start : start + long_list.SLICE])
    yield b"]}\n"


def _shaped(
    platform: platforms.Platform, call: calls.Call, metadata: dict[str, Any], bodies: Sequence[bytes]
) -> web.StreamResponse:
    """The same in another form, or as YAML."""
    frame, show = listing.framed(platform, call, metadata)
    entries = "rows" if call.accept.shape == "table" else "items"
    made = {**frame, entries: [show(orjson.loads(body)) for body in bodies]}
    return respond.value(made, encoding=call.accept.encoding, warnings=call.warnings)


async def _one(platform: platforms.Platform, call: calls.Call, wanted: deletion.Wish, stored: record.Record) -> bytes:
    """The object after its deletion; empty when somebody else deleted it first."""
    own = dataclasses.replace(call, cluster=stored.key.cluster, namespace=stored.key.namespace, name=stored.key.name)
    try:
        return (await deleting.deleted(platform, own, wanted)).body
    except errors.StatusError as error:
        if error.code == 404:
            return b""
        raise
