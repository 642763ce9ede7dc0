"""From a request's bytes to an object that fits its type: decode, check fields as the client asked, check who it is."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import orjson

from bascule.control.api import call as calls
from bascule.control.api import extent
from bascule.control.schema import decoding, fitting, moments, nulls, types, validation, zeros
from bascule.vocabulary import errors, objects

T = TypeVar("T")
_SHOWN_MAX_CHARACTERS: Final = 4096
_ABSENT: Final = object()
_NONE: Final[frozenset[str]] = frozenset()
_OWNERS: Final = frozenset({"managedFields"})
_TYPE: Final = ("apiVersion", "kind")


async def read(
    call: calls.Call, *, api_version: str = "", kind: str = "", schema: types.TypeSchema | None = None
) -> objects.Object:
    """The object in the request's body, of the endpoint's own kind unless another is named.

    Raises 400 for what cannot be read or is of another kind, 413 and 415; collects warnings in the call.
    """
    content = await call.body()
    content_type = call.content_type
    if call.endpoint.prune is not None and content_type == decoding.PROTOBUF and not kind:
        raise errors.unsupported_media_type((decoding.JSON, decoding.YAML))
    wanted = (api_version or call.resource.api_version, kind or call.resource.kind)
    is_custom = call.endpoint.prune is not None and not kind
    read_type = functools.partial(decoding.decode, default=wanted, names_its_type=is_custom)
    obj = await decoded(read_type, content, content_type)
    found = (obj.get("apiVersion"), obj.get("kind"))
    if found != wanted and is_custom:
        raise _another_custom_type(call, obj)
    if found != wanted:
        raise errors.bad_request(_of_another_type(found, wanted))
    twice: list[str] = []
    order: list[str] = []
    if call.options.field_validation != "Ignore" and not is_as_encoded(call, content, obj):
        twice = await decoded(functools.partial(decoding.duplicates, decoded=obj), content, content_type)
        if twice:
            order = await decoded(decoding.paths, content, content_type)
    checked = functools.partial(check, order=order, is_new=call.verb != "update")
    await call.aside(checked, call, obj, schema or call.endpoint.schema, twice)
    return obj


async def decoded(read: Callable[[bytes, str], T], content: bytes, content_type: str) -> T:
    """What `read` (of `schema.decoding`) makes of a body; a large one is read beside the event loop."""
    if decoding.is_slow(content, content_type):
        return await asyncio.to_thread(read, content, content_type)
    return read(content, content_type)


def is_as_encoded(call: calls.Call, content: bytes, obj: objects.Object) -> bool:
    """Whether an ordinary body is the JSON of the object it was decoded to: then it says nothing twice.

    So are most bodies, which programs write.
    """
    return content[:1] == b"{" and not call.large and orjson.dumps(obj) == content.rstrip(b"\n")


async def value(content: bytes, content_type: str) -> Any:
    """Any JSON value, of a patch or the like."""
    return await decoded(decoding.decode_value, content, content_type)


def check(
    call: calls.Call,
    obj: objects.Object,
    schema: types.TypeSchema,
    duplicates: list[str],
    refuse: validation.Refuse = validation.unreadable,
    order: Sequence[str] = (),
    *,
    is_new: bool = True,
) -> None:
    """Type errors always refuse; unknown and duplicate fields warn or refuse as the client asked; unknown ones go.

    Whether a custom resource's values are of the right types is its validation's to say.
    """
    if call.large:
        extent.check_parts(obj, is_new=is_new)
    prune = call.endpoint.prune
    if prune is not None and schema is call.endpoint.schema:
        try:
            unknown = prune(obj)
        except errors.StatusError as error:
            raise refuse(obj, error.message) from error
        findings = validation.Findings(unknown_fields=tuple(unknown), duplicates=tuple(duplicates))
        for warning in validation.enforce(findings, obj, call.options.field_validation, refuse):
            call.warn(warning)
        zeros.leave_out(obj.get("metadata"), zeros.metadata())
        if (obj.get("metadata") or {}).get("managedFields") == []:
            # It would reset them; upstream's reader of a custom resource drops what is empty first.
            del obj["metadata"]["managedFields"]
        return
    if not duplicates and fitting.fits(schema)(obj):
        return
    zeros.leave_out(obj, schema)
    findings = validation.check(obj, schema, duplicates=duplicates, order=order)
    for warning in validation.enforce(findings, obj, call.options.field_validation, refuse):
        call.warn(warning)
    if findings is not validation.NOTHING:
        nulls.fill(obj, schema)
        moments.settle(obj, schema)
    if findings.unknown_fields:
        pruned = validation.prune_unknown(obj, schema)
        if pruned is not obj:
            obj.clear()
            obj.update(pruned)


def check_changed(
    call: calls.Call,
    obj: objects.Object,
    before: objects.Object,
    schema: types.TypeSchema,
    refuse: validation.Refuse | None = None,
    settled: frozenset[str] = _NONE,
) -> objects.Object:
    """`check` of an object that shares with `before` whatever it has in common with it, which was checked then.

    `settled`: members of its metadata that need no check. Answers the object, or a copy where it has to be put right.
    """
    refuse = refuse or badly_patched(call)
    if call.endpoint.prune is not None:
        check(call, obj, schema, [], refuse, is_new=False)
        return obj
    if call.large:
        extent.check_parts(obj, is_new=False)
    if fitting.fits(schema)(news(obj, before, settled)):
        return obj
    copied: objects.Object = objects.deep_copy(obj)
    check(call, copied, schema, [], refuse, is_new=False)
    return copied


def check_applied(
    call: calls.Call, obj: objects.Object, before: objects.Object | None, schema: types.TypeSchema
) -> objects.Object:
    """`check_changed` of what an apply made, worded as for what was sent whole. Who owns what is the server's word."""
    if before is None:
        check(call, obj, schema, [])
        return obj
    return check_changed(call, obj, before, schema, validation.unreadable, settled=_OWNERS)


