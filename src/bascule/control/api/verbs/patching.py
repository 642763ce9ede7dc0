"""PATCH: what the body changes about an object, in one of four languages.

A patch is computed anew against the current object whenever somebody else was faster, unless it names a version.
Server-side apply creates what is missing; no other patch does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from bascule.control.api import body, field_versions, pipeline, shape
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.verbs import patch_body, restoring
from bascule.control.api.wire import negotiate
from bascule.control.cache import record
from bascule.control.patch import apply, json_patch, merge_patch, strategic
from bascule.control.schema import decoding, types
from bascule.vocabulary import errors, objects

APPLY: Final = "application/apply-patch+yaml"
_SUPPORTED: Final = (patch_body.JSON_PATCH, patch_body.MERGE, patch_body.STRATEGIC, APPLY)
OF_CUSTOM_RESOURCES: Final = (patch_body.JSON_PATCH, patch_body.MERGE, APPLY)

Merge = Callable[[objects.Object], objects.Object]


async def patch(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """200 with the object as it is now; 201 when an apply created it."""
    outcome = await patched(platform, call)
    return await shape.single(platform, call, outcome.body, code=201 if outcome.created else 200)


async def patched(platform: platforms.Platform, call: calls.Call) -> pipeline.Outcome:
    """Applies the request's patch to the stored object."""
    content_type = call.content_type
    supported = _SUPPORTED if call.endpoint.prune is None else OF_CUSTOM_RESOURCES
    if content_type not in supported:
        raise errors.unsupported_media_type(supported)
    if call.options.force and content_type != APPLY:
        cause = errors.forbidden_field("force", "may not be specified for non-apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [cause])
    if content_type == APPLY:
        return await _apply(platform, call)
    sent = await patch_body.read(call)
    merge = changing(call, sent, call.endpoint.schema)
    named = _version(sent.value)

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = merge(current)
        meta = wanted.get("metadata") or {}
        if not meta.get("name"):
            raise errors.bad_request(
                f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
            )
        if meta.get("resourceVersion") not in (None, "", str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        if meta.get("uid") not in (None, "", current["metadata"].get("uid")):
            raise _another_uid(call, meta["uid"])
        return wanted

    return await pipeline.update(platform, call, change, retry=not named, given="to share")


def changing(call: calls.Call, sent: patch_body.Patch, schema: types.TypeSchema) -> Merge:
    """The function that makes of an object what the patch says; 4xx for what is then no object of the schema."""
    merge = _merger(call.content_type, sent.value, schema)
    is_typed = call.content_type == patch_body.STRATEGIC
    tell = restoring.refusal(sent.value) if is_typed else body.badly_patched(call)
    refuse = sent.refusing(tell)

    def change(current: objects.Object) -> objects.Object:
        wanted = merge(current)
        if not isinstance(wanted, dict):
            raise errors.bad_request("the patched object is no longer an object")
        wanted = body.of_its_type(call, wanted, current, is_typed=is_typed)
        wanted = body.check_changed(call, wanted, current, schema, refuse)
        sent.check(wanted, tell)
        return wanted

    return change


def _merger(content_type: str, value: Any, schema: types.TypeSchema) -> Merge:
    if content_type == patch_body.JSON_PATCH:
        return lambda current: json_patch.apply(current, value)
    if content_type == patch_body.MERGE:
        return lambda current: merge_patch.apply(current, value)
    if schema.shape == "any":
        raise errors.unsupported_media_type(OF_CUSTOM_RESOURCES)
    return lambda current: strategic.apply(current, value, schema)


def _another_uid(call: calls.Call, uid: Any) -> errors.StatusError:
    cause = errors.invalid_value("metadata.uid", uid, errors.IMMUTABLE)
    return errors.invalid(call.resource.kind, call.resource.group, call.name, [cause])


def _version(value: Any) -> str:
    """The version a merge patch insists on."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""


def require_manager(call: calls.Call) -> None:
    """422 for an apply that does not say who applies."""
    if not call.parameters.get("fieldManager"):
        cause = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [cause])


async def _apply(platform: platforms.Platform, call: calls.Call) -> pipeline.Outcome:
    require_manager(call)
    content = await call.body()
    applied = await body.decoded(decoding.decode, content, negotiate.YAML)
    _is_about(call, applied)
    if call.options.field_validation != "Ignore" and not body.is_as_encoded(call, content, applied):
        repeated = await body.decoded(decoding.repeated_keys, content, negotiate.YAML)
        if repeated and call.options.field_validation == "Strict":
            lines = "\n".join(f"  {line}" for line in repeated)
            text = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n{lines}"
            raise errors.bad_request(text)
        for line in repeated:
            call.warn(line)
    endpoint = call.endpoint
    meta = applied.get("metadata") or {}

    def change(current: objects.Object | None, stored: record.Record | None) -> objects.Object:
        asked = meta.get("resourceVersion")
        if asked and (stored is None or asked != str(stored.revision)):
            raise errors.conflict(call.resource.qualified, call.name, errors.MODIFIED)
        if current is not None and meta.get("uid") not in (None, "", current["metadata"].get("uid")):
            raise _another_uid(call, meta["uid"])
        wanted = apply.server_side(
            current,
            objects.deep_copy(applied),
            call.options.field_manager,
            force=call.options.force,
            schema=endpoint.schema,
            now=platform.now(),
            subresource=call.subresource,
            reset_fields=endpoint.reset_fields.get(call.subresource),
            versions=field_versions.of(platform, call),
        )
        return body.check_applied(call, wanted, current, endpoint.schema)

    while True:
        if endpoint.records.get(call.key) is not None:
            return await pipeline.update(platform, call, change, retry=True, operation="Apply")
        if call.subresource:
            raise call.not_found()
        if meta.get("uid"):
            raise errors.conflict(
                call.resource.qualified,
                call.name,
                f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found",
            )
        platform.authorizer.require(call.attributes()._replace(verb="create"))
        wanted = await call.aside(change, None, None)
        wanted.setdefault("metadata", {})["name"] = call.name
        try:
            return await pipeline.create(platform, call, wanted, operation="Apply")
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                raise


def _is_about(call: calls.Call, applied: objects.Object) -> None:
    found = (applied.get("apiVersion"), applied.get("kind"))
    if found != (call.resource.api_version, call.resource.kind):
        raise errors.bad_request(f"invalid object type: {apply.shown_kind(applied)}")
    meta = applied.get("metadata") or {}
    if not isinstance(meta, dict):
        raise errors.bad_request("metadata of the object provided is not an object")
    name = meta.get("name")
    if name not in (None, "", call.name):
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
