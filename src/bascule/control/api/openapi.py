"""/openapi/v3: an index of documents, one for each group version, under URLs that change with their content."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from bascule.control.api import respond
from bascule.control.schema import openapi_v3
from bascule.vocabulary import errors, resources

_HEAD: Final = "/openapi/v3"


class Documents:
    """Computed at the first question, in a thread: nobody waits for it who does not ask."""

    def __init__(self, registry: resources.Registry, version: str) -> None:
        self._registry = registry
        self._version = version
        self._documents: dict[tuple[str, str], bytes] = {}
        self._index: bytes = b""
        self._lock = asyncio.Lock()

    async def serve(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        """The index or a document; 404 for others (`/openapi/v2` among them)."""
        async with self._lock:
            if not self._index:
                await asyncio.to_thread(self._compute)
        if path == _HEAD:
            return respond.raw(self._index)
        document = self._documents.get(_group_version(path))
        if document is None:
            raise errors.path_not_found()
        response = respond.raw(document)
        if "hash=" in http.raw_path:
            response.headers["Cache-Control"] = "public, immutable"
        return await respond.compressed(response, http.headers.get("Accept-Encoding", ""))

    def _compute(self) -> None:
        hashes = {}
        for group, version in self._registry.group_versions():
            rows = [row for row in self._registry if (row.group, row.version) == (group, version)]
            document = openapi_v3.document(group, version, rows, self._version)
            self._documents[group, version] = document
            hashes[group, version] = openapi_v3.content_hash(document)
        self._index = respond.dump(openapi_v3.index(hashes))


def _group_version(path: str) -> tuple[str, str]:
    match path.removeprefix(_HEAD).split("/")[1:]:
        case ["api", version]:
            return "", version
        case ["apis", group, version]:
            return group, version
    return "?", "?"
