"""The runtime contract over plain processes; each container's parent is a `shim` of its own.

Exits are learnt from pidfds, so that nothing polls. A process that leaves its session and has no
cgroup is found by `BASCULE_CONTAINER` in its environment when its container is stopped.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bascule.data.runtime import cgroups, contract
from bascule.data.runtime.process import records, sessions, shim

START_SECONDS = 30.0
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


class ProcessRuntime:
    """Keeps everything under `root`; `cgroup_parent` is the group all containers are made under."""

    name = "process"

    def __init__(
        self,
        root: Path,
        *,
        cgroup_parent: str = "",
        hierarchy: cgroups.Hierarchy | None = None,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.root = root
        self.cgroup_parent = cgroup_parent
        self.hierarchy = hierarchy if hierarchy is not None else cgroups.detect()
        self.new_id = new_id
        self._changed = asyncio.Event()
        self._watched: dict[str, int] = {}  # container id: pidfd of its shim
        self._out_of_memory: set[str] = set()

    async def start(self) -> None:
        for folder in ("sandboxes", "containers"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for container in records.containers(self.root):
            if container.state is contract.State.RUNNING:
                self._watch(container.id)
        self._changed.set()

    async def close(self) -> None:
        for container_id in list(self._watched):
            self._unwatch(container_id)

    async def version(self) -> str:
        return f"python {sys.version.split()[0]}"

    # What there is

    async def observe(self) -> contract.Observation:
        self._changed.clear()
        containers = tuple(self._with_reason(container) for container in records.containers(self.root))
        return contract.Observation(tuple(box for box, _ in records.sandboxes(self.root)), containers)

    async def wait_changed(self) -> None:
        await self._changed.wait()

    def _with_reason(self, container: contract.Container) -> contract.Container:
        if container.exit_code == records.KILLED and container.reason == "Error":
            if container.id not in self._out_of_memory:
                group = self._group(container.id)
                if not self.cgroup_parent or not cgroups.was_out_of_memory(self.hierarchy, group):
                    return container
                self._out_of_memory.add(container.id)
            return replace(container, reason="OOMKilled")
        return container

    # Sandboxes

    async def create_sandbox(self, spec: contract.SandboxSpec) -> contract.Sandbox:
        sandbox = contract.Sandbox(
            id=self.new_id(),
            uid=spec.uid,
            name=spec.name,
            namespace=spec.namespace,
            cluster=spec.cluster,
            attempt=spec.attempt,
            ready=True,
            created_at=datetime.now(UTC),
            ip=spec.ip,
        )
        records.save_sandbox(self.root, sandbox, spec.log_directory)
        self._changed.set()
        return sandbox

    async def stop_sandbox(self, sandbox_id: str) -> None:
        for container in list(records.containers(self.root)):
            if container.sandbox_id == sandbox_id:
                await self.stop_container(container.id, 0)
        records.mark_stopped(self.root, sandbox_id)
        self._changed.set()

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for container in list(records.containers(self.root)):
            if container.sandbox_id == sandbox_id:
                await self.remove_container(container.id)
        shutil.rmtree(self.root / "sandboxes" / sandbox_id, ignore_errors=True)
        self._changed.set()

    # Containers

    async def create_container(self, sandbox_id: str, spec: contract.ContainerSpec) -> str:
        found = [(box, logs) for box, logs in records.sandboxes(self.root) if box.id == sandbox_id]
        if not found:
            raise contract.RuntimeFault("CreateContainerError", f"sandbox {sandbox_id} does not exist")
        argv = [*spec.command, *spec.args]
        if not spec.command:
            raise contract.RuntimeFault(
                "CreateContainerConfigError",
                "the process runtime needs `command`: an image is only a label to it",
            )
        sandbox, logs = found[0]
        container_id = self.new_id()
        directory = self._directory(container_id)
        root = directory / "root"
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        env |= dict(spec.env) | {"BASCULE_CONTAINER": container_id, "BASCULE_ROOT": str(root)}
        group = self._group(container_id)
        limits = cgroups.create(self.hierarchy, group, spec.resources) if self.cgroup_parent else []
        inside = root / spec.working_dir.lstrip("/")
        cwd = str(inside) if not spec.working_dir or inside.exists() else spec.working_dir
        may_become = os.geteuid() == 0
        record = contract.Container(
            id=container_id,
            sandbox_id=sandbox_id,
            uid=sandbox.uid,
            name=spec.name,
            attempt=spec.attempt,
            image=spec.image,
            image_id=spec.image,
            state=contract.State.CREATED,
            created_at=datetime.now(UTC),
            annotations=spec.annotations,
        )
        settings = {
            "argv": argv,
            "env": env,
            "cwd": cwd,
            "log": str(Path(logs or directory) / (spec.log_path or "container.log")),
            "stdin": spec.stdin,
            "tty": spec.tty,
            "uid": spec.security.run_as_user if may_become else None,
            "gid": spec.security.run_as_group if may_become else None,
            "groups": list(spec.security.supplemental_groups) if may_become else [],
            "cgroup_files": limits,
            "links": [(mount.container_path, mount.host_path) for mount in _outermost_first(spec.mounts)],
        }
        records.save_container(directory, record, settings)
        self._changed.set()
        return container_id

    async def start_container(self, container_id: str) -> None:
        directory = self._directory(container_id)
        current = records.container(directory)
        if current is None:
            raise contract.RuntimeFault("RunContainerError", f"container {container_id} does not exist")
        if current.state is not contract.State.CREATED:
            return
        reader, writer = os.pipe()
        quiet = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        errors = os.open(directory / "shim.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        try:
            pid = os.posix_spawn(  # noqa: ASYNC221 - returns as soon as the shim has been executed
                sys.executable,
                [sys.executable, "-I", "-S", "-E", shim.__file__, str(directory)],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, quiet, 0),
                    (os.POSIX_SPAWN_DUP2, writer, 1),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ],
                setsid=True,
            )
        finally:
            for fd in (writer, quiet, errors):
                os.close(fd)
        pidfd = os.pidfd_open(pid)
        answer = await sessions.read_pipe(reader, START_SECONDS)
        self._watch(container_id, pidfd, child=pid)
        if answer != b"ok":
            message = answer.decode(errors="replace") or "the container's shim died; see shim.log"
            raise contract.RuntimeFault("StartError", message)

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        directory = self._directory(container_id)
        current = records.container(directory)
        if current is None:
            return
        if current.state is contract.State.CREATED:
            return
        state = records.read(directory / "state.json")
        if current.state is contract.State.RUNNING and state is not None:
            if grace_seconds > 0 and self._signal(state["pid"], signal.SIGTERM):
                await self._wait_exit(state, grace_seconds)
            self._signal(state["pid"], signal.SIGKILL)
            await self._wait_exit(state, START_SECONDS)
        for pid in self._remains(container_id):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._changed.set()

    async def remove_container(self, container_id: str) -> None:
        await self.stop_container(container_id, 0)
        self._unwatch(container_id)
        if self.cgroup_parent:
            cgroups.remove(self._group(container_id))
        shutil.rmtree(self._directory(container_id), ignore_errors=True)
        self._changed.set()

    # Inside

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> contract.ExecResult:
        session = await self.exec(container_id, command, tty=False, stdin=False)
        return await sessions.collect(session, timeout_seconds)

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> contract.Session:
        directory = self._directory(container_id)
        spec, current = records.read(directory / "spec.json"), records.container(directory)
        if spec is None or current is None or current.state is not contract.State.RUNNING:
            raise contract.RuntimeFault("NotFound", f"container {container_id} is not running")
        env = dict(spec["env"]) | {"BASCULE_EXEC": "1"}
        return await sessions.spawn(
            [*command], env=env, cwd=spec["cwd"], user=spec["uid"], group=spec["gid"], tty=tty, stdin=stdin
        )

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> contract.Session:
        directory = self._directory(container_id)
        spec = records.read(directory / "spec.json")
        if spec is None:
            raise contract.RuntimeFault("NotFound", f"container {container_id} does not exist")
        if not (spec["stdin"] or spec["tty"]):
            raise contract.RuntimeFault("Unattachable", "the container was started without stdin or tty")
        return await sessions.attach(directory / "attach.sock", directory / "exit.json")

    async def reopen_log(self, container_id: str) -> None:
        state = records.read(self._directory(container_id) / "state.json")
        if state is not None and records.is_alive(state["shim"], state["shim_start"]):
            os.kill(state["shim"], signal.SIGHUP)

    # Images are labels

    async def image(self, name: str) -> contract.Image | None:
        return contract.Image(id=name, names=(name,), size_bytes=0)

    async def pull_image(self, name: str, auth: dict[str, str] | None = None) -> contract.Image:
        return contract.Image(id=name, names=(name,), size_bytes=0)

    async def import_images(self, archive: Path) -> None:
        return None

    async def network_process(self, container_id: str) -> int | None:
        return None

    async def usage(self) -> tuple[contract.Usage, ...]:
        out = []
        for container in records.containers(self.root):
            if container.state is contract.State.RUNNING:
                cpu, memory = cgroups.usage(self.hierarchy, self._group(container.id))
                out.append(contract.Usage(container.id, cpu, memory))
        return tuple(out)

    # Processes

    def _directory(self, container_id: str) -> Path:
        return self.root / "containers" / container_id

    def _group(self, container_id: str) -> str:
        return f"{self.cgroup_parent}/{container_id}".lstrip("/")

    def _signal(self, pid: int, number: signal.Signals) -> bool:
        """SIGTERM to the container's first process, as in a container; SIGKILL to its whole group."""
        try:
            os.kill(pid, number) if number is signal.SIGTERM else os.killpg(pid, number)
        except ProcessLookupError:
            return False
        return True

    async def _wait_exit(self, state: dict[str, int], seconds: float) -> bool:
        """Wait for the shim, which ends after it has recorded the exit."""
        try:
            pidfd = os.pidfd_open(state["shim"])
        except ProcessLookupError:
            return True
        try:
            if not records.is_alive(state["shim"], state["shim_start"]):
                return True
            return await sessions.wait_readable(pidfd, seconds)
        finally:
            os.close(pidfd)

    def _remains(self, container_id: str) -> list[int]:
        """Processes of the container that are still there although its first one is gone."""
        if self.cgroup_parent and self.hierarchy.version:
            return cgroups.members(self.hierarchy, self._group(container_id))
        return sessions.with_environment(f"BASCULE_CONTAINER={container_id}".encode())

    def _watch(self, container_id: str, pidfd: int | None = None, child: int | None = None) -> None:
        if pidfd is None:
            state = records.read(self._directory(container_id) / "state.json")
            try:
                pidfd = os.pidfd_open(state["shim"]) if state else None
            except ProcessLookupError:
                pidfd = None
        if pidfd is None:
            self._changed.set()
            return
        self._watched[container_id] = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._exited, container_id, child)
        self._changed.set()

    def _exited(self, container_id: str, child: int | None) -> None:
        self._unwatch(container_id)
        if child is not None:
            try:
                os.waitpid(child, os.WNOHANG)
            except ChildProcessError:
                pass
        self._changed.set()

    def _unwatch(self, container_id: str) -> None:
        pidfd = self._watched.pop(container_id, None)
        if pidfd is not None:
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)


def _outermost_first(mounts: Sequence[contract.Mount]) -> list[contract.Mount]:
    return sorted(mounts, key=lambda mount: mount.container_path.count("/"))
