"""What happens to an object between its decoding and the store, for every way of writing it.

Create: default, own fields, admit, prepare, default again where that may be needed, allocate, validate, admit again,
encode, commit. What the server itself adds after the defaults belongs to nobody: a client that applies without it does
not take it away.
Update: the same against what is stored, which must still be stored at commit; a write that changes nothing is not
committed and keeps its version. Removing the last finalizer of an object that is being deleted deletes it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import orjson

from bascule.control.api import accounts, allocation, extent, field_versions, identity, judgement
from bascule.control.api import call as calls
from bascule.control.api import platform as platforms
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record
from bascule.control.custom import effort
from bascule.control.patch import managed_fields
from bascule.control.store import contract
from bascule.vocabulary import errors, names, objects

NAME_ATTEMPTS: Final = 8
CONFLICT_ATTEMPTS: Final = 16
_NO_CLAIM: Final = contextlib.nullcontext()

Change = Callable[[objects.Object, record.Record], objects.Object]
"""From what is stored to what is wanted, which belongs to the pipeline from there on."""
Given = Literal["a copy", "to share", "for nothing"]
"""How a change is given what is stored: as its own; to be left as it is, and to be shared by what is wanted wherever
that is the same; or without need, as it does not look at it."""


class Outcome(NamedTuple):
    """`body` is the object's JSON in the endpoint's version; `deleted`: the write was the object's end."""

    body: bytes
    created: bool = False
    deleted: bool = False


