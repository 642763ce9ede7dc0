"""OpenAPI of a cluster with custom resources: the built-ins' documents, and a document for each version of its groups.

A document is made when it is asked for; the index names it by what it will be made of, so that asking for the index
compiles nothing. Version 2 is the built-ins' bytes with the custom resources' put in: neither decoded nor made again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from bascule.control.api.custom import definitions, offer
from bascule.control.api.documents import openapi
from bascule.control.api.wire import respond
from bascule.control.custom import publishing, structural
from bascule.control.schema import catalog, openapi_v2, openapi_v2_protobuf, openapi_v3
from bascule.vocabulary import resources

_PATHS: Final = b'"paths":{'
_DEFINITIONS: Final = b'"definitions":{'


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
        self._rows: dict[tuple[str, str], list[tuple[offer.Offer, resources.Resource]]] = {}
        for one in offers:
            for row in one.rows:
                self._rows.setdefault((row.group, row.version), []).append((one, row))
        self._version = version
        self._made: dict[tuple[str, str], openapi.Document] = {}
        self._fragments: tuple[openapi.Document, openapi.Document] | None = None
        self._lock = asyncio.Lock()

    async def serve(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        """As `openapi.Documents.serve`."""
        if path == openapi.V2:
            return await openapi.answer(http, await self._version_2(http.headers.get("Accept", "")))
        if path == openapi.HEAD:
            hashes = {**await self._built_in.hashes(), **{key: self._hash(key) for key in self._rows}}
            return await openapi.answer(http, openapi.Document.of(respond.dump(openapi_v3.index(hashes))))
        key = openapi.group_version(path)
        if key not in self._rows:
            return await self._built_in.serve(http, path)
        async with self._lock:
            if key not in self._made:
                self._made[key] = await self._version_3(key)
        return await openapi.answer(http, self._made[key])

    def _hash(self, key: tuple[str, str]) -> str:
        made_of = [(one.uid, one.generation, repr(row)) for one, row in self._rows[key]]
        return hashlib.sha256(orjson.dumps([self._version, made_of])).hexdigest().upper()

    async def _version_3(self, key: tuple[str, str]) -> openapi.Document:
        found = await self._described(self._rows[key], 3)
        rows = [row for _, row in self._rows[key]]
        content = await asyncio.to_thread(_document, key, rows, self._version, found)
        return openapi.Document(content, "application/json", f'"{self._hash(key)}"')

    async def _described(
        self, rows: Sequence[tuple[offer.Offer, resources.Resource]], api: publishing.Version
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """By apiVersion and kind the definitions of a custom resource, those of a broken one left out."""
        found = {}
        for one, row in rows:
            ready = await self._definitions.ready(one)
            if ready is None:
                continue
            try:
                node = ready.definition.known[row.version].node
                found[row.api_version, row.kind] = await asyncio.to_thread(_published, row, node, api)
            except Exception as error:
                self._definitions.report(one, error)
        return found

    # Version 2

    async def _version_2(self, accept: str) -> openapi.Document:
        async with self._lock:
            if self._fragments is None:
                self._fragments = await self._fragment()
        own, own_encoded = self._fragments
        document, encoded = await self._built_in.version_2()
        if openapi.is_protobuf(accept):
            return openapi.Document(encoded.content + own_encoded.content, encoded.media, own_encoded.tag)
        content = document.content
        for mark, members in zip((_PATHS, _DEFINITIONS), own.content.split(b"\x00"), strict=True):
            before, found, after = content.partition(mark)
            content = b"".join((before, found, members, b"," if members else b"", after))
        return openapi.Document(content, document.media, own.tag)

    async def _fragment(self) -> tuple[openapi.Document, openapi.Document]:
        rows = [pair for pairs in self._rows.values() for pair in pairs]
        found = await self._described(rows, 2)
        served = [row for _, row in rows if (row.api_version, row.kind) in found]
        described = await asyncio.to_thread(openapi_v2.fragment, served, found)
        members = b"\x00".join(orjson.dumps(described[part])[1:-1] for part in ("paths", "definitions"))
        encoded = await asyncio.to_thread(openapi_v2_protobuf.encode, described)
        return openapi.Document.of(members), openapi.Document.of(encoded)


def _document(key: tuple[str, str], rows: list[resources.Resource], version: str, found: openapi_v3.Custom) -> bytes:
    """To be computed aside: the catalog is read the first time."""
    return openapi_v3.document(*key, rows, version, definitions=_machinery(), custom=found)


def _published(row: resources.Resource, node: structural.Node, api: publishing.Version) -> dict[str, Any]:
    name = publishing.definition_name(row.group, row.version, row.kind)
    spoken = row.group, row.version, row.kind
    return publishing.definitions(name, node, spoken, version=api, list_kind=row.list_kind, plural=row.plural)


_machinery_kept: dict[str, Any] = {}


def _machinery() -> dict[str, Any]:
    """Of the catalog, what documents of custom resources refer to."""
    if not _machinery_kept:
        source = catalog.definitions()
        prefix = "io.k8s.apimachinery.pkg.apis.meta.v1."
        wanted = [f"{prefix}{name}" for name in ("ObjectMeta", "ListMeta", "Status", "DeleteOptions", "Patch")]
        scale = "io.k8s.api.autoscaling.v1.Scale"
        referring = {"refs": [{"$ref": f"#/components/schemas/{name}"} for name in (*wanted, scale)]}
        _machinery_kept.update({name: source[name] for name in openapi_v3.components(referring, source)})
    return _machinery_kept
