"""What one version of one definition adds to the OpenAPI documents: members of their paths and of their schemas.

Kept packed and put together as a document is sent, so that one of hundreds of definitions is in memory nowhere, and a
change costs what the changed definition does. Made in a thread, from the stored schema: nothing is compiled. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from bascule.control.custom import publishing
from bascule.control.kinds import shape
from bascule.control.schema import catalog, openapi_v2, openapi_v2_protobuf, openapi_v3
from bascule.vocabulary import objects, resources

_MACHINERY: Final = ("ObjectMeta", "ListMeta", "Status", "DeleteOptions", "Patch")
_PACKED_FAST: Final = 1


class Piece(NamedTuple):
    """`paths` and `schemas` are packed; `references` name what they refer to of the machinery all kinds share."""

    paths: bytes
    schemas: bytes
    references: tuple[str, ...]
    size_bytes: int

    @classmethod
    def of(cls, paths: bytes, schemas: bytes, references: tuple[str, ...] = ()) -> Piece:
        size_bytes = len(paths) + len(schemas)
        return cls(zlib.compress(paths, _PACKED_FAST), zlib.compress(schemas, _PACKED_FAST), references, size_bytes)


Make = Callable[[resources.Resource, dict[str, Any]], Piece]


def schema_of(crd: objects.Object, version: str) -> dict[str, Any]:
    """A version's schema in a definition that may hold anything."""
    versions = shape.items(shape.mapping(crd, "spec"), "versions")
    found = next((one for one in versions if one.get("name") == version), {})
    return shape.mapping(shape.mapping(found, "schema"), "openAPIV3Schema")


def version_3(row: resources.Resource, schema: dict[str, Any]) -> Piece:
    """Members of `paths` and of `components.schemas`."""
    custom = {(row.api_version, row.kind): _definitions(row, schema, 3)}
    paths = openapi_v3.paths([row], custom)
    schemas = custom[row.api_version, row.kind]
    references = tuple(openapi_v3.components([paths, schemas], machinery()))
    return Piece.of(_members(paths), _members(schemas), references)


def version_2(row: resources.Resource, schema: dict[str, Any]) -> Piece:
    """Members of `paths` and of `definitions`."""
    found = _fragment(row, schema)
    return Piece.of(_members(found["paths"]), _members(found["definitions"]))


def version_2_protobuf(row: resources.Resource, schema: dict[str, Any]) -> Piece:
    """A message, which adds itself to the document that it is put behind."""
    return Piece.of(openapi_v2_protobuf.encode(_fragment(row, schema)), b"")


def _fragment(row: resources.Resource, schema: dict[str, Any]) -> dict[str, Any]:
    return openapi_v2.fragment([row], {(row.api_version, row.kind): _definitions(row, schema, 2)})


def _definitions(row: resources.Resource, schema: dict[str, Any], api: publishing.Version) -> dict[str, Any]:
    name = publishing.definition_name(row.group, row.version, row.kind)
    spoken = row.group, row.version, row.kind
    return publishing.definitions(name, schema, spoken, version=api, list_kind=row.list_kind, plural=row.plural)


def _members(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value)[1:-1]


_machinery_kept: dict[str, Any] = {}


def machinery() -> dict[str, Any]:
    """Of the catalog, what documents of custom resources refer to. Read the first time, which takes a moment."""
    if not _machinery_kept:
        source = catalog.definitions()
        prefix = "io.k8s.apimachinery.pkg.apis.meta.v1."
        wanted = [*(f"{prefix}{name}" for name in _MACHINERY), "io.k8s.api.autoscaling.v1.Scale"]
        referring = {"refs": [{"$ref": f"#/components/schemas/{name}"} for name in wanted]}
        _machinery_kept.update({name: source[name] for name in openapi_v3.components(referring, source)})
    return _machinery_kept


def shared(names: set[str]) -> bytes:
    """The members of `components.schemas` that were referred to."""
    source = machinery()
    return _members({name: openapi_v3.schema_v3(source[name], definition=name) for name in sorted(names)})
