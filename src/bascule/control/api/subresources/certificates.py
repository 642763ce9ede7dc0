"""CertificateSigningRequests: the server writes down who asks, and approves and signs nodes' requests at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import get, patching
from bascule.control.cache import cache, record
from bascule.control.kinds import certificate_signing_requests
from bascule.vocabulary import builtins, errors, objects

if TYPE_CHECKING:
    from bascule.control.access import signing


def identify(call: calls.Call, obj: objects.Object) -> None:
    """The asker's identity, whatever the body says."""
    spec = obj["spec"] = obj.get("spec") or {}
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    spec |= call.user.info()


async def sign(platform: platforms.Platform, call: calls.Call) -> None:
    """Approves and signs the stored request where that is right; marks a bootstrap token as used in the same commit."""
    records = call.endpoint.records
    stored = records.get(call.key)
    if stored is None:
        return
    obj = call.endpoint.decode(stored)
    from bascule.control.access import signing  # With the libraries for certificates, which few servers need.

    use = signing.process(obj, platform.reader, platform.authority(), platform.time, cluster=call.cluster)
    if obj == call.endpoint.decode(stored):
        return
    writes = [cache.Write(records.name, stored.key, pipeline.encode(call, obj), stored.revision)]
    if use is not None:
        writes.append(_mark(platform, use))
    with pipeline.translated(call):
        await platform.cache.commit(writes)


def _mark(platform: platforms.Platform, use: signing.TokenUse) -> cache.Write:
    endpoint = platform.endpoint_of(builtins.SECRETS)
    secret = objects.deep_copy(use.secret)
    annotations = secret["metadata"]["annotations"] = secret["metadata"].get("annotations") or {}
    annotations[use.key] = use.value
    draft = record.draft(secret, endpoint.strategy.selectable_fields(secret))
    return cache.Write(endpoint.records.name, objects.key(secret), draft, objects.resource_version(secret))


async def approval(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """Takes over the conditions and the metadata, then signs what was approved."""
    if call.verb == "get":
        return await get.get(platform, call)
    if call.verb == "update":
        wanted = await body.read(call)
        reading = patching.Reading(lambda *_: wanted, "Update")
    else:
        reading = await patching.reading(platform, call)

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        asked = reading.change(objects.deep_copy(current), stored)
        given = (asked.get("metadata") or {}).get("resourceVersion")
        if given not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        current["metadata"] = asked["metadata"]
        status = current.setdefault("status", {})
        status["conditions"] = (asked.get("status") or {}).get("conditions") or []
        certificate_signing_requests.stamp(current, call.endpoint.decode(stored), platform.now())
        return current

    await pipeline.update(platform, call, change, retry=True, operation=reading.operation)
    await sign(platform, call)
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    return await shape.single(platform, call, call.endpoint.body(stored))
