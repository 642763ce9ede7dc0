"""GET of one object: the stored bytes."""

from __future__ import annotations

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import endpoint as endpoints
from bascule.control.api import options, selection, shape
from bascule.control.api import platform as platforms
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record
from bascule.vocabulary import errors, objects


async def get(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The object; 404 when there is none."""
    endpoint = call.endpoint
    stored = find(endpoint, call.key, call.parameters)
    await endpoint.ready(stored)
    return await shape.single(platform, call, endpoint.body(stored))


def find(endpoint: endpoints.Endpoint, key: objects.Key, parameters: options.Parameters) -> record.Record:
    """What is stored under the key.

    Any version is as old as asked for, or newer; 504 for who has seen one that does not exist yet.
    """
    if parameters:
        if parameters.flag("export"):
            raise errors.bad_request("the export parameter, deprecated since v1.14, is no longer supported")
        asked = selection.version(parameters.get("resourceVersion", ""))
        newest = endpoint.records.revision
        if asked is not None and asked > newest:
            raise selection.too_new(cache_errors.Future(asked, newest))
    stored = endpoint.records.get(key)
    if stored is None:
        raise errors.not_found(endpoint.resource.qualified, key.name)
    return stored
