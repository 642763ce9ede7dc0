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
from bascule.control.api.verbs import restoring
from bascule.control.api.wire import negotiate
from bascule.control.cache import record
from bascule.control.patch import apply, json_patch, merge_patch, strategic
from bascule.control.schema import decoding, json_problems, types
from bascule.vocabulary import errors, objects

JSON_PATCH: Final = "application/json-patch+json"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_SUPPORTED: Final = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
OF_CUSTOM_RESOURCES: Final = (JSON_PATCH, MERGE, APPLY)

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
    content = await call.body()
    if content_type == APPLY:
        return await _apply(platform, call, content)
    try:
        value = await body.value(content, negotiate.JSON)
    except decoding.Unreadable as error:
        raise errors.bad_request(f"error decoding patch: {str(error).removeprefix(decoding.NO_JSON)}") from error
    merge = merger(content_type, value, call.endpoint.schema)
    named = _version(value)
    refuse = restoring.refusal(value) if content_type == STRATEGIC else None

    def change(current: objects.Object, stored: record.Record) -> objects.Object:
        wanted = merge(current)
        if not isinstance(wanted, dict):
            raise errors.bad_request("the patched object is no longer an object")
        wanted = body.of_its_type(call, wanted, current, is_typed=content_type == STRATEGIC)
        wanted = body.check_changed(call, wanted, current, call.endpoint.schema, refuse)
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


def merger(content_type: str, value: Any, schema: types.TypeSchema) -> Merge:
    """The function that applies the patch; 400 for a body of the wrong form."""
    if content_type == JSON_PATCH:
        if not isinstance(value, list):
            raise _no_patch(value, "[]handlers.jsonPatchOp")
        return lambda current: json_patch.apply(current, value)
    if not isinstance(value, dict):
        raise _no_patch(value, "map[string]interface {}")
    if content_type == MERGE:
        return lambda current: merge_patch.apply(current, value)
    if schema.shape == "any":
        raise errors.unsupported_media_type((JSON_PATCH, MERGE, APPLY))
    return lambda current: strategic.apply(current, value, schema)


def _no_patch(value: Any, wanted: str) -> errors.StatusError:
    return errors.bad_request(
        f"error decoding patch: json: cannot unmarshal {json_problems.kind(value)} into Go value of type {wanted}"
    )


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


async def _apply(platform: platforms.Platform, call: calls.Call, content: bytes) -> pipeline.Outcome:
    require_manager(call)
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
