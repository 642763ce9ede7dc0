"""Our own API server as a process of its own, on a data directory that is thrown away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench import target

_READY_SECONDS = 120
_STOP_SECONDS = 10


class NotReady(Exception):
    """A process ended, or said nothing, before it was ready."""


@dataclass(frozen=True)
class Started:
    """``ready`` is the process's readiness line."""

    pid: int
    ready: dict[str, Any]
    seconds: float


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as name:
        yield Path(name)


@contextlib.asynccontextmanager
async def process(*arguments: str, log: Path) -> AsyncIterator[Started]:
    """``python -m <arguments>``, from its readiness line until the end of the block."""
    began = time.perf_counter()
    with log.open("ab") as errors:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE, stderr=errors, env=environment()
        )
    try:
        assert child.stdout is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                line = await child.stdout.readline()
        except TimeoutError as error:
            raise NotReady(f"{arguments[0]} was not ready within {_READY_SECONDS} s") from error
        if not line:
            raise NotReady(f"{arguments[0]} ended before it was ready: {_tail(log)}")
        yield Started(child.pid, orjson.loads(line), time.perf_counter() - began)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


def _tail(log: Path) -> str:
    return log.read_text()[-1000:]


_compiled = tempfile.TemporaryDirectory(prefix="bascule-bench-compiled-")


def environment() -> dict[str, str]:
    """With compiled modules kept, as an installed package has them, whatever is said where the bench runs."""
    root = Path(__file__).resolve().parent.parent
    paths = [str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")]
    own = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONPYCACHEPREFIX": _compiled.name}
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | own


@contextlib.asynccontextmanager
async def server(data: Path) -> AsyncIterator[tuple[target.Target, Started]]:
    """The API server on ``data``, as its administrator sees it."""
    arguments = ("bascule.control.api", "--data-dir", str(data), "--port", "0", "--log-level", "warning")
    async with process(*arguments, log=data / "api.log") as started:
        yield target.from_kubeconfig(data / "admin.kubeconfig", (started.pid,)), started
