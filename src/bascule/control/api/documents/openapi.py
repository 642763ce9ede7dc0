"""/openapi/v3: an index of documents, one for each group version, under URLs that change with their content.

/openapi/v2: one document of everything, as JSON or protobuf, for clients that know no other.
"""

from __future__ import annotations

import asyncio
import time
from email import utils
from typing import Final, NamedTuple

from aiohttp import web

from bascule.control.api import nowhere, options
from bascule.control.api.wire import negotiate, respond
from bascule.control.schema import openapi_v2, openapi_v2_protobuf, openapi_v3
from bascule.vocabulary import resources

HEAD: Final = "/openapi/v3"
V2: Final = "/openapi/v2"
_YEAR_SECONDS: Final = 365 * 24 * 3600
_PROTOBUF_NAMES: Final = (openapi_v2_protobuf.ACCEPTED_TYPE, openapi_v2_protobuf.CONTENT_TYPE)


class Document(NamedTuple):
    content: bytes
    media: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media: str = negotiate.JSON) -> Document:
        return cls(content, media, f'"{openapi_v3.content_hash(content)}"')


class Documents:
    """Computed at the first question, in a thread: nobody waits for it who does not ask."""

    def __init__(self, registry: resources.Registry, version: str) -> None:
        self._registry = registry
        self._version = version
        self._documents: dict[tuple[str, str], Document] = {}
        self._v2: tuple[Document, Document] | None = None
        self._lock = asyncio.Lock()

    async def serve(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        """A document or the index of version 3; 304 for whom has it already, 404 for others."""
        if path == V2:
            document, encoded = await self.version_2()
            found = encoded if is_protobuf(http.headers.get("Accept", "")) else document
        else:
            found = await self._version_3(path)
        return await answer(http, found)

    async def _version_3(self, path: str) -> Document:
        hashes = await self.hashes()
        if path == HEAD:
            return Document.of(respond.dump(openapi_v3.index(hashes)))
        found = self._documents.get(group_version(path))
        if found is None:
            raise nowhere.Nowhere
        return found

    async def hashes(self) -> dict[tuple[str, str], str]:
        """Of each group version's document."""
        async with self._lock:
            if not self._documents:
                await asyncio.to_thread(self._compute)
        return {key: found.tag.strip('"') for key, found in self._documents.items()}

    async def version_2(self) -> tuple[Document, Document]:
        """As JSON and as protobuf."""
        async with self._lock:
            if self._v2 is None:
                self._v2 = await asyncio.to_thread(self._compute_v2)
        return self._v2

    def _compute(self) -> None:
        made = {}
        for group, version in self._registry.group_versions():
            rows = [row for row in self._registry if (row.group, row.version) == (group, version)]
            document = openapi_v3.document(group, version, rows, self._version)
            made[group, version] = Document.of(document)
        self._documents = made

    def _compute_v2(self) -> tuple[Document, Document]:
        described = openapi_v2.document(self._registry, self._version)
        return (
            Document.of(openapi_v2.as_json(described)),
            Document.of(openapi_v2_protobuf.encode(described), openapi_v2_protobuf.CONTENT_TYPE),
        )


async def answer(http: web.BaseRequest, found: Document) -> web.StreamResponse:
    """The document; 304 for whom has it already, 301 for who asks for what it was."""
    if (elsewhere := moved(http, found.tag)) is not None:
        return elsewhere
    if is_held(http, found.tag):
        return unchanged(found.tag)
    response = respond.raw(found.content, media=found.media)
    response.headers.update(headers(http, found.tag))
    return await respond.compressed(response, http.headers.get("Accept-Encoding", ""))


def is_held(http: web.BaseRequest, tag: str) -> bool:
    """Whether who asks has the document of this tag already."""
    return tag in [held.strip().removeprefix("W/") for held in http.headers.get("If-None-Match", "").split(",")]


def unchanged(tag: str) -> web.Response:
    return web.Response(status=304, headers={"ETag": tag})


def moved(http: web.BaseRequest, tag: str) -> web.Response | None:
    """To where the document is by its present hash, for who asks by another: nobody may keep it under that one."""
    path, _, query = http.raw_path.partition("?")
    asked = options.parameters(query).get("hash", "")
    if not asked or f"{HEAD}/" not in path:
        return None
    current = tag.strip('"')
    return None if asked == current else web.Response(status=301, headers={"Location": f"{path}?hash={current}"})


def headers(http: web.BaseRequest, tag: str) -> dict[str, str]:
    """What a document has besides the usual ones."""
    own = {"ETag": tag, "Vary": "Accept"}
    if "hash=" in http.raw_path:
        own |= {
            "Cache-Control": "public, immutable",
            "Expires": utils.formatdate(time.time() + _YEAR_SECONDS, usegmt=True),
        }
    return own


def is_protobuf(accept: str) -> bool:
    """Whether version 2 is wanted as protobuf."""
    return any(name in accept for name in _PROTOBUF_NAMES)


def group_version(path: str) -> tuple[str, str]:
    """Of a document's path; ("?", "?") for what is none."""
    match path.removeprefix(HEAD).split("/")[1:]:
        case ["api", version]:
            return "", version
        case ["apis", group, version]:
            return group, version
    return "?", "?"
