"""One Envoy process: started in a session of its own, found again by a restarted agent, asked over its admin socket.

Invariant: at most one Envoy for a directory. It outlives the agent; only ``stop`` ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import orjson

from bascule.data.network.contract import EngineError

STOP_SECONDS = 5.0


class Envoy:
    def __init__(self, binary: str, directory: Path) -> None:
        self._binary = binary
        self._directory = directory
        self._mark = directory / "envoy.pid"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def admin_socket(self) -> Path:
        return self._directory / "admin.sock"

    def process_id(self) -> int | None:
        """The running Envoy's pid, or None. A pid file proves nothing: the command line must name our directory."""
        if self._child is not None:
            if self._child.poll() is None:
                return self._child.pid
            self._child = None
        try:
            number = int(self._mark.read_text())
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return number if str(self._directory / "bootstrap.json").encode() in words else None

    def start(self) -> None:
        """Starts Envoy unless it runs. Raises EngineError."""
        if self.process_id() is not None:
            return
        self.admin_socket.unlink(missing_ok=True)
        command = [
            self._binary,
            "--config-path",
            str(self._directory / "bootstrap.json"),
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
        ]
        try:
            with open(self._directory / "envoy.log", "ab") as log:
                self._child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
        except OSError as error:
            raise EngineError(f"cannot start {self._binary}: {error}; bascule doctor --install installs it") from error
        self._mark.write_text(str(self._child.pid))

    async def gone(self) -> None:
        """Returns when the running Envoy has ended; at once when none runs."""
        number = self.process_id()
        if number is None:
            return
        try:
            descriptor = os.pidfd_open(number)
        except OSError:
            return
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def stop(self) -> None:
        number = self.process_id()
        if number is None:
            return
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(number, signal_number)
                async with asyncio.timeout(STOP_SECONDS):
                    await self.gone()
                break
            except ProcessLookupError:
                break
            except TimeoutError:
                continue
        if self._child is not None:
            await asyncio.to_thread(self._child.wait)
        self._mark.unlink(missing_ok=True)

    async def statistics(self, pattern: str) -> dict[str, object]:
        """Envoy's statistics whose names match, by name. Raises EngineError while it does not answer."""
        path = f"/stats?format=json&filter={pattern}"
        try:
            reader, writer = await asyncio.open_unix_connection(str(self.admin_socket), limit=1 << 20)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
        except OSError as error:
            raise EngineError(f"Envoy does not answer on its admin socket: {error}") from error
        head, _, body = answer.partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            body = _dechunked(body)
        try:
            listed = orjson.loads(body)["stats"]
        except (orjson.JSONDecodeError, KeyError) as error:
            raise EngineError("Envoy's statistics cannot be read") from error
        return {item["name"]: item["value"] for item in listed if "name" in item}


def _dechunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        count = int(size or b"0", 16)
        if not count:
            break
        parts.append(rest[:count])
        body = rest[count + 2 :]
    return b"".join(parts)
