"""One served resource of one version, with everything a verb needs to know of it, looked up once at start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from bascule.control.cache import record
from bascule.control.cache import resource as cached
from bascule.control.kinds import strategy
from bascule.control.schema import types
from bascule.vocabulary import objects, resources

Convert = Callable[[objects.Object], objects.Object]


@dataclass(frozen=True, slots=True)
class Conversion:
    """Between the version on the wire and the stored one; both directions may change their argument."""

    to_storage: Convert
    from_storage: Convert


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`cache` is None for virtual kinds, which can only be created and are never stored."""

    resource: resources.Resource
    strategy: strategy.Strategy
    schema: types.TypeSchema
    cache: cached.ResourceCache | None
    selectable: frozenset[str]
    conversion: Conversion | None = None
    list_head: bytes = b""
    reset_fields: dict[str, Any] = field(default_factory=dict)

    @property
    def records(self) -> cached.ResourceCache:
        """The cache of a kind that is stored."""
        if self.cache is None:
            raise TypeError(f"{self.resource.qualified} is virtual: it has no objects")
        return self.cache

    def decode(self, stored: record.Record) -> objects.Object:
        """A fresh copy in this endpoint's version."""
        obj = stored.decode()
        return obj if self.conversion is None else self.conversion.from_storage(obj)

    def body(self, stored: record.Record) -> bytes:
        """The object's JSON as this endpoint serves it."""
        if self.conversion is None:
            return stored.body()
        return orjson.dumps(self.decode(stored))
