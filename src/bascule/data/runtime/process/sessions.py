"""Talking to processes: exec with pipes or a pseudo-terminal, attach through a shim's socket."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

from bascule.data.runtime import contract
from bascule.data.runtime.process import records

BLOCK_BYTES = 64 * 1024


async def wait_readable(fd: int, seconds: float) -> bool:
    """True once `fd` is readable, False after `seconds`."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    own = os.dup(fd)
    loop.add_reader(own, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(own)
        os.close(own)
    return True


async def read_pipe(fd: int, seconds: float) -> bytes:
    """All that is written to the pipe until its other end closes; the descriptor is closed."""
    out = b""
    try:
        while await wait_readable(fd, seconds):
            data = os.read(fd, BLOCK_BYTES)
            if not data:
                break
            out += data
    finally:
        os.close(fd)
    return out


async def collect(session: contract.Session, timeout_seconds: float) -> contract.ExecResult:
    """Run a session to its end; TimeoutError (the process is killed) when it takes too long."""
    parts: dict[int, list[bytes]] = {1: [], 2: []}

    async def drain() -> int:
        while (item := await session.read()) is not None:
            parts[item[0]].append(item[1])
        return await session.wait()

    try:
        code = await asyncio.wait_for(drain(), timeout_seconds or None)
    finally:
        await session.close()
    return contract.ExecResult(code, b"".join(parts[1]), b"".join(parts[2]))


def with_environment(entry: bytes) -> list[int]:
    """Processes that carry `NAME=value` in the environment they were started with, except execs."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if entry in variables:
            found.append(int(pid))
    return found


class ProcessSession:
    """A process of our own with its output in a queue."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int | None) -> None:
        self.process = process
        self.terminal = terminal
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(64)
        self._tasks: list[asyncio.Task[None]] = []
        self._exit = asyncio.get_running_loop().create_future()
        self._pidfd = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._exited)

    def begin(self) -> None:
        if self.terminal is not None:
            sources = [(1, self.terminal)]
        else:
            assert self.process.stdout is not None
            assert self.process.stderr is not None
            sources = [(1, self.process.stdout.fileno()), (2, self.process.stderr.fileno())]
        self._open = len(sources)
        self._tasks = [asyncio.create_task(self._pump(channel, fd)) for channel, fd in sources]

    async def _pump(self, channel: int, fd: int) -> None:
        os.set_blocking(fd, False)
        while True:
            await wait_readable(fd, 3600)
            try:
                data = os.read(fd, BLOCK_BYTES)
            except BlockingIOError:
                continue
            except OSError:  # a terminal without its other end
                data = b""
            if not data:
                break
            await self._queue.put((channel, data))
        self._open -= 1
        if self._open == 0:
            await self._queue.put(None)

    def _exited(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        code = self.process.wait()
        if not self._exit.done():
            self._exit.set_result(code if code >= 0 else 128 - code)

    async def read(self) -> tuple[int, bytes] | None:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        fd = self.terminal if self.terminal is not None else self._stdin()
        if fd is None:
            return
        os.set_blocking(fd, False)
        while data:
            try:
                data = data[os.write(fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.01)
            except OSError:
                return

    def _stdin(self) -> int | None:
        stdin = self.process.stdin
        return stdin.fileno() if stdin is not None and not stdin.closed else None

    async def close_stdin(self) -> None:
        if self.terminal is not None:
            await self.write(b"\x04")
        elif self.process.stdin is not None:
            self.process.stdin.close()

    async def resize(self, width: int, height: int) -> None:
        if self.terminal is not None:
            fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    async def wait(self) -> int:
        return int(await asyncio.shield(self._exit))

    async def close(self) -> None:
        if not self._exit.done():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await self.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        if self.terminal is not None:
            os.close(self.terminal)
            self.terminal = None


_AT_TERMINAL = "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


def _at_terminal(argv: list[str], env: dict[str, str], cwd: str) -> list[str]:
    """The command, begun by a process that takes its input for its terminal.

    Not done between fork and exec: Python code there runs with the locks of threads that are not there any more, and
    has been seen to abort.
    """
    named = os.path.join(cwd, argv[0]) if "/" in argv[0] else argv[0]
    if shutil.which(named, path=env.get("PATH")) is None:
        raise contract.RuntimeFault("ExecError", f"cannot run {argv[0]!r}: {os.strerror(errno.ENOENT)}")
    return [sys.executable, "-I", "-S", "-c", _AT_TERMINAL, *argv]


async def spawn(
    argv: list[str],
    *,
    env: dict[str, str],
    cwd: str,
    user: int | None,
    group: int | None,
    tty: bool,
    stdin: bool,
) -> ProcessSession:
    """Start a process in a session of its own; RuntimeFault where the command cannot be run."""
    terminal = slave = None
    if tty:
        argv = _at_terminal(argv, env, cwd)
        terminal, slave = os.openpty()
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns as soon as the program has been executed
            argv,
            env=env,
            cwd=cwd,
            user=user,
            group=group,
            stdin=slave if slave is not None else pipe if stdin else subprocess.DEVNULL,
            stdout=slave if slave is not None else pipe,
            stderr=slave if slave is not None else pipe,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        if terminal is not None:
            os.close(terminal)
        raise contract.RuntimeFault("ExecError", f"cannot run {argv[0]!r}: {error.strerror}") from error
    finally:
        if slave is not None:
            os.close(slave)
    session = ProcessSession(process, terminal)
    session.begin()
    return session


class AttachSession:
    """A client of a shim's socket; frames are kind, four bytes of length, body."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ended: Path) -> None:
        self._reader = reader
        self._writer = writer
        self._ended = ended

    async def read(self) -> tuple[int, bytes] | None:
        try:
            head = await self._reader.readexactly(5)
            return head[0], await self._reader.readexactly(int.from_bytes(head[1:], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _send(self, kind: int, body: bytes) -> None:
        try:
            self._writer.write(bytes([kind]) + len(body).to_bytes(4, "big") + body)
            await self._writer.drain()
        except ConnectionError:
            return

    async def write(self, data: bytes) -> None:
        if data:
            await self._send(0, data)

    async def close_stdin(self) -> None:
        await self._send(0, b"")

    async def resize(self, width: int, height: int) -> None:
        await self._send(4, struct.pack("HH", height, width))

    async def wait(self) -> int:
        record = records.read(self._ended)
        return int(record["exit_code"]) if record else 0

    async def close(self) -> None:
        self._writer.close()


async def attach(socket: Path, ended: Path) -> AttachSession:
    # The path may be longer than a socket address allows; the directory's descriptor shortens it.
    directory = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{socket.name}")
    except OSError as error:
        raise contract.RuntimeFault("Unattachable", f"the container does not accept: {error}") from error
    finally:
        os.close(directory)
    return AttachSession(reader, writer, ended)
