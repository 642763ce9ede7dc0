"""The scale subresource: how many replicas, of whatever kind."""

from __future__ import annotations

import functools
from typing import Any

import orjson
from aiohttp import web

from bascule.control.api import body, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import applying, patch_body, patching
from bascule.control.api.wire import negotiate
from bascule.control.cache import record
from bascule.control.kinds import scales, strategy
from bascule.control.patch import apply, managed_fields, scale_fields
from bascule.control.schema import catalog, decoding, types
from bascule.vocabulary import errors, labels, objects

_API_VERSION, _KIND = scale_fields.API_VERSION, "Scale"


async def serve(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """GET, PUT and PATCH of a Scale."""
    stored = call.endpoint.records.get(call.key)
    if stored is None:
        raise call.not_found()
    if call.verb == "get":
        await call.endpoint.ready(stored)
        found = call.endpoint.decode(stored)
        _require_replicas(call, found)
        return await _answer(platform, call, found)
    if call.verb == "update":
        wanted = await body.read(call, api_version=_API_VERSION, kind=_KIND, schema=_schema())
        outcome = await _write(platform, call, lambda _: wanted)
    elif call.content_type == patch_body.APPLY:
        outcome = await _apply(platform, call)
    else:
        patch_body.require_supported(call)
        sent = await patch_body.read(call)
        outcome = await _write(platform, call, patching.changing(call, sent, _schema()))
    return await _answer(platform, call, orjson.loads(outcome.body))


def of(obj: objects.Object, where: strategy.Scale) -> objects.Object:
    """The Scale of an object."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: dict[str, Any] = {"replicas": _find(obj, where.status_replicas) or 0}
    selector = _find(obj, where.selector)
    if isinstance(selector, dict):
        plain = "matchLabels" not in selector and "matchExpressions" not in selector
        status["selector"] = labels.from_label_selector({"matchLabels": selector} if plain else selector).text()
    elif isinstance(selector, str):
        status["selector"] = selector
    return {
        "kind": _KIND,
        "apiVersion": _API_VERSION,
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": _find(obj, where.spec_replicas) or 0},
        "status": status,
    }


async def _write(platform: platforms.Platform, call: calls.Call, wanted_of: patching.Merge) -> pipeline.Outcome:
    """Nobody comes to own a number of replicas that nobody owned so far: `scale_fields`."""
    where = _where(call)

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        entries = objects.metadata(current).get("managedFields") or []
        live = _owned(current, entries, where)
        wanted = wanted_of(of(current, where))
        _scale(call, current, wanted, stored)
        scaled = managed_fields.record_update(
            live,
            of(current, where),
            call.options.field_manager or "unknown",
            api_version=_API_VERSION,
            now=platform.now(),
            schema=_schema(),
            subresource=call.subresource,
        )
        _own(call, current, entries, scaled)
        return current

    return await pipeline.update(platform, call, change, retry=True, operation="Scale")


def _owned(obj: objects.Object, entries: list[managed_fields.Entry], where: strategy.Scale) -> objects.Object:
    """The Scale of an object, with who owns it."""
    live = of(obj, where)
    live["metadata"]["managedFields"] = scale_fields.to_scale(entries, where.spec_replicas)
    return live


def _own(
    call: calls.Call,
    obj: objects.Object,
    entries: list[managed_fields.Entry],
    scaled: list[managed_fields.Entry],
) -> None:
    """Gives the object, which has `entries`, to those who own its Scale now."""
    path = _where(call).spec_replicas
    obj["metadata"]["managedFields"] = scale_fields.to_object(entries, scaled, path, call.resource.api_version)


def _scale(call: calls.Call, current: objects.Object, wanted: objects.Object, stored: record.Record) -> None:
    """Gives the object as many replicas as a Scale says."""
    meta = wanted.get("metadata") or {}
    if meta.get("resourceVersion") not in (None, "", str(stored.revision)):
        raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
    if meta.get("name") not in (None, "", call.name):
        raise errors.bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({call.name})"
        )
    replicas = (wanted.get("spec") or {}).get("replicas") or 0
    if not isinstance(replicas, int) or replicas < 0:
        if call.endpoint.prune is not None:
            path = f".{_where(call).spec_replicas}"
            cause = errors.invalid_value(path, replicas, "should be a non-negative integer")
            raise errors.invalid(call.resource.kind, call.resource.group, call.name, [cause])
        cause = errors.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid(_KIND, "autoscaling", call.name, [cause])
    _put(current, _where(call).spec_replicas, replicas)


async def _apply(platform: platforms.Platform, call: calls.Call) -> pipeline.Outcome:
    """The Scale's one field is owned through the object: `scale_fields`."""
    applying.require_manager(call)
    read = functools.partial(decoding.decode, default=(_API_VERSION, _KIND))
    applied = await body.decoded(read, await call.body(), negotiate.YAML)
    where = _where(call)

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        entries = objects.metadata(current).get("managedFields") or []
        live = _owned(current, entries, where)
        wanted = apply.server_side(
            live,
            applied,
            call.options.field_manager,
            force=call.options.force,
            schema=_schema(),
            now=platform.now(),
            subresource="scale",
        )
        _scale(call, current, wanted, stored)
        _own(call, current, entries, objects.metadata(wanted)["managedFields"])
        return current

    return await pipeline.update(platform, call, change, retry=True, operation="Apply")


async def _answer(platform: platforms.Platform, call: calls.Call, obj: objects.Object) -> web.Response:
    return await shape.single(platform, call, orjson.dumps(of(obj, _where(call))), kind=scales.STRATEGY)


def _require_replicas(call: calls.Call, obj: objects.Object) -> None:
    """500 for a custom resource that does not say how many it wants: no number is its number."""
    path = _where(call).spec_replicas
    if call.endpoint.form is not None and _find(obj, path) is None:
        raise errors.internal(f'the spec replicas field ".{path}" does not exist')


def _where(call: calls.Call) -> strategy.Scale:
    return call.endpoint.strategy.scale or strategy.Scale()


def _schema() -> types.TypeSchema:
    return catalog.schema_of(_API_VERSION, _KIND) or types.ANYTHING


def _find(obj: Any, path: str) -> Any:
    for part in path.split("."):
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def _put(obj: objects.Object, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        obj = obj.setdefault(part, {})
    obj[last] = value
