"""One object as the client asked to see it: itself, a one-row Table, or its metadata; in JSON or YAML."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api import table
from bascule.control.api.wire import negotiate, respond
from bascule.control.kinds import strategy
from bascule.vocabulary import stepwise


async def single(
    platform: platforms.Platform,
    call: calls.Call,
    body: bytes,
    *,
    code: int = 200,
    kind: strategy.Strategy | None = None,
) -> web.Response:
    """An answer with the object whose JSON is given; `kind` is its own where that is not the endpoint's."""
    accept = call.accept
    if accept is negotiate.OBJECT_JSON or accept == negotiate.OBJECT_JSON:
        return respond.raw(body + b"\n", code=code, warnings=call.warnings)
    own = kind or call.endpoint.strategy
    if len(body) > calls.LARGE_BYTES:
        made = await asyncio.to_thread(_shaped, platform, call, body, own)
    else:
        made = _shaped(platform, call, body, own)
    media = negotiate.YAML if accept.encoding == "yaml" else negotiate.JSON
    return respond.raw(made, code=code, media=media, warnings=call.warnings)


def _shaped(platform: platforms.Platform, call: calls.Call, body: bytes, kind: strategy.Strategy) -> bytes:
    accept, obj = call.accept, stepwise.loads(body)
    if accept.shape == "table":
        included = table.include(call.parameters.get("includeObject", ""))
        row = table.row(kind, obj, platform.time.now(), included=included, version=accept.version)
        version = obj["metadata"].get("resourceVersion")
        metadata = {"resourceVersion": version} if version else {}
        obj = table.table(table.columns(kind), [row], metadata, accept.version)
    elif accept.shape == "metadata":
        obj = table.partial(obj, accept.version)
    if accept.encoding == "yaml":
        encoded = respond.dump(obj)
        if len(encoded) > respond.YAML_ABOVE_BYTES and respond.is_yaml(encoded):
            return encoded
    return respond.dump(obj, accept.encoding)
