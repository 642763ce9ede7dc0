"""Attach to a container's own streams, through CRI's streaming server.

A terminal is one connection both ways. Without a terminal the connection carries the input alone, because nothing but
its end can say over a WebSocket that an input has ended, and the output, which goes on, is followed in the log. A
container made with `stdinOnce` then reads to an end of file, as with every runtime.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bascule.data.runtime import logs
from bascule.data.runtime.containerd import websocket
from bascule.data.runtime.containerd.calls import Calls
from bascule.data.runtime.containerd.websocket import WebSocket

STDIN = 0
STREAMS = {"stdout": 1, "stderr": 2}
EXITED = 2  # CRI's word for it
LOOK_SECONDS = 0.2


class AttachSession:
    """`log` is the file to follow where there is no terminal."""

    def __init__(self, calls: Calls, container_id: str, socket: WebSocket | None, log: Path | None) -> None:
        self._calls = calls
        self._id = container_id
        self._socket = socket
        self._terminal = log is None
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(64)
        self._ended = asyncio.Event()
        parts = [self._read_socket()] if log is None else [self._watch(), self._read_log(log)]
        self._tasks = [asyncio.create_task(part) for part in parts]

    async def _read_socket(self) -> None:
        while self._socket is not None and (message := await self._socket.receive()) is not None:
            if message[:1] in (b"\x01", b"\x02") and len(message) > 1:
                await self._queue.put((message[0], message[1:]))
        await self._queue.put(None)

    async def _read_log(self, log: Path) -> None:
        async with asyncio.TaskGroup() as group:
            for stream in STREAMS:
                group.create_task(self._follow(log, stream))
        await self._queue.put(None)

    async def _follow(self, log: Path, stream: str) -> None:
        window = logs.Window(tail_lines=0, follow=True, stream=stream)
        async for part in logs.read(log, window, ended=self._ended):
            await self._queue.put((STREAMS[stream], part))

    async def _watch(self) -> None:
        try:
            await self.wait()
        finally:
            self._ended.set()

    async def _status(self) -> Any:
        return (await self._calls.cri("ContainerStatus", container_id=self._id)).status

    async def read(self) -> tuple[int, bytes] | None:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        if self._socket is not None:
            try:
                await self._socket.send(bytes([STDIN]) + data)
            except ConnectionError:
                return

    async def close_stdin(self) -> None:
        if self._socket is not None and not self._terminal:
            socket, self._socket = self._socket, None
            await socket.close()

    async def resize(self, width: int, height: int) -> None:
        await self._calls.task(
            "ResizePty", "ResizePtyRequest", "Empty", container_id=self._id, width=width, height=height
        )

    async def wait(self) -> int:
        """The exit code once the container has ended."""
        while (status := await self._status()).state != EXITED:  # noqa: ASYNC110 - of one container CRI tells nobody
            await asyncio.sleep(LOOK_SECONDS)
        return int(status.exit_code)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            socket, self._socket = self._socket, None
            await socket.close()


async def begin(calls: Calls, container_id: str, *, tty: bool, stdin: bool) -> AttachSession:
    """`tty` is the container's."""
    if tty:
        return AttachSession(calls, container_id, await _connect(calls, container_id, tty=True, stdout=True), None)
    status = (await calls.cri("ContainerStatus", container_id=container_id)).status
    socket = await _connect(calls, container_id) if stdin else None
    return AttachSession(calls, container_id, socket, Path(status.log_path))


async def _connect(calls: Calls, container_id: str, **streams: bool) -> WebSocket:
    answer = await calls.cri("Attach", container_id=container_id, stdin=True, **streams)
    return await websocket.connect(str(answer.url))
