"""namespaces/finalize: the namespace's own finalizers, and its metadata, which are all that this path may change."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.cache import record
from bascule.vocabulary import errors, objects


async def update(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the namespace; the last finalizer's removal ends one that is being deleted."""
    wanted = await body.read(call)
    meta: dict[str, Any] = wanted.get("metadata") or {}
    asked = meta.get("resourceVersion")

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        if asked and asked != str(stored.revision):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        current["metadata"] = objects.deep_copy(meta)
        finalizers = (wanted.get("spec") or {}).get("finalizers") or []
        spec = current.setdefault("spec", {})
        if finalizers:
            spec["finalizers"] = finalizers
        else:
            spec.pop("finalizers", None)
        return current

    outcome = await pipeline.update(platform, call, change, retry=not asked)
    return await shape.single(platform, call, outcome.body)
