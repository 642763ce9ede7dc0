"""A server process over SQLite, killed with -9 amid writes and started again: all its clients see one history."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bascule.control.store.sqlite import store as sqlite
from tests.clients import admin, conftest
from tests.history import checker, follower, history_of, record, wire, writer
from tests.history import kind as kinds

SEED = int(os.environ.get("BASCULE_HISTORY_SEED", "1"))
LIVES = 2
WRITERS = 4
WRITES = 25


@contextmanager
def _serving(data: Path, log: Path) -> Iterator[tuple[str, int, ssl.SSLContext]]:
    """Address, process id and the admin's TLS."""
    with conftest.process("bascule.control.api", "--data-dir", str(data), "--port", "0", log=log) as ready:
        yield f"https://{ready['address']}", ready["pid"], admin.context(data)


async def _forget(data: Path) -> None:
    """Compacts the store of a server that is not running."""
    opened = await sqlite.open_store(data / "control" / "state.db")
    await opened.compact(max(1, opened.revision - 30))
    await opened.close()


async def _life(through: wire.Wire, pid: int, writers: list[writer.Writer], source: random.Random) -> None:
    """All write; the first to be through kills the server under the others."""

    async def write(each: writer.Writer, times: int) -> None:
        with contextlib.suppress(*wire.GONE):
            await each.write(times)
            os.kill(pid, signal.SIGKILL)

    await asyncio.gather(*(write(each, WRITES + source.randrange(9)) for each in writers))


@pytest.mark.slow
@pytest.mark.scenario
async def test_a_killed_server_goes_on_with_the_same_history(tmp_path: Path) -> None:
    data, log, source = tmp_path / "d", tmp_path / "log", random.Random(SEED)
    kind = kinds.MAPS
    history: record.History | None = None
    tasks: list[asyncio.Task[Any]] = []
    async with contextlib.AsyncExitStack() as stack:
        for life in range(LIVES + 1):
            with _serving(data, log) as (url, pid, context):
                if history is None:
                    connector = aiohttp.TCPConnector(ssl=context, limit=0)
                    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
                    through = wire.Wire(session, url)
                    history = await history_of.base(through, kind)
                    followers = [
                        follower.Follower(through, view, history, random.Random(source.random()))
                        for view in kinds.views(kind)
                    ]
                    writers = [
                        writer.Writer(f"w{n}", through, kind, history, random.Random(source.random()))
                        for n in range(WRITERS)
                    ]
                    tasks = [asyncio.create_task(each.follow()) for each in followers]
                through.url = url
                if life < LIVES:
                    await _life(through, pid, writers, source)
                else:
                    await writers[0].write(5)
                    until = (await history_of.base(through, kind)).base.version
                    for each in followers:
                        each.until = until
                    await asyncio.wait_for(asyncio.gather(*tasks), 20)
            if life == 0:
                await _forget(data)
    assert history is not None
    assert checker.problems(history) == []
    assert len({write.obj["metadata"]["uid"] for write in history.writes}) > 20
