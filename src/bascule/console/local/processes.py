"""Starting one process, knowing it again after a restart of ours, and ending it for sure.

A process is known by pid *and* start time (a pid alone is reused). Its death is a readable pidfd, so that adopted
processes are watched like children. stdout goes to a file whose first line is the ready line.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOP_SECONDS = 8.0


class StartError(Exception):
    """The process ended before it was ready; the message carries its last words."""


@dataclass(frozen=True, slots=True)
class Identity:
    pid: int
    started: str
    """Field 22 of /proc/<pid>/stat, in clock ticks since boot."""

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """None when there is no such process, or only its zombie."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else cls(pid, fields[19])

    @property
    def alive(self) -> bool:
        return Identity.of(self.pid) == self


def spawn(command: Sequence[str], *, out: Path, log: Path, environment: dict[str, str] | None = None) -> Identity:
    """Starts a process in a session of its own, its stdout and log appended to files. Raises StartError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "wb") as stdout, open(log, "ab") as stderr:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                env=os.environ | (environment or {}),
            )
        except OSError as error:
            raise StartError(f"cannot start {command[0]}: {error.strerror}") from error
    _reap_later(process)
    identity = Identity.of(process.pid)
    if identity is None:
        raise StartError(f"{' '.join(command[:3])} ended at once; see {log}\n{last_words(log)}")
    return identity


_children: dict[int, subprocess.Popen[bytes]] = {}


def _reap_later(process: subprocess.Popen[bytes]) -> None:
    """Keeps the handle, so that the exit is collected by ``poll`` and no zombie stays."""
    _children[process.pid] = process


def reap() -> None:
    for pid, process in list(_children.items()):
        if process.poll() is not None:
            del _children[pid]


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def ready_line(out: Path) -> dict[str, Any] | None:
    """The JSON of the first complete stdout line that says ``ready``, once it is there."""
    try:
        text = out.read_text()
    except OSError:
        return None
    for line in text.splitlines(keepends=True):
        if line.endswith("\n") and line.startswith("{"):
            try:
                parsed = json.loads(line)
            except ValueError:
                continue
            if isinstance(parsed, dict) and "ready" in parsed:
                return parsed
    return None


def last_words(log: Path, *, lines: int = 5) -> str:
    try:
        return "\n".join("  " + line for line in log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


async def wait_ready(identity: Identity, out: Path, log: Path, *, timeout_seconds: float) -> dict[str, Any]:
    """The ready line. Raises StartError when the process ends first or takes too long."""
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        line = ready_line(out)
        if line is not None:
            return line
        if not identity.alive:
            raise StartError(f"it ended before it was ready. Its last words ({log}):\n{last_words(log)}")
        if asyncio.get_running_loop().time() > deadline:
            raise StartError(
                f"it was not ready within {timeout_seconds:g} s. Its last words ({log}):\n{last_words(log)}"
            )
        await asyncio.sleep(0.03)


async def wait_gone(identity: Identity) -> None:
    """Returns when the process is gone, child of ours or not."""
    try:
        descriptor = os.pidfd_open(identity.pid)
    except OSError:
        return
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, _resolve, gone)
    try:
        if identity.alive:
            await gone
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        reap()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def send(identity: Identity, number: int) -> bool:
    """Signals exactly that process; False when it is gone."""
    if not identity.alive:
        return False
    try:
        os.kill(identity.pid, number)
    except ProcessLookupError:
        return False
    return True


async def stop(identity: Identity, *, timeout_seconds: float = STOP_SECONDS) -> None:
    """SIGTERM, then SIGKILL after the timeout; returns when it is gone."""
    if not send(identity, signal.SIGTERM):
        reap()
        return
    try:
        async with asyncio.timeout(timeout_seconds):
            await wait_gone(identity)
    except TimeoutError:
        send(identity, signal.SIGKILL)
        await wait_gone(identity)
