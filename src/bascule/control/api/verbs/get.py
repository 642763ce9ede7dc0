"""GET of one object: the stored bytes."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api import selection, shape
from bascule.control.cache import errors as cache_errors


async def get(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The object; 404 when there is none."""
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    if call.parameters:
        _require_known(call)
    await call.endpoint.ready(stored)
    return await shape.single(platform, call, call.endpoint.body(stored))


def _require_known(call: calls.Call) -> None:
    """504 for who has seen a version that does not exist yet; any other is as old as asked for, or newer."""
    asked = selection.version(call.parameters.get("resourceVersion", ""))
    newest = call.endpoint.records.revision
    if asked is not None and asked > newest:
        raise selection.too_new(cache_errors.Future(asked, newest))
