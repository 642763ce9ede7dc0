"""Objects shaped for display: the Table of a kind's printer columns, and PartialObjectMetadata.

Pure. Rendering is lazy: only requests that ask for these shapes pay for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    cause = f"includeObject: Invalid value: \"{text}\": must be 'Metadata', 'Object', 'None', or empty"
    raise errors.bad_request(f"Unable to convert to Table as requested: {cause}")


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
    result: dict[str, Any] = {"cells": kind.cells(obj, now), "object": None}
    if included == "Metadata":
        result["object"] = partial(obj, version)
    elif included == "Object":
        result["object"] = obj
    return result


def rows_json(
    cells: Iterable[bytes], records: Iterable[record.Record], *, included: Include, version: str
) -> Iterator[bytes]:
    """The `row` of each stored object, encoded, their cells given."""
    if included == "None":
        return (b'{"cells":%b,"object":null}' % own for own in cells)
    shown = (stored.body() for stored in records) if included == "Object" else partials_json(records, version)
    return (b'{"cells":%b,"object":%b}' % pair for pair in zip(cells, shown, strict=True))


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


def partials_json(records: Iterable[record.Record], version: str) -> Iterator[bytes]:
    """The `partial` of each stored object, encoded: cut from its bytes, which nobody need decode."""
    opening = b'{"kind":"PartialObjectMetadata","apiVersion":"%b/%b",' % (_GROUP.encode(), version.encode())
    for stored in records:
        first = stored.opening()
        yield b'%b%b"%d"}}' % (opening, first[first.index(b'"metadata":') :], stored.revision)


def partial_list(items: Iterable[dict[str, Any]], metadata: dict[str, Any], version: str) -> dict[str, Any]:
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": f"{_GROUP}/{version}",
        "metadata": metadata,
        "items": list(items),
    }
