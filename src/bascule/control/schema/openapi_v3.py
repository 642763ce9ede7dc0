"""OpenAPI v3: one document for each group version, with the paths kubectl reads, computed from rows and schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bascule.vocabulary import resources


def index(hashes: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The `/openapi/v3` answer, from (group, version) to the hash of its document."""
    raise NotImplementedError


def document(group: str, version: str, rows: Sequence[resources.Resource], server_version: str) -> bytes:
    """The JSON document of one group version."""
    raise NotImplementedError


def content_hash(document_bytes: bytes) -> str:
    """The hash in a document's URL: the same for the same document, in every process."""
    raise NotImplementedError


def paths(rows: Iterable[resources.Resource]) -> dict[str, Any]:
    """The path items of the rows."""
    raise NotImplementedError
