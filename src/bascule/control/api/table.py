"""Objects shaped for display: the Table of a kind's printer columns, and PartialObjectMetadata.

Pure. Rendering is lazy: only requests that ask for these shapes pay for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal

from bascule.control.cache import record
from bascule.control.kinds import strategy
from bascule.vocabulary import errors, objects

Include = Literal["None", "Metadata", "Object"]
_GROUP: Final = "meta.k8s.io"


def include(text: str) -> Include:
    """The `includeObject` parameter; Metadata when it is absent."""
    match text:
        case "" | "Metadata":
            return "Metadata"
        case "None":
            return "None"
        case "Object":
            return "Object"
    raise errors.bad_request(f'unrecognized includeObject value: "{text}"')


def columns(kind: strategy.Strategy) -> list[dict[str, Any]]:
    """The `columnDefinitions`."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in kind.columns
    ]


def row(
    kind: strategy.Strategy, obj: objects.Object, now: datetime, *, included: Include, version: str
) -> dict[str, Any]:
    """One row; the object in it as `included` says."""
    result: dict[str, Any] = {"cells": kind.cells(obj, now)}
    if included == "Metadata":
        result["object"] = partial(obj, version)
    elif included == "Object":
        result["object"] = obj
    return result


def row_json(cells: bytes, stored: record.Record, *, included: Include, version: str) -> bytes:
    """`row` of a stored object, encoded, its cells given."""
    if included == "Metadata":
        return b'{"cells":%b,"object":%b}' % (cells, partial_json(stored, version))
    if included == "Object":
        return b'{"cells":%b,"object":%b}' % (cells, stored.body())
    return b'{"cells":%b}' % cells


def table(
    definitions: list[dict[str, Any]] | None, rows: Iterable[dict[str, Any]], metadata: dict[str, Any], version: str
) -> dict[str, Any]:
    """The Table; `definitions` is None for every event of a watch but the first."""
    return {
        "kind": "Table",
        "apiVersion": f"{_GROUP}/{version}",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": list(rows),
    }


def partial(obj: objects.Object, version: str) -> dict[str, Any]:
    """The object's metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"{_GROUP}/{version}",
        "metadata": obj.get("metadata") or {},
    }


def partial_json(stored: record.Record, version: str) -> bytes:
    """`partial` of a stored object, encoded: cut from its bytes, which nobody need decode."""
    prefix, _ = stored.pieces()
    metadata = prefix[prefix.index(b'"metadata":') :]
    opening = b'{"kind":"PartialObjectMetadata","apiVersion":"%b/%b",' % (_GROUP.encode(), version.encode())
    return b'%b%b"%d"}}' % (opening, metadata, stored.revision)


def partial_list(items: Iterable[dict[str, Any]], metadata: dict[str, Any], version: str) -> dict[str, Any]:
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": f"{_GROUP}/{version}",
        "metadata": metadata,
        "items": list(items),
    }
