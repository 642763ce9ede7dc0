"""Server-side apply: a configuration, what it makes of an object, and who owns what of it then.

It creates what is missing, as no other patch does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from bascule.control.api import body, field_versions, pipeline
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.api.wire import negotiate
from bascule.control.cache import record
from bascule.control.patch import apply
from bascule.control.schema import decoding, json_problems
from bascule.vocabulary import errors, objects


class Applied(NamedTuple):
    """`metadata` of the configuration, and what it makes of an object, or of none."""

    metadata: dict[str, Any]
    change: Callable[[objects.Object | None, record.Record | None], objects.Object]


async def patched(platform: platforms.Platform, call: calls.Call) -> pipeline.Outcome:
    """Applies the configuration to the stored object, or creates the object."""
    applied = await read(platform, call)
    while True:
        if call.endpoint.records.get(call.key) is not None:
            return await pipeline.update(platform, call, applied.change, retry=True, operation="Apply")
        if call.subresource:
            raise call.not_found()
        if applied.metadata.get("uid"):
            asked = f"the provided object specified uid {applied.metadata['uid']}"
            problem = f"uid mismatch: {asked}, and no existing object was found"
            raise errors.conflict(call.resource.qualified, call.name, problem)
        platform.authorizer.require(call.attributes()._replace(verb="create"))
        wanted = await call.aside(applied.change, None, None)
        wanted.setdefault("metadata", {})["name"] = call.name
        try:
            return await pipeline.create(platform, call, wanted, operation="Apply")
        except errors.StatusError as error:
            if error.reason != "AlreadyExists":
                raise


def require_manager(call: calls.Call) -> None:
    """422 for an apply that does not say who applies."""
    if not call.parameters.get("fieldManager"):
        cause = errors.required("fieldManager", "is required for apply patch")
        raise errors.invalid("PatchOptions", "meta.k8s.io", "", [cause])


async def read(platform: platforms.Platform, call: calls.Call) -> Applied:
    """The configuration in the request's body, about the object that the path names."""
    require_manager(call)
    content = await call.body()
    applied = await _configuration(content)
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
            raise another_uid(call, meta["uid"])
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

    return Applied(meta, change)


async def _configuration(content: bytes) -> objects.Object:
    try:
        value = await body.value(content, negotiate.YAML)
    except decoding.Unreadable as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        problem = f"cannot unmarshal {json_problems.kind(value)} into Go value of type map[string]interface {{}}"
        raise errors.bad_request(f"error decoding YAML: error unmarshaling JSON: while decoding JSON: json: {problem}")
    return value


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


def another_uid(call: calls.Call, uid: Any) -> errors.StatusError:
    """422: upstream has no precondition for patches."""
    cause = errors.invalid_value("metadata.uid", uid, errors.IMMUTABLE)
    return errors.invalid(call.resource.kind, call.resource.group, call.name, [cause])
