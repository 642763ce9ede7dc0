"""The demo's own instruments: the load that counts what failed, and the table that decides the exit code."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from bascule.console.demo import load
from bascule.console.demo.promises import Promises
from tests import waiting

RATE_PER_SECOND = 500.0
OK = b"HTTP/1.0 200 OK\r\n\r\nhello"


@asynccontextmanager
async def serving(answers: Callable[[int], bytes | None]) -> AsyncIterator[int]:
    """A server whose n-th connection gets ``answers(n)``; None never answers. Gives its port."""
    count = 0
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        answer, count = answers(count), count + 1
        held.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.close()
        await server.wait_closed()


async def test_failures_are_counted_by_reason() -> None:
    bad = {2: b"HTTP/1.0 500 Oh\r\n\r\n", 4: b"", 5: b""}
    async with serving(lambda number: bad.get(number, OK)) as port:
        async with load.Load("127.0.0.1", port, RATE_PER_SECOND) as running:
            await waiting.until(lambda: running.total.sent >= 12, what="twelve requests")
        total = running.total
    assert total.failed == 3
    assert total.reasons == {"answered b'HTTP/1.0 500 Oh\\r\\n'": 1, "answered b''": 2}
    assert total.worst_seconds > 0


async def test_parts_add_up_to_the_total() -> None:
    async with serving(lambda number: OK if number % 2 else b"") as port:
        async with load.Load("127.0.0.1", port, RATE_PER_SECOND) as running:
            await waiting.until(lambda: running.total.sent >= 4, what="four requests")
            first = running.take()
            at_first = running.total.sent
            await waiting.until(lambda: running.total.sent >= at_first + 4, what="four more")
        second = running.take()
    assert first.sent + second.sent == running.total.sent
    assert first.failed + second.failed == running.total.failed > 0
    assert running.take() == load.Count()


async def test_a_server_that_does_not_answer_is_a_failure_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "TIMEOUT_SECONDS", 0.1)
    async with serving(lambda number: None if number == 0 else OK) as port:
        async with load.Load("127.0.0.1", port, RATE_PER_SECOND) as running:
            await waiting.until(lambda: running.total.failed == 1, what="the time-out")
            assert running.total.sent > 2, "the requests after the stalled one were sent on time"
        assert running.total.reasons == {"no answer in time": 1}


async def test_nobody_there() -> None:
    async with serving(lambda _: OK) as port:
        pass
    async with load.Load("127.0.0.1", port, RATE_PER_SECOND) as running:
        await waiting.until(lambda: running.total.failed >= 3, what="three refusals")
    assert set(running.total.reasons) == {"ConnectionRefusedError"}


def test_promises_are_kept_when_each_one_is_and_there_is_one() -> None:
    promises = Promises()
    assert not promises.all_kept
    promises.check("a", "0 failed", "0 of 9 failed", kept=True)
    assert promises.all_kept
    promises.check("b", "5 s", "7 s", kept=False)
    assert not promises.all_kept
    out = io.StringIO()
    Console(file=out, width=100).print(promises.table())
    rows = out.getvalue().splitlines()
    assert [row.split("│")[-2].strip() for row in rows if "│ a " in row or "│ b " in row] == ["kept", "BROKEN"]
