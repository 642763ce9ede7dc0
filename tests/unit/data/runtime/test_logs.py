"""Reading container logs: windows, fragments, following, rotation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bascule.data.runtime import logs


async def collect(path: Path, window: logs.Window, ended: asyncio.Event | None = None) -> bytes:
    return b"".join([part async for part in logs.read(path, window, ended=ended)])


def written(path: Path, count: int) -> Path:
    path.write_bytes(b"".join(logs.line("stdout", b"line %d" % n, n * 10**9) for n in range(count)))
    return path


@given(st.binary().filter(lambda text: b"\n" not in text), st.integers(0, 2**62), st.booleans())
def test_a_line_reads_back(text: bytes, nanoseconds: int, partial: bool) -> None:
    entry = logs.parse(logs.line("stderr", text, nanoseconds, partial=partial))
    assert entry == logs.Entry(logs.timestamp(nanoseconds), "stderr", partial, text)


async def test_windows(tmp_path: Path) -> None:
    path = written(tmp_path / "0.log", 5)
    assert await collect(path, logs.Window(tail_lines=2)) == b"line 3\nline 4\n"
    assert await collect(path, logs.Window(tail_lines=0)) == b""
    assert await collect(path, logs.Window(tail_lines=99)) == await collect(path, logs.Window())
    assert await collect(path, logs.Window(since=datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC))) == b"line 4\n"
    assert await collect(path, logs.Window(limit_bytes=9)) == b"line 0\nli"
    stamped = await collect(path, logs.Window(tail_lines=1, timestamps=True))
    assert stamped == b"1970-01-01T00:00:04.000000000Z line 4\n"


async def test_an_absent_log_is_empty(tmp_path: Path) -> None:
    assert await collect(tmp_path / "none.log", logs.Window()) == b""


async def test_fragments_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(logs.line("stdout", b"a", 0, partial=True) + logs.line("stdout", b"b", 0))
    assert await collect(path, logs.Window()) == b"ab\n"


async def test_following_over_a_rotation_loses_and_repeats_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "0.log", 2)
    ended = asyncio.Event()
    task = asyncio.create_task(collect(path, logs.Window(follow=True), ended))
    await asyncio.sleep(0.15)
    with path.open("ab") as file:
        file.write(logs.line("stdout", b"more", 9))
    await asyncio.sleep(0.15)
    logs.rotate(path, 1)
    path.write_bytes(logs.line("stdout", b"fresh", 10))
    ended.set()
    assert await task == b"line 0\nline 1\nmore\nfresh\n"
    assert await collect(path, logs.Window()) == b"line 0\nline 1\nmore\nfresh\n"
