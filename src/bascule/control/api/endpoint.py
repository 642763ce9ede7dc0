"""One served resource of one version, with everything a verb needs to know of it, looked up once at start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from bascule.control.api import cells
from bascule.control.cache import record, watch
from bascule.control.cache import resource as cached
from bascule.control.kinds import strategy
from bascule.control.schema import types
from bascule.vocabulary import fields, objects, resources, stepwise

Convert = Callable[[objects.Object], objects.Object]
_LOOKED_AT: Final = 5000
"""Of more custom resources it would take too long to say whether they are as they are stored."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """Between the version on the wire and the stored one; both directions may change their argument."""

    to_storage: Convert
    from_storage: Convert
    fields: Mapping[str, str] = field(default_factory=dict)
    """Selectable fields that have other names in this version: its name, and the stored one's."""


class Form(Protocol):
    """How a custom resource's objects come out of the store and go into it: `custom.form`."""

    @property
    def is_certain(self) -> bool:
        """Whether all there is can be shown without anybody's help."""

    def is_plain(self, stored: record.Record) -> bool:
        """Whether the stored bytes are what is served."""

    async def prepare(self, records: Iterable[record.Record]) -> None:
        """To be awaited before `decode` and `body` of these. Raises StatusError when they cannot be converted."""

    def decode(self, stored: record.Record) -> objects.Object:
        """A fresh copy in the endpoint's version."""

    def body(self, stored: record.Record) -> bytes:
        """The JSON of `decode`."""

    def is_stale(self, stored: record.Record) -> bool:
        """Whether writing the object as it is shown would change what is stored."""

    async def draft(self, obj: objects.Object) -> record.Draft:
        """The object as it is stored; `obj` stays as it is."""

    def selector(self, wanted: fields.FieldSelector) -> fields.FieldSelector:
        """The selector as the cache can evaluate it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`cache` is None for virtual kinds, which are asked and never stored."""

    resource: resources.Resource
    strategy: strategy.Strategy
    schema: types.TypeSchema
    cache: cached.ResourceCache | None
    selectable: frozenset[str]
    conversion: Conversion | None = None
    list_head: bytes = b""
    reset_fields: dict[str, Any] = field(default_factory=dict)
    form: Form | None = None
    """Of custom resources alone, as are the following."""
    prune: Callable[[objects.Object], list[str]] | None = None
    """Removes from an object what its schema does not know, and tells the paths."""
    warning: str = ""
    """For all who use this version."""
    cells: cells.Cells = field(default_factory=cells.Cells)
    watches: set[watch.Watch] = field(default_factory=set)
    """Those to be ended when the definition of a custom resource changes."""

    @property
    def records(self) -> cached.ResourceCache:
        """The cache of a kind that is stored."""
        if self.cache is None:
            raise TypeError(f"{self.resource.qualified} is virtual: it has no objects")
        return self.cache

    def decode(self, stored: record.Record) -> objects.Object:
        """A fresh copy in this endpoint's version; of a custom resource after `ready`."""
        if self.form is not None:
            return self.form.decode(stored)
        obj = stored.decode()
        return obj if self.conversion is None else self.conversion.from_storage(obj)

    def decode_twice(
        self, stored: record.Record, shared: tuple[str, ...] = ()
    ) -> tuple[objects.Object, objects.Object]:
        """Two copies for the price of unpacking one, which share only members that are told."""
        if shared:
            whole = self.decode(stored)
            copied = {name: value for name, value in whole.items() if name not in shared}
            return whole, whole | objects.deep_copy(copied)
        if self.form is not None:
            return self.form.decode(stored), self.form.decode(stored)
        body = stored.body()
        first, second = stepwise.loads(body), stepwise.loads(body)
        if self.conversion is None:
            return first, second
        return self.conversion.from_storage(first), self.conversion.from_storage(second)

    def is_stale(self, stored: record.Record) -> bool:
        """Whether a write that changes nothing is one nevertheless: so objects are brought to a new storage version."""
        return self.form is not None and self.form.is_stale(stored)

    async def ready(self, *records: record.Record) -> None:
        """Before these are decoded. Raises StatusError when they cannot be converted."""
        if self.form is not None:
            await self.form.prepare(records)

    def shows_stored(self, records: Sequence[record.Record]) -> bool:
        """Whether these are all served as the bytes they are stored as."""
        if self.form is not None:
            return len(records) <= _LOOKED_AT and all(map(self.form.is_plain, records))
        return self.conversion is None

    def body(self, stored: record.Record) -> bytes:
        """The object's JSON as this endpoint serves it; of a custom resource after `ready`."""
        if self.form is not None:
            return self.form.body(stored)
        if self.conversion is None:
            return stored.body()
        return orjson.dumps(self.decode(stored))
