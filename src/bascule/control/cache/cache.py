"""All resources of the API server over one store. Interface first; the body follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from bascule.control.cache import record
from bascule.control.cache import resource as resources
from bascule.control.store import contract
from bascule.vocabulary import clock, objects


class Write(NamedTuple):
    """One object's part in a commit. ``draft`` None deletes; ``expected`` None any, 0 absent, or the version."""

    resource: resources.ResourceCache
    key: objects.Key
    draft: record.Draft | None
    expected: int | None


class Cache:
    """``await cache.start()`` first, ``await cache.close()`` last; between them from one event loop."""

    def __init__(self, store: contract.Store, clock: clock.Clock) -> None: ...

    async def start(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    @property
    def revision(self) -> int:
        """The store revision all loaded resources are fresh as of."""
        raise NotImplementedError

    async def resource(self, group: str, plural: str) -> resources.ResourceCache:
        """Loaded at the first call, once; ``group`` "" is core."""
        raise NotImplementedError

    def loaded(self, group: str, plural: str) -> resources.ResourceCache | None:
        """The resource if it is in memory already: for synchronous readers."""
        raise NotImplementedError

    async def commit(self, writes: Sequence[Write]) -> list[record.Record | None]:
        """All or nothing, at one revision. Raises AlreadyExists, Conflict or Missing of the first that fails."""
        raise NotImplementedError

    def statistics(self) -> dict[str, Any]:
        raise NotImplementedError