class translated:
    """The store's and the cache's refusals in the API's words."""

    __slots__ = ("_call",)

    def __init__(self, call: calls.Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        said = None if error is None else _translation(self._call.resource.qualified, error)
        if said is not None:
            raise said from error


def _translation(qualified: str, error: BaseException) -> errors.StatusError | None:
    match error:
        case cache_errors.AlreadyExists():
            taken = errors.already_exists(qualified, error.key.name)
            if error.current.decode()["metadata"].get("deletionTimestamp"):
                taken.message = f"object is being deleted: {taken.message}"
            return taken
        case cache_errors.Conflict():
            return errors.conflict(qualified, error.key.name, errors.MODIFIED)
        case cache_errors.Missing():
            return errors.not_found(qualified, error.key.name)
        case contract.StoreError():
            return unwritten(error)
    return None


def unwritten(error: contract.StoreError) -> errors.StatusError:
    """What a store that does not take a write means to who asked for it.

    Without Retry-After when the disk is full: clients would wait and ask again silently, and people should be told.
    """
    if isinstance(error, contract.StoreClosed):
        return errors.service_unavailable("the server is shutting down; try again", retry_after_seconds=1)
    return errors.service_unavailable(f"nothing was written: {error}")


async def create(
    platform: platforms.Platform, call: calls.Call, obj: objects.Object, *, operation: str = "Update"
) -> Outcome:
    """Stores a new object. `obj` is changed and belongs to the pipeline from here on.

    `operation` Apply: who owns which field is already settled.
    """
    meta = identity.place(call, obj)
    if meta.get("resourceVersion") not in (None, "", "0"):
        raise errors.bad_request("resourceVersion should not be set on objects to be created")
    prefix = meta.get("generateName") if not meta.get("name") else None
    for attempt in range(NAME_ATTEMPTS if prefix else 1):
        candidate = objects.deep_copy(obj) if prefix else obj
        if prefix:
            candidate["metadata"]["name"] = names.generate(prefix, platform.random)
        try:
            return await _create_named(platform, call, candidate, operation)
        except errors.StatusError as error:
            if error.reason != "AlreadyExists" or attempt == NAME_ATTEMPTS - 1 or not prefix:
                raise
    raise AssertionError("unreachable")


async def _create_named(platform: platforms.Platform, call: calls.Call, obj: objects.Object, operation: str) -> Outcome:
    endpoint, kind = call.endpoint, call.endpoint.strategy
    meta = obj["metadata"]
    call.name = meta.get("name") or ""
    meta["uid"] = names.new_uid(platform.random)
    meta["creationTimestamp"] = platform.now()
    for field in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        meta.pop(field, None)
    await _default(call, obj)
    if operation == "Update":
        await call.aside(own_fields, platform, call, None, obj)
    elif not meta.get("managedFields"):
        meta.pop("managedFields", None)
    asked = call.admission("CREATE")
    await accounts.arrive(platform, call, obj)
    lacks_defaults = platform.admission.mutate(asked, obj)
    kind.prepare_create(obj, platform.context())
    if lacks_defaults or not kind.prepares_whole:
        await _default(call, obj)
    with _claim(platform, call, obj) as claim:
        await judgement.of_create(platform, call, obj)
        platform.admission.validate(asked, obj)
        draft = await encoded(call, obj)
        extent.check_bytes(len(draft.value))
        if call.options.dry_run:
            if endpoint.records.get(call.key) is not None:
                raise errors.already_exists(call.resource.qualified, call.name)
            platform.admission.reserve(asked, obj)
            return Outcome(_unstored(call, obj), created=True)
        with platform.admission.reserve(asked, obj) as reservation, translated(call):
            stored = await endpoint.records.create(call.key, draft)
            reservation.committed()
        if claim is not None:
            claim.keep()
    await endpoint.ready(stored)
    return Outcome(endpoint.body(stored), created=True)


async def update(
    platform: platforms.Platform,
    call: calls.Call,
    change: Change,
    *,
    retry: bool,
    operation: str = "Update",
    kept: tuple[str, ...] = (),
    given: Given = "a copy",
) -> Outcome:
    """Replaces a stored object by what `change` makes of it. With `retry`, again when somebody else was faster.

    `operation` other than Update: who owns which field is settled by `change` already, or stays. `kept`: members that
    nobody changes on the way, so that they are decoded once. `given`: what `change` does with the object it is given.
    """
    for attempt in range(CONFLICT_ATTEMPTS):
        stored = call.endpoint.records.get(call.key)
        if stored is None:
            raise call.not_found()
        await call.endpoint.ready(stored)
        try:
            return await _update_once(platform, call, stored, change, operation, kept, given)
        except errors.StatusError as error:
            if not retry or attempt == CONFLICT_ATTEMPTS - 1 or not await lost_race(call, error):
                raise
    raise AssertionError("unreachable")


async def lost_race(call: calls.Call, error: errors.StatusError) -> bool:
    """Whether somebody else was faster; if so, returns once what they wrote can be read."""
    conflict = error.__cause__
    if not isinstance(conflict, cache_errors.Conflict):
        return False
    while call.endpoint.records.revision < conflict.current.revision:  # noqa: ASYNC110 - the feed is one callback away
        await asyncio.sleep(0)
    return True


async def _update_once(
    platform: platforms.Platform,
    call: calls.Call,
    stored: record.Record,
    change: Change,
    operation: str,
    kept: tuple[str, ...],
    given: Given,
) -> Outcome:
    endpoint, kind = call.endpoint, call.endpoint.strategy
    call.large = call.large or stored.size_bytes() > calls.LARGE_BYTES
    written = await call.aside(status_written, call, stored, change) if given == "to share" else None
    if written is not None:
        old, new = written
    elif given == "for nothing":
        old = await call.aside(endpoint.decode, stored)
        new = await call.aside(change, old, stored)
    else:
        old, current = await call.aside(endpoint.decode_twice, stored, kept)
        new = await call.aside(change, current, stored)
    identity.keep(call, new, old)
    asked = call.admission("UPDATE", old=old)
    if written is None:
        await _default(call, new)
    if operation == "Update":
        await call.aside(own_fields, platform, call, old, new)
    elif not new["metadata"].get("managedFields"):
        new["metadata"].pop("managedFields", None)
    lacks_defaults = platform.admission.mutate(asked, new)
    if lacks_defaults and not call.subresource:
        await _default(call, new)
    # What admission puts back has not changed: it is no new generation.
    if call.subresource == "status":
        kind.prepare_status(new, old, platform.context())
    elif not call.subresource:
        kind.prepare_update(new, old, platform.context())
    with _claim(platform, call, new, old) as claim:
        await judgement.of_update(platform, call, new, old)
        platform.admission.validate(asked, new)
        ended = ends(new)
        if call.options.dry_run:
            platform.admission.reserve(asked, new)
        same = _is_same(new, old) and (endpoint.form is None or await call.aside(_are_alike, new, old))
        if call.options.dry_run or (same and not ended and not endpoint.is_stale(stored)):
            return Outcome(_unstored(call, new))
        draft = await encoded(call, new)
        extent.check_bytes(len(draft.value), stored.size_bytes())
        with platform.admission.reserve(asked, new) as reservation, translated(call):
            if ended:  # Watchers see it as it was stored last, as they do when history is read again from the store.
                gone = await endpoint.records.delete(stored.key, stored.revision)
                stored = record.Record(stored.key, gone.revision, draft)
            else:
                stored = await endpoint.records.update(stored.key, draft, stored.revision)
            reservation.committed()
        if claim is not None:
            claim.keep()
    if ended:
        released(platform, call, new)
    await endpoint.ready(stored)
    return Outcome(endpoint.body(stored), deleted=ended)


def status_written(
    call: calls.Call, stored: record.Record, change: Change
) -> tuple[objects.Object, objects.Object] | None:
    """What is stored and what is wanted, where that differs in its status alone: then they share all the rest.

    That was completed with defaults when it was stored. What else differs is not found by comparing: most writes of a
    status name nothing else.
    """
    endpoint = call.endpoint
    if call.subresource != "status" or endpoint.form is not None or endpoint.strategy.defaults_status:
        return None
    old = endpoint.decode(stored)
    new = change(old, stored)
    for name, value in new.items():
        if name != "status" and value is not old.get(name):
            return None
    if len(new) - ("status" in new) != len(old) - ("status" in old):
        return None
    return old, new | {"metadata": new["metadata"].copy()}


def _is_same(new: objects.Object, old: objects.Object) -> bool:
    """Whether nothing changes but perhaps the time of who owns it, which then stays as it was."""
    for field in new.keys() | old.keys():
        if field != "metadata" and new.get(field) != old.get(field):
            return False
    if new == old:
        return True
    entries, before = new["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if not entries or not before or len(entries) != len(before):
        return False
    if any({**one, "time": None} != {**other, "time": None} for one, other in zip(entries, before, strict=True)):
        return False
    if {**new["metadata"], "managedFields": before} != old["metadata"]:
        return False
    new["metadata"]["managedFields"] = before
    return True


def _are_alike(value: Any, other: Any) -> bool:
    """Whether equal values are booleans at the same places: 1 and true are equal, and no schema may tell them apart."""
    if value.__class__ is dict:
        return all(_are_alike(member, other[name]) for name, member in value.items())
    if value.__class__ is list:
        return all(map(_are_alike, value, other))
    return (value.__class__ is bool) == (other.__class__ is bool)


async def _default(call: calls.Call, obj: objects.Object) -> None:
    """The kind's defaults; beside the event loop where they are many."""
    kind = call.endpoint.strategy
    if kind.is_slow is None:
        kind.default(obj)
        return
    if not call.large:
        try:
            with effort.within(effort.MOMENT // 10):
                kind.default(obj)
            return
        except effort.TooLongError:
            call.large = True
    await call.aside(kind.default, obj)


def own_fields(platform: platforms.Platform, call: calls.Call, old: objects.Object | None, new: objects.Object) -> None:
    """Brings `metadata.managedFields` up to date for the call's manager."""
    endpoint = call.endpoint
    unowned = None if old is None and endpoint.strategy.created_with_status else endpoint.reset_fields
    entries = managed_fields.record_update(
        old,
        new,
        call.options.field_manager or "unknown",
        api_version=call.resource.api_version,
        now=platform.now(),
        schema=endpoint.schema,
        subresource=call.subresource,
        reset_fields=unowned.get(call.subresource) if unowned else None,
        versions=field_versions.of(platform, call),
    )
    if entries:
        new["metadata"]["managedFields"] = entries
    else:
        new["metadata"].pop("managedFields", None)


def ends(obj: objects.Object) -> bool:
    """Nothing keeps the object any more: it is being deleted, no finalizer is left, no grace runs."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return False
    if obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1":
        return not (obj.get("spec") or {}).get("finalizers")
    return True


async def encoded(call: calls.Call, obj: objects.Object) -> record.Draft:
    """`encode`, beside the event loop where the object is large. Raises 500 when a webhook does not convert it."""
    if call.endpoint.form is not None:
        return await call.endpoint.form.draft(obj)
    return await call.aside(encode, call, obj)


def encode(call: calls.Call, obj: objects.Object) -> record.Draft:
    """The object as it is stored, which is a copy in another version where the endpoint converts."""
    conversion = call.endpoint.conversion
    if conversion is not None:
        obj = conversion.to_storage(objects.deep_copy(obj))
    return record.draft(obj, call.endpoint.strategy.selectable_fields(obj))


def _unstored(call: calls.Call, obj: objects.Object) -> bytes:
    """The object's JSON as it would be answered if it were stored: another version may leave its own defaults there."""
    conversion = call.endpoint.conversion
    if conversion is not None:
        obj = conversion.from_storage(conversion.to_storage(objects.deep_copy(obj)))
    return orjson.dumps(obj)


def released(platform: platforms.Platform, call: calls.Call, obj: objects.Object) -> None:
    """The object is gone: what the server had set aside for it is free again."""
    if call.endpoint.strategy.needs_allocation:
        platform.services.release(obj)


def _claim(
    platform: platforms.Platform, call: calls.Call, obj: objects.Object, old: objects.Object | None = None
) -> contextlib.AbstractContextManager[allocation.Claim | None]:
    if call.endpoint.strategy.needs_allocation and call.subresource != "status":
        return platform.services.claim(obj, old)
    return _NO_CLAIM