def news(obj: objects.Object, before: objects.Object, settled: frozenset[str] = _NONE) -> objects.Object:
    """The members that the object does not share with the one before; of its metadata likewise, but for `settled`."""
    found = {name: value for name, value in obj.items() if value is not before.get(name, _ABSENT)}
    metadata, known = found.get("metadata"), before.get("metadata")
    if metadata and metadata.__class__ is dict and known.__class__ is dict:
        found["metadata"] = {
            name: value
            for name, value in metadata.items()
            if value is not known.get(name, _ABSENT) and name not in settled
        }
    return found


def of_its_type(call: calls.Call, patched: objects.Object, before: objects.Object, *, is_typed: bool) -> objects.Object:
    """What a patch made, of the type it had before; stored as another, no watcher of its kind could read it.

    A patch of a typed object has no say in it. One of a document may leave the type out, which is filled in but for
    custom resources, and is refused if it names another.
    """
    found = tuple(patched.get(name) for name in _TYPE)
    wanted = tuple(before.get(name) for name in _TYPE)
    if found == wanted:
        return patched
    fills = call.endpoint.prune is None
    if is_typed or (fills and all(given in (None, "", known) for given, known in zip(found, wanted, strict=True))):
        return {**patched, **dict(zip(_TYPE, wanted, strict=True))}
    if not fills:
        raise _invalid_type(call, patched)
    raise badly_patched(call)(patched, _of_another_type(found, wanted))


def _another_custom_type(call: calls.Call, obj: objects.Object) -> errors.StatusError:
    """400 for another version than the path's, 422 for another kind, as upstream's custom resources have it."""
    version = obj.get("apiVersion") or ""
    if version.count("/") > 1:
        return errors.bad_request(f"unexpected GroupVersion string: {version[:100]}")
    if version == call.resource.api_version:
        return _invalid_type(call, obj)
    return errors.bad_request(
        f"the API version in the data ({version[:100]}) does not match the expected API version "
        f"({call.resource.api_version})"
    )


def _invalid_type(call: calls.Call, obj: objects.Object) -> errors.StatusError:
    """422 for an object that says it is of another type than the one it is sent as."""
    resource = call.resource
    wanted = {"apiVersion": resource.api_version, "kind": resource.kind}
    found = {name: str(obj.get(name) or "") for name in wanted}
    causes = [
        errors.invalid_value(name, found[name], f"must be {wanted[name]}")
        for name in ("kind", "apiVersion")
        if found[name] != wanted[name]
    ]
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    group = found["apiVersion"].rpartition("/")[0]
    return errors.invalid(found["kind"], group, name if isinstance(name, str) else call.name, causes)


def _of_another_type(found: tuple[Any, ...], wanted: tuple[Any, ...]) -> str:
    return (
        f"{_shown(found[1])} in version {_shown(found[0])} cannot be handled as a {wanted[1]}: "
        f"this path takes {wanted[0]} {wanted[1]}"
    )


def badly_patched(call: calls.Call) -> validation.Refuse:
    """422 for what a patch has made, as upstream words it; it keeps the members of custom resources in order."""
    options = None if call.endpoint.prune is None else orjson.OPT_SORT_KEYS

    def refuse(obj: objects.Object, problem: str) -> errors.StatusError:
        made = orjson.dumps(obj, option=options).decode()
        shown = made if len(made) <= _SHOWN_MAX_CHARACTERS else made[:_SHOWN_MAX_CHARACTERS] + "…"
        return errors.invalid("", "", "", [errors.invalid_value("patch", shown, problem)])

    return refuse


def _shown(value: Any) -> str:
    return str(value)[:100] if value else "nothing"
