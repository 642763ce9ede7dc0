"""A node's own containerd: started once, adopted ever after, taken away on `destroy`.

It runs in a session of its own and outlives the agent. Images and snapshots live under the node's
directory; sockets, state and address leases under /run, because they must not survive a reboot and
because a socket's path has to be short.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import signal
import subprocess
from pathlib import Path

from bascule.data.runtime import cgroups, contract
from bascule.data.runtime.containerd import config
from bascule.data.runtime.containerd.calls import Calls
from bascule.data.runtime.process import records

_log = logging.getLogger(__name__)

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
RUN = Path("/run/bascule")


class Engine:
    def __init__(self, directory: Path, pod_cidr: str, *, cgroup_parent: str = "") -> None:
        self.directory = directory
        self.pod_cidr = pod_cidr
        self.cgroup_parent = cgroup_parent
        self.tag = hashlib.blake2s(str(directory.resolve()).encode(), digest_size=4).hexdigest()
        self._starting = asyncio.Lock()

    @property
    def run_directory(self) -> Path:
        return RUN / self.tag

    @property
    def socket(self) -> Path:
        return self.run_directory / "containerd.sock"

    # Starting

    async def ensure(self) -> None:
        """containerd answers when this returns; RuntimeFault if it cannot be made to."""
        async with self._starting:
            if self._pid() is not None and await self._answers(READY_SECONDS):
                return
            self._write_configuration()
            pid = self._spawn()
            if not await self._answers(READY_SECONDS, pid):
                tail = (self.directory / "containerd.log").read_text(errors="replace")[-1000:]
                raise contract.RuntimeFault("RuntimeUnavailable", f"containerd did not start: {tail}")
            await self._ensure_pause_image()

    def _write_configuration(self) -> None:
        for path in (self.directory / "cni", self.run_directory / "io", self.directory / "opt"):
            path.mkdir(parents=True, exist_ok=True)
        self.run_directory.chmod(0o711)
        facts = config.Facts.of_machine(self.directory)
        text = config.containerd(self.directory, self.run_directory, self.socket, facts)
        (self.directory / "config.toml").write_text(text)
        lists = config.cni(self.pod_cidr, self.run_directory / "leases", facts)
        (self.directory / "cni" / "10-bascule.conflist").write_text(lists)

    def _spawn(self) -> int:
        binary = shutil.which("containerd")
        if binary is None:
            raise contract.RuntimeFault("RuntimeUnavailable", "containerd is not installed; run `bascule doctor`")
        quiet = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        log = os.open(self.directory / "containerd.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            pid = os.posix_spawn(
                binary,
                [binary, "--config", str(self.directory / "config.toml")],
                dict(os.environ) | {"NOTIFY_SOCKET": ""},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, quiet, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(quiet)
            os.close(log)
        records.write(self.directory / "containerd.json", {"pid": pid, "started": records.start_time(pid)})
        return pid

    def _pid(self) -> int | None:
        """The process id if that very containerd still lives."""
        record = records.read(self.directory / "containerd.json")
        if record is None or record["started"] is None:
            return None
        if not records.is_alive(record["pid"], record["started"]):
            try:
                os.waitpid(record["pid"], os.WNOHANG)
            except ChildProcessError:
                pass
            return None
        return int(record["pid"])

    async def _answers(self, seconds: float, pid: int | None = None) -> bool:
        calls = Calls(str(self.socket))
        try:
            async with asyncio.timeout(seconds):
                while pid is None or self._pid() is not None:
                    try:
                        await calls.cri("Version", timeout_seconds=2)
                        return True
                    except (contract.RuntimeFault, TimeoutError):
                        await asyncio.sleep(0.05)
        except TimeoutError:
            return False
        finally:
            await calls.close()
        return False

    # Images

    async def _ensure_pause_image(self) -> None:
        calls = Calls(str(self.socket))
        try:
            found = (await calls.cri("ImageStatus", image={"image": config.PAUSE_IMAGE})).image
        finally:
            await calls.close()
        if found.id:
            return
        from bascule.data.runtime import images  # tar files and their like: needed once in a node's life

        archive = self.directory / "pause.tar"
        images.build(
            archive,
            config.PAUSE_IMAGE,
            {"/bin/busybox": images.static_binary("busybox")},
            entrypoint=("/bin/busybox", "sleep", "2147483647"),
        )
        await self.import_images(archive)
        archive.unlink()

    async def import_images(self, archive: Path) -> None:
        """The images of an OCI or docker archive, under the names they have in it."""
        await self._ctr(
            "images", "import", "--snapshotter", config.Facts.of_machine(self.directory).snapshotter, str(archive)
        )

    async def _ctr(self, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            "ctr",
            "--address",
            str(self.socket),
            "--namespace",
            "k8s.io",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            said = output.decode(errors="replace").strip()
            raise contract.RuntimeFault("ErrImagePull", f"ctr {' '.join(arguments[:2])} failed: {said}")

    # Taking away

    async def destroy(self, *, images_too: bool = False) -> None:
        """Stop every pod and containerd itself; mounts, links, leases and sockets are gone when it returns."""
        if self._pid() is not None and await self._answers(STOP_SECONDS):
            await self._remove_sandboxes()
        pid = self._pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            await self._gone(pid)
        for shim in self._shims():
            try:
                os.kill(shim, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for mount in reversed(_mounts_below(self.run_directory, self.directory)):
            _try("umount", "-l", mount)
        if self.cgroup_parent:
            await cgroups.remove_wholly(self.cgroup_parent)
        shutil.rmtree(self.run_directory, ignore_errors=True)
        (self.directory / "containerd.json").unlink(missing_ok=True)
        if images_too:
            shutil.rmtree(self.directory, ignore_errors=True)

    async def _remove_sandboxes(self) -> None:
        calls = Calls(str(self.socket))
        try:
            for box in (await calls.cri("ListPodSandbox")).items:
                try:
                    await calls.cri("StopPodSandbox", pod_sandbox_id=box.id)
                    await calls.cri("RemovePodSandbox", pod_sandbox_id=box.id)
                except (contract.RuntimeFault, TimeoutError) as fault:
                    _log.warning("sandbox not removed", extra={"sandbox": box.id, "error": str(fault)})
        finally:
            await calls.close()

    async def _gone(self, pid: int) -> None:
        try:
            async with asyncio.timeout(STOP_SECONDS):
                while self._pid() is not None:  # noqa: ASYNC110 - a process of an earlier agent tells nobody of its end
                    await asyncio.sleep(0.02)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)

    def _shims(self) -> list[int]:
        """The containers' parents that belong to this containerd."""
        mark = str(self.socket).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"containerd-shim" in words[0] and mark in words:
                found.append(int(entry.name))
        return found


def _try(*command: str) -> None:
    """A command that is over at once; what it cannot remove is not there."""
    subprocess.run(command, check=False, capture_output=True)


def _mounts_below(*roots: Path) -> list[str]:
    prefixes = tuple(f"{root.resolve()}/" for root in roots)
    points = [line.split(" ")[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point.replace("\\040", " ") for point in points if point.startswith(prefixes)]
