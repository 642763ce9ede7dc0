"""GET of one object: the stored bytes."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api import shape


async def get(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The object; 404 when there is none."""
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    await call.endpoint.ready(stored)
    return shape.single(platform, call, call.endpoint.body(stored))
