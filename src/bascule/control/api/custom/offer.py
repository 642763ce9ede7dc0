"""What a definition offers, read from it without compiling its schemas: names, versions, whether it is served.

Pure. A definition in the store may hold anything; what cannot be understood reads as if it were absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from bascule.control.api import endpoint
from bascule.control.api.custom import compiled, naming, pieces
from bascule.control.cache import record
from bascule.control.kinds import custom_rows, shape
from bascule.control.kinds.custom_resource_definition import outline
from bascule.vocabulary import conditions, objects, resources


@dataclass(slots=True)
class Offer:
    """One definition at one revision; `endpoints` are made when they are first asked for."""

    key: objects.Key
    revision: int
    uid: str
    generation: int
    group: str
    plural: str
    names: dict[str, Any]
    rows: tuple[resources.Resource, ...]
    """Of the served versions, best first."""
    served: bool
    established: bool
    terminating: bool
    endpoints: dict[str, endpoint.Endpoint] = field(default_factory=dict)
    problem: str = ""
    """Why it cannot be served although it should."""
    compiled: compiled.Compiled | None = None
    """Its schemas, once its objects were asked for."""
    pieces: dict[tuple[str, str], pieces.Piece] = field(default_factory=dict, compare=False)
    """Of documents, by their kind and by version, once they were asked for."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)
    """Of those who compile it: once for all who ask meanwhile."""

    def same_resource(self, other: Offer) -> bool:
        """Whether only its conditions may differ: what was made for the other still holds."""
        mine = self.uid, self.generation, self.names, self.rows
        return mine == (other.uid, other.generation, other.names, other.rows)

    def take_over(self, other: Offer) -> None:
        """What was made for an offer of the same resource."""
        self.endpoints, self.problem = other.endpoints, other.problem
        self.compiled, self.pieces, self.turn = other.compiled, other.pieces, other.turn


def outlined(stored: record.Record) -> objects.Object:
    """A stored definition without its schemas, tidy; decoded whole only if nothing was kept beside it."""
    kept = stored.field(outline.FIELD)
    return tidy(orjson.loads(kept) if kept else stored.decode())


def tidy(crd: Any) -> objects.Object:
    """A stored definition whose outline is as it should be, whatever was stored."""
    found: objects.Object = crd if type(crd) is dict else {}
    status = shape.mapping(found, "status")
    status = {**status, "conditions": shape.items(status, "conditions")} if status else {}
    return {
        **found,
        "metadata": shape.mapping(found, "metadata"),
        "spec": shape.mapping(found, "spec"),
        "status": status,
    }


def read(key: objects.Key, revision: int, stored: objects.Object) -> Offer:
    """The offer of a stored definition, or of its outline."""
    crd = tidy(stored)
    spec, status = crd["spec"], crd["status"]
    names = shape.mapping(status, "acceptedNames")
    group, plural = shape.text(spec, "group"), shape.text(shape.mapping(spec, "names"), "plural")
    accepted = conditions.is_true(crd, naming.NAMES_ACCEPTED)
    established = conditions.is_true(crd, naming.ESTABLISHED)
    return Offer(
        key=key,
        revision=revision,
        uid=objects.uid(crd),
        generation=shape.count(shape.mapping(crd, "metadata"), "generation"),
        group=group,
        plural=plural,
        names=names,
        rows=tuple(_rows(spec, names)),
        served=(established or accepted) and key.name == f"{plural}.{group}" and bool(shape.text(names, "kind")),
        established=established,
        terminating=conditions.is_true(crd, naming.TERMINATING) or bool(objects.deletion_timestamp(crd)),
    )


def _rows(spec: objects.Object, names: objects.Object) -> Iterable[resources.Resource]:
    versions = {shape.text(version, "name"): version for version in shape.items(spec, "versions")}
    storage = next((name for name, version in versions.items() if shape.flag(version, "storage")), "")
    for name in sorted(versions, key=custom_rows.version_order):
        version = versions[name]
        if not name or not shape.flag(version, "served"):
            continue
        yield custom_rows.row(spec, names, version, storage=storage)
