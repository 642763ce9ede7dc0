"""From a request's bytes to an object that fits its type: decode, check fields as the client asked, check who it is."""

from __future__ import annotations

from typing import Any

from bascule.control.api import call as calls
from bascule.control.schema import decoding, types, validation
from bascule.vocabulary import errors, objects


async def read(
    call: calls.Call, *, api_version: str = "", kind: str = "", schema: types.TypeSchema | None = None
) -> objects.Object:
    """The object in the request's body, of the endpoint's own kind unless another is named.

    Raises 400 for what cannot be read or is of another kind, 413 and 415; collects warnings in the call.
    """
    content = await call.body()
    content_type = call.content_type
    wanted = (api_version or call.resource.api_version, kind or call.resource.kind)
    obj = decoding.decode(content, content_type, default=wanted)
    found = (obj.get("apiVersion"), obj.get("kind"))
    if found != wanted:
        raise errors.bad_request(
            f"{_shown(found[1])} in version {_shown(found[0])} cannot be handled as a {wanted[1]}: "
            f"this path takes {wanted[0]} {wanted[1]}"
        )
    twice: list[str] = []
    if call.options.field_validation != "Ignore":
        twice = decoding.duplicates(content, content_type)
    check(call, obj, schema or call.endpoint.schema, twice)
    return obj


def check(call: calls.Call, obj: objects.Object, schema: types.TypeSchema, duplicates: list[str]) -> None:
    """Type errors always refuse; unknown and duplicate fields warn or refuse as the client asked; unknown ones go."""
    findings = validation.check(obj, schema, duplicates=duplicates)
    for warning in validation.enforce(findings, obj, call.options.field_validation):
        call.warn(warning)
    if findings.unknown_fields:
        pruned = validation.prune_unknown(obj, schema)
        if pruned is not obj:
            obj.clear()
            obj.update(pruned)


def _shown(value: Any) -> str:
    return str(value)[:100] if value else "nothing"
