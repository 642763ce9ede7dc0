"""Exec through containerd's task service: named pipes for the streams, a terminal where asked for.

CRI's own streaming server knows no end of input over WebSocket, so it is not used.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from pathlib import Path
from typing import Any

from bascule.data.runtime import contract
from bascule.data.runtime.containerd.calls import Calls
from bascule.data.runtime.process.sessions import BLOCK_BYTES, wait_readable

PROCESS_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/Process"


class ExecSession:
    def __init__(
        self, calls: Calls, container_id: str, exec_id: str, inputs: int | None, outputs: dict[int, int]
    ) -> None:
        self._calls = calls
        self._ids: dict[str, Any] = {"container_id": container_id, "exec_id": exec_id}
        self._input = inputs
        self._outputs = outputs  # channel: descriptor
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(64)
        self._open = len(outputs)
        self._pumps: list[asyncio.Task[None]] = []
        self._waiting: asyncio.Task[int] | None = None

    def begin(self) -> None:
        self._waiting = asyncio.create_task(self._wait())
        self._pumps = [asyncio.create_task(self._pump(channel, fd)) for channel, fd in self._outputs.items()]

    async def _wait(self) -> int:
        answer = await self._calls.task("Wait", "WaitRequest", "WaitResponse", timeout_seconds=None, **self._ids)
        return int(answer.exit_status)

    async def _pump(self, channel: int, fd: int) -> None:
        while True:
            await wait_readable(fd, 3600)
            try:
                data = os.read(fd, BLOCK_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                break
            await self._queue.put((channel, data))
        self._open -= 1
        if self._open == 0:
            await self._queue.put(None)

    async def read(self) -> tuple[int, bytes] | None:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        while data and self._input is not None:
            try:
                data = data[os.write(self._input, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except OSError:
                return

    async def close_stdin(self) -> None:
        if self._input is not None:
            os.close(self._input)
            self._input = None
            await self._calls.task("CloseIO", "CloseIORequest", "Empty", stdin=True, **self._ids)

    async def resize(self, width: int, height: int) -> None:
        await self._calls.task("ResizePty", "ResizePtyRequest", "Empty", width=width, height=height, **self._ids)

    async def wait(self) -> int:
        assert self._waiting is not None
        return await asyncio.shield(self._waiting)

    async def close(self) -> None:
        assert self._waiting is not None
        try:
            if not self._waiting.done():
                await self._calls.task("Kill", "KillRequest", "Empty", signal=int(signal.SIGKILL), **self._ids)
                await asyncio.wait([self._waiting], timeout=5)
            await self._calls.task("DeleteProcess", "DeleteProcessRequest", "DeleteResponse", **self._ids)
        except contract.RuntimeFault:
            pass  # the container is gone and its processes with it
        finally:
            self._waiting.cancel()
            for pump in self._pumps:
                pump.cancel()
            await asyncio.gather(self._waiting, *self._pumps, return_exceptions=True)
            for fd in (self._input, *self._outputs.values()):
                if fd is not None:
                    os.close(fd)


def process_spec(container_spec: bytes, command: list[str], *, tty: bool) -> bytes:
    """The container's own process with another command: same user, environment, rights and directory."""
    process: dict[str, Any] = json.loads(container_spec)["process"]
    env = [entry for entry in process.get("env") or () if not entry.startswith("TERM=")]
    process |= {"args": command, "terminal": tty, "env": [*env, "TERM=xterm"] if tty else env}
    return json.dumps(process).encode()


async def begin(
    calls: Calls, container_id: str, command: list[str], folder: Path, *, tty: bool, stdin: bool
) -> ExecSession:
    os.makedirs(folder, exist_ok=True)
    exec_id = secrets.token_hex(16)
    names = {"stdout": 1} | ({} if tty else {"stderr": 2}) | ({"stdin": 0} if stdin else {})
    paths = {name: folder / f"{exec_id}-{name}" for name in names}
    held: dict[str, int] = {}
    try:
        for name, path in paths.items():
            os.mkfifo(path, 0o600)
            mode = os.O_RDWR if name == "stdin" else os.O_RDONLY
            held[name] = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
        container = await calls.container(container_id)
        streams: dict[str, Any] = {name: str(path) for name, path in paths.items()}
        spec = {"type_url": PROCESS_TYPE, "value": process_spec(container.spec.value, command, tty=tty)}
        await calls.task(
            "Exec",
            "ExecProcessRequest",
            "Empty",
            container_id=container_id,
            exec_id=exec_id,
            terminal=tty,
            spec=spec,
            **streams,
        )
        await calls.task("Start", "StartRequest", "StartResponse", container_id=container_id, exec_id=exec_id)
    except BaseException:
        for fd in held.values():
            os.close(fd)
        raise
    finally:
        for path in paths.values():
            path.unlink(missing_ok=True)
    outputs = {channel: held[name] for name, channel in names.items() if name != "stdin"}
    session = ExecSession(calls, container_id, exec_id, held.get("stdin"), outputs)
    session.begin()
    return session
