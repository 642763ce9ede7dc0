"""The engines under contract. Each knows how to open, close and open again, and to restore."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bascule.control.store import contract, memory
from bascule.control.store.sqlite import restore, store


class Memory:
    name = "memory"

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self) -> contract.Store:
        return memory.MemoryStore()

    async def restored(self, snapshot: Path) -> contract.Store:
        return memory.restore(snapshot)


class Sqlite:
    name = "sqlite"

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def open(self) -> contract.Store:
        return await store.open_store(self.directory / "state.db")

    async def restored(self, snapshot: Path) -> contract.Store:
        file = self.directory / "restored" / "state.db"
        restore.restore(snapshot, file)
        return await store.open_store(file)


Engine = Memory | Sqlite
ENGINES = {"memory": Memory, "sqlite": Sqlite}


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return ENGINES[request.param](tmp_path)


@pytest.fixture
async def opened(engine: Engine) -> AsyncIterator[contract.Store]:
    opened = await engine.open()
    yield opened
    await opened.close()


@pytest.fixture
def put(opened: contract.Store) -> Callable[[str, bytes], Awaitable[int]]:
    """Writes one key whatever is there."""

    async def put(key: str, value: bytes) -> int:
        return await opened.commit([contract.Put(key, value)])

    return put
