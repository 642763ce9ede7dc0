"""POST to a collection: a new object."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.subresources import certificates
from bascule.vocabulary import builtins


async def create(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """201 with the object as it was stored."""
    obj = await body.read(call)
    signing = call.resource is builtins.CERTIFICATE_SIGNING_REQUESTS
    if signing:
        certificates.identify(call, obj)
    outcome = await pipeline.create(platform, call, obj)
    if signing and not call.options.dry_run:
        await certificates.sign(platform, call)
    return await shape.single(platform, call, outcome.body, code=201)
