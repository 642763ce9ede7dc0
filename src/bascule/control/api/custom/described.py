"""OpenAPI of a cluster with custom resources: the built-ins' documents, and a document for each version of its groups.

Documents are put together from pieces when they are asked for (`pieces`), and sent so where they are long; the index
and the tags name them by what they are made of, so that asking for these makes none. Version 2 is the built-ins' bytes
with the custom resources' put in: neither decoded nor made again.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Final

import orjson
from aiohttp import web

from bascule.control.api.custom import definitions, offer, pieces
from bascule.control.api.documents import openapi
from bascule.control.api.wire import long_list, negotiate, respond
from bascule.control.schema import openapi_v3
from bascule.vocabulary import resources

_PATHS: Final = b'"paths":{'
_DEFINITIONS: Final = b'"definitions":{'
_SCHEMAS: Final = b'"schemas":{'
_WHOLE_MAX_BYTES: Final = 1024 * 1024
"""Longer documents are sent a piece at a time."""
_SENT_BYTES: Final = 128 * 1024
_ASIDE_BYTES: Final = 256 * 1024
_Rows = list[tuple[offer.Offer, resources.Resource]]
_MAKERS: Final[dict[str, pieces.Make]] = {
    "v3": pieces.version_3,
    "v2": pieces.version_2,
    "v2 protobuf": pieces.version_2_protobuf,
}


class Documents:
    """Of one cluster and of the definitions it has now."""

    def __init__(
        self,
        built_in: openapi.Documents,
        found: definitions.Definitions,
        offers: Sequence[offer.Offer],
        version: str,
    ) -> None:
        self._built_in = built_in
        self._definitions = found
        self._rows: dict[tuple[str, str], _Rows] = {}
        for one in offers:
            for row in one.rows:
                self._rows.setdefault((row.group, row.version), []).append((one, row))
        self._version = version
        self._lock = asyncio.Lock()

    async def serve(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        """As `openapi.Documents.serve`."""
        if path == openapi.V2:
            return await self._version_2(http)
        if path == openapi.HEAD:
            hashes = {**await self._built_in.hashes(), **{key: self._hash(rows) for key, rows in self._rows.items()}}
            return await openapi.answer(http, openapi.Document.of(respond.dump(openapi_v3.index(hashes))))
        key = openapi.group_version(path)
        if key not in self._rows:
            return await self._built_in.serve(http, path)
        return await self._version_3(http, key)

    def _hash(self, rows: _Rows, *more: str) -> str:
        made_of = [(one.uid, one.generation, repr(row)) for one, row in rows]
        return hashlib.sha256(orjson.dumps([self._version, made_of, more])).hexdigest().upper()

    async def _version_3(self, http: web.BaseRequest, key: tuple[str, str]) -> web.StreamResponse:
        tag = f'"{self._hash(self._rows[key])}"'
        if (elsewhere := openapi.moved(http, tag)) is not None:
            return elsewhere
        if openapi.is_held(http, tag):
            return openapi.unchanged(tag)
        found = await self._pieces(self._rows[key], "v3")
        names = {name for piece in found for name in piece.references}
        shared = await asyncio.to_thread(pieces.shared, names)
        frame = await asyncio.to_thread(_frame, key, self._version)
        return await _answer(http, tag, negotiate.JSON, found, _joined_3(frame, shared, found))

    async def _version_2(self, http: web.BaseRequest) -> web.StreamResponse:
        encoded = openapi.is_protobuf(http.headers.get("Accept", ""))
        rows = [pair for pairs in self._rows.values() for pair in pairs]
        built_in = (await self._built_in.version_2())[encoded]
        kind = "v2 protobuf" if encoded else "v2"
        tag = f'"{self._hash(rows, kind, built_in.tag)}"'
        if openapi.is_held(http, tag):
            return openapi.unchanged(tag)
        found = await self._pieces(rows, kind)
        joined = _joined_protobuf(built_in.content, found) if encoded else _joined_2(built_in.content, found)
        return await _answer(http, tag, built_in.media, found, joined)

    async def _pieces(self, rows: _Rows, kind: str) -> list[pieces.Piece]:
        """Of each row its piece, those of a definition left out that cannot be understood."""
        found = []
        for one, row in rows:
            piece = one.pieces.get((kind, row.version))
            if piece is None:
                piece = await self._piece(one, row, kind)
            if piece is not None:
                found.append(piece)
        return found

    async def _piece(self, one: offer.Offer, row: resources.Resource, kind: str) -> pieces.Piece | None:
        """Made once for all who ask meanwhile, and a definition at a time: who leaves leaves little undone."""
        async with self._lock:
            known = one.pieces.get((kind, row.version))
            stored = self._definitions.records.get(one.key)
            if known is not None or stored is None or one.problem:
                return known

            def make() -> pieces.Piece:
                return _MAKERS[kind](row, pieces.schema_of(stored.decode(), row.version))

            try:
                made = one.pieces[kind, row.version] = await asyncio.to_thread(make)
            except Exception as error:
                self._definitions.report(one, error)
                return None
            return made


def _frame(key: tuple[str, str], version: str) -> bytes:
    """A document of version 3 with nothing in it yet."""
    return openapi_v3.document(*key, [], version, definitions={})


async def _joined_3(frame: bytes, shared: bytes, found: list[pieces.Piece]) -> AsyncGenerator[bytes, None]:
    before, mark, rest = frame.partition(_SCHEMAS)
    between, other, after = rest.partition(_PATHS)
    yield before + mark + shared
    comma = b"," if shared else b""
    for piece in found:
        yield comma + await _unpacked(piece.schemas, piece)
        comma = b","
    yield between + other
    comma = b""
    for piece in found:
        yield comma + await _unpacked(piece.paths, piece)
        comma = b","
    yield after


async def _joined_2(content: bytes, found: list[pieces.Piece]) -> AsyncGenerator[bytes, None]:
    """What the built-ins have of either comes after it."""
    before, mark, rest = content.partition(_PATHS)
    between, other, after = rest.partition(_DEFINITIONS)
    yield before + mark
    for piece in found:
        yield await _unpacked(piece.paths, piece) + b","
    yield between + other
    for piece in found:
        yield await _unpacked(piece.schemas, piece) + b","
    yield after


async def _joined_protobuf(content: bytes, found: list[pieces.Piece]) -> AsyncGenerator[bytes, None]:
    yield content
    for piece in found:
        yield await _unpacked(piece.paths, piece)


async def _unpacked(packed: bytes, piece: pieces.Piece) -> bytes:
    if piece.size_bytes > _ASIDE_BYTES:
        return await asyncio.to_thread(zlib.decompress, packed)
    return zlib.decompress(packed)


async def _gathered(joined: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Parts of one size, as each is compressed, encrypted and sent by itself."""
    held: list[bytes] = []
    size_bytes = 0
    async for part in joined:
        held.append(part)
        size_bytes += len(part)
        if size_bytes >= _SENT_BYTES:
            whole = b"".join(held)
            for at in range(0, size_bytes, _SENT_BYTES):
                yield whole[at : at + _SENT_BYTES]
            held, size_bytes = [], 0
    yield b"".join(held)


async def _answer(
    http: web.BaseRequest, tag: str, media: str, found: Iterable[pieces.Piece], joined: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    if sum(piece.size_bytes for piece in found) > _WHOLE_MAX_BYTES and http.version >= (1, 1):
        head = respond.raw(b"", media=media)
        head.headers.update(openapi.headers(http, tag))
        return await long_list.streamed(http, head.headers, _gathered(joined))
    content = b"".join([part async for part in joined])
    return await openapi.answer(http, openapi.Document(content, media, tag))
