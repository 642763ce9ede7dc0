"""LIST: pages of stored bytes, joined without decoding; other shapes are rendered in slices.

All pages of a list show one revision. A token whose revision is gone is answered 410 with another that goes on
from the same place at whatever is current.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import orjson
from aiohttp import web

from bascule.control.api import call as calls
from bascule.control.api import continuing, list_options, selection, table
from bascule.control.api import platform as platforms
from bascule.control.api.wire import long_list, negotiate, respond
from bascule.control.cache import errors as cache_errors
from bascule.control.cache import record, resource
from bascule.vocabulary import errors, objects

_SLICE: Final = 100
_SLICE_SECONDS: Final = 0.005
"""How many objects are decoded, and for how long, before other requests get their turn."""
_Made = TypeVar("_Made")
_CONTINUE_EXPIRED: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results."
)


async def list_objects(platform: platforms.Platform, call: calls.Call) -> web.StreamResponse:
    """The answer to a LIST."""
    page = await read(call)
    told = metadata(page)
    if call.accept.encoding == "yaml":
        response = respond.raw(await _yaml(platform, call, page, told), media=negotiate.YAML, warnings=call.warnings)
    else:
        as_stored = call.accept.shape == "object" and call.endpoint.shows_stored(page.records)
        pieces = _stored(call, page, told) if as_stored else _rendered(platform, call, page, told)
        size_bytes = sum(map(record.Record.size_bytes, page.records[: long_list.ABOVE]))
        # Once an answer has begun, nothing may be found that cannot be converted.
        certain = as_stored or call.endpoint.form is None or call.endpoint.form.is_certain
        if certain and long_list.fits(call, len(page.records), size_bytes):
            return await long_list.send(call, pieces)
        response = respond.raw(await _whole(pieces), warnings=call.warnings)
    return await respond.compressed(response, call.headers.get("Accept-Encoding", ""))


async def read(call: calls.Call) -> resource.Page:
    """The page that the parameters ask for."""
    chosen = selection.selection(call)
    limit = max(call.parameters.number("limit") or 0, 0)
    call.parameters.number("timeoutSeconds")  # Of no use to a list, but it must be right.
    list_options.check_list(call.parameters)
    if call.parameters.get("resourceVersion") == "0":
        limit = 0  # As upstream: who takes any version takes it whole.
    after, revision = _start(call, limit)
    try:
        return await call.endpoint.records.page(
            chosen.within, labels=chosen.labels, fields=chosen.fields, limit=limit, after=after, at_revision=revision
        )
    except cache_errors.Future as error:
        raise selection.too_new(error) from error
    except cache_errors.Expired as error:
        if after is None:
            raise selection.expired(error) from error
        raise errors.expired(_CONTINUE_EXPIRED, continuing.Continue(-1, after).token()) from error


def _start(call: calls.Call, limit: int) -> tuple[objects.Key | None, int | None]:
    """After which key, and at which revision (None: now)."""
    said = call.parameters.get("resourceVersion", "")
    token = call.parameters.get("continue", "")
    if token:
        following = continuing.read(token, call.cluster, call.namespace)
        if said not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        return following.after, following.revision if following.revision > 0 else None
    version = selection.version(said)
    if version is None:
        return None, None
    match = call.parameters.get("resourceVersionMatch", "")
    if match == "Exact" or (not match and limit and version):
        return None, version
    if version > call.endpoint.records.revision:
        raise selection.too_new(cache_errors.Future(version, call.endpoint.records.revision))
    return None, None


def metadata(page: resource.Page) -> dict[str, Any]:
    """Of the list that a page is."""
    made: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.next is not None:
        made["continue"] = continuing.Continue(page.revision, page.next).token()
        if page.remaining is not None:
            made["remainingItemCount"] = page.remaining
    return made


async def _whole(pieces: AsyncGenerator[bytes, None]) -> bytes:
    held = []
    async for piece in pieces:
        held.append(piece)
        if len(piece) >= long_list.SLICE_BYTES:
            await asyncio.sleep(0)
    return b"".join(held)


async def _stored(call: calls.Call, page: resource.Page, metadata: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    """The list of objects that are served as they are stored."""
    yield b"".join((call.endpoint.list_head, orjson.dumps(metadata), b',"items":['))
    for piece in long_list.joined(page.records):
        yield piece
    yield b"]}\n"


async def _rendered(
    platform: platforms.Platform, call: calls.Call, page: resource.Page, metadata: dict[str, Any]
) -> AsyncGenerator[bytes, None]:
    """Tables, metadata and other versions: all but metadata is decoded, shown and encoded in its slice."""
    frame, show = framed(platform, call, metadata)
    cut = _cutter(platform, call)
    # Metadata is the same in all versions of custom resources: nobody who wants no more of it waits for a webhook.
    only_metadata = call.accept.shape == "metadata" and call.endpoint.conversion is None
    yield orjson.dumps(frame)[:-2]
    separator = b""
    for part in _parts(page.records):
        if not only_metadata:
            await call.endpoint.ready(*part)
        if call.accept.shape == "object":
            shown: Iterator[bytes] = map(call.endpoint.body, part)
        elif only_metadata or call.endpoint.shows_stored(part):
            shown = iter(cut(part))
        else:
            shown = (orjson.dumps(show(call.endpoint.decode(stored))) for stored in part)
        while held := await _slice(shown, part):
            yield separator + b",".join(held)
            separator = b","
            await asyncio.sleep(0)
    yield b"]}\n"


def _parts(records: Sequence[record.Record]) -> Iterator[Sequence[record.Record]]:
    """Few at once, and each large one by itself."""
    start = 0
    for index, stored in enumerate(records):
        is_large = stored.size_bytes() > calls.LARGE_BYTES
        if index > start and (is_large or index - start >= _SLICE):
            yield records[start:index]
            start = index
        if is_large:
            yield records[index : index + 1]
            start = index + 1
    if start < len(records):
        yield records[start:]


async def _slice(made: Iterator[_Made], part: Sequence[record.Record]) -> list[_Made]:
    """What can be made of a part in a moment: how much depends on what the objects are."""
    if part[0].size_bytes() > calls.LARGE_BYTES:
        return await asyncio.to_thread(list, made)
    clock = asyncio.get_running_loop().time
    end = clock() + _SLICE_SECONDS
    held: list[_Made] = []
    for one in made:
        held.append(one)
        if clock() > end:
            break
    return held


async def _yaml(platform: platforms.Platform, call: calls.Call, page: resource.Page, metadata: dict[str, Any]) -> bytes:
    encoded = await _whole(_rendered(platform, call, page, metadata))
    return await asyncio.to_thread(_as_yaml, encoded)


def _as_yaml(encoded: bytes) -> bytes:
    if len(encoded) > respond.YAML_ABOVE_BYTES and respond.is_yaml(encoded):
        return encoded
    return respond.dump(orjson.loads(encoded), "yaml")


def _cutter(platform: platforms.Platform, call: calls.Call) -> Callable[[Sequence[record.Record]], Iterable[bytes]]:
    """What makes the JSON of a Table's rows, or of metadata, of objects that are served as they are stored."""
    version = call.accept.version
    if call.accept.shape != "table":
        return functools.partial(table.partials_json, version=version)
    kind, kept, now = call.endpoint.strategy, call.endpoint.cells, platform.time.now()
    included = table.include(call.parameters.get("includeObject", ""))
    return lambda part: table.rows_json(kept.shown(kind, part, now), part, included=included, version=version)


def framed(
    platform: platforms.Platform, call: calls.Call, metadata: dict[str, Any]
) -> tuple[dict[str, Any], Callable[[objects.Object], Any]]:
    """The list without its entries, which are its last member, and what makes an entry of an object."""
    accept, kind = call.accept, call.endpoint.strategy
    if accept.shape == "table":
        now = platform.time.now()
        included = table.include(call.parameters.get("includeObject", ""))
        row = functools.partial(table.row, kind, now=now, included=included, version=accept.version)
        return table.table(table.columns(kind), [], metadata, accept.version), row
    if accept.shape == "metadata":
        partial = functools.partial(table.partial, version=accept.version)
        return table.partial_list([], metadata, accept.version), partial
    row_ = call.endpoint.resource
    return {"kind": row_.list_kind, "apiVersion": row_.api_version, "metadata": metadata, "items": []}, lambda obj: obj
