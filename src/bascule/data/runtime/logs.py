"""Container logs on disk: the CRI line format, reading a window of it, rotating it.

A line is `<RFC 3339 with nanoseconds> <stdout|stderr> <F|P> <text>`; P marks a fragment whose line
goes on in the next entry. Reading is lazy and tolerates a torn last line.
"""

# ruff: noqa: ASYNC240 - reading a local file in blocks is what this is for
from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BLOCK_BYTES = 64 * 1024
FOLLOW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Entry:
    timestamp: str
    stream: str
    partial: bool
    text: bytes


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a log is wanted; the names are those of the pod log API."""

    tail_lines: int | None = None
    since: datetime | None = None
    limit_bytes: int | None = None
    timestamps: bool = False
    follow: bool = False
    stream: str = ""  # "" both, else stdout or stderr


def timestamp(nanoseconds: int) -> str:
    """RFC 3339 with all nine digits, UTC."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def line(stream: str, text: bytes, nanoseconds: int, *, partial: bool = False) -> bytes:
    tag = b"P" if partial else b"F"
    return b"%b %b %b %b\n" % (timestamp(nanoseconds).encode(), stream.encode(), tag, text)


def parse(raw: bytes) -> Entry | None:
    """One line of a log file, or None where it is not in the format."""
    parts = raw.rstrip(b"\n").split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr"):
        return None
    text = parts[3] if len(parts) == 4 else b""
    return Entry(parts[0].decode("ascii", "replace"), parts[1].decode(), parts[2][:1] == b"P", text)


def moment(text: str) -> datetime:
    """The entry's time to the microsecond; entries written by containerd may carry an offset."""
    body, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _, fraction = body.partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}{zone}").astimezone(UTC)


def render(entry: Entry, window: Window) -> bytes:
    end = b"" if entry.partial else b"\n"
    return entry.timestamp.encode() + b" " + entry.text + end if window.timestamps else entry.text + end


def wanted(entry: Entry, window: Window) -> bool:
    if window.stream and entry.stream != window.stream:
        return False
    return window.since is None or moment(entry.timestamp) >= window.since


def tail_offset(path: Path, lines: int) -> int:
    """The byte offset at which the last `lines` whole lines begin."""
    if lines <= 0:
        return path.stat().st_size
    with path.open("rb") as file:
        position = end = file.seek(0, os.SEEK_END)
        seen = 0
        while position > 0:
            size = min(BLOCK_BYTES, position)
            position -= size
            file.seek(position)
            block = file.read(size)
            at = len(block)
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                if position + at + 1 == end:
                    continue
                seen += 1
                if seen == lines:
                    return position + at + 1
    return 0


def _parts(path: Path) -> list[Path]:
    """The rotated files of a log, oldest first, then the current one."""
    rotated = sorted(path.parent.glob(path.name + ".*")) if path.parent.is_dir() else []
    return [*rotated, *([path] if path.exists() else [])]


def _entries(path: Path, offset: int, end: int) -> Iterator[Entry]:
    with path.open("rb") as file:
        file.seek(offset)
        while file.tell() < end and (raw := file.readline()):
            if (entry := parse(raw)) is not None:
                yield entry


async def read(path: Path, window: Window, *, ended: asyncio.Event | None = None) -> AsyncIterator[bytes]:
    """The log's bytes as a client wants them; with `follow`, until `ended` is set and all is read."""
    left = window.limit_bytes
    offset = 0
    parts = _parts(path)
    seen = _whole_size(path) if path.exists() else 0
    if window.tail_lines is not None and parts:
        offset = tail_offset(parts[-1], window.tail_lines)
        parts = parts[-1:]
    for part in parts:
        end = seen if part == path else part.stat().st_size
        for count, entry in enumerate(_entries(part, offset if part == path else 0, end)):
            if not wanted(entry, window):
                continue
            out = render(entry, window)
            if left is not None:
                out, left = out[:left], left - len(out)
            if out:
                yield out
            if left is not None and left <= 0:
                return
            if count % 256 == 255:
                await asyncio.sleep(0)
    if window.follow:
        async for out in _follow(path, seen, window, left, ended or asyncio.Event()):
            yield out


def _whole_size(path: Path) -> int:
    """Where the last complete line ends."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - BLOCK_BYTES))
        block = file.read()
        return size - len(block) + block.rfind(b"\n") + 1


async def _follow(
    path: Path, offset: int, window: Window, left: int | None, ended: asyncio.Event
) -> AsyncIterator[bytes]:
    pending = b""
    inode = path.stat().st_ino if path.exists() else 0
    while True:
        last = ended.is_set()
        data = b""
        if path.exists():
            status = path.stat()
            if status.st_ino != inode or status.st_size < offset:  # rotated: begin with the new file
                inode, offset, pending = status.st_ino, 0, b""
            with path.open("rb") as file:
                file.seek(offset)
                data = file.read()
            offset += len(data)
        *whole, pending = (pending + data).split(b"\n")
        for raw in whole:
            entry = parse(raw)
            if entry is None or not wanted(entry, window):
                continue
            out = render(entry, window)
            if left is not None:
                out, left = out[:left], left - len(out)
            yield out
            if left is not None and left <= 0:
                return
        if last and not data:
            return
        if not data:
            try:
                await asyncio.wait_for(ended.wait(), FOLLOW_SECONDS)
            except TimeoutError:
                pass


def rotate(path: Path, nanoseconds: int, *, keep: int = 4) -> None:
    """Set the current file aside; the writer must reopen. At most `keep` old files remain."""
    path.rename(path.with_name(f"{path.name}.{nanoseconds}"))
    for old in sorted(path.parent.glob(path.name + ".*"))[:-keep]:
        old.unlink(missing_ok=True)
