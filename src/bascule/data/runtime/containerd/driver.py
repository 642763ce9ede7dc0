"""The runtime contract over CRI. Exits are heard from containerd's events; nothing polls.

What CRI tells of an ended container never changes, and of a running one only its state does, so details
are asked once for each state and the usual look is two list calls for the whole node.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import grpc

from bascule.data.runtime import cgroups, contract
from bascule.data.runtime.containerd import attaching, execs, requests
from bascule.data.runtime.containerd.calls import Calls, NotFound, Unreachable

_log = logging.getLogger(__name__)

STATES = (contract.State.CREATED, contract.State.RUNNING, contract.State.EXITED, contract.State.UNKNOWN)
SANDBOX_READY = 0
STOP_MARGIN_SECONDS = 60.0
PULL_SECONDS = 1800.0
LOOKS_AFTER_EXIT_SECONDS = (0.03, 0.2, 1.0)


class Engine(Protocol):
    """Who keeps containerd running."""

    @property
    def socket(self) -> Path: ...
    @property
    def run_directory(self) -> Path: ...
    async def ensure(self) -> None: ...
    async def import_images(self, archive: Path) -> None: ...


def _moment(nanoseconds: int) -> datetime | None:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC) if nanoseconds else None


class ContainerdRuntime:
    name = "containerd"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._calls: Calls | None = None
        self._changed = asyncio.Event()
        self._changed.set()
        self._listening: asyncio.Task[None] | None = None
        self._details: dict[str, tuple[int, Any]] = {}  # container id: state, ContainerStatus
        self._addresses: dict[str, str] = {}  # ready sandbox id: ip

    @property
    def calls(self) -> Calls:
        if self._calls is None:
            raise Unreachable("RuntimeUnavailable", "containerd has not been started yet")
        return self._calls

    async def start(self) -> None:
        await self.engine.ensure()
        self._calls = Calls(str(self.engine.socket))
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._calls is not None:
            await self._calls.close()

    async def version(self) -> str:
        answer = await self.calls.cri("Version")
        return str(answer.runtime_version)

    async def _listen(self) -> None:
        """An exit is a reason to look again; so is losing the stream. CRI hears of it no sooner than we do, so
        that the first look may be too early."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async for _ in self.calls.events('topic=="/tasks/exit"', 'topic=="/tasks/oom"'):
                    for delay in LOOKS_AFTER_EXIT_SECONDS:
                        loop.call_later(delay, self._changed.set)
            except grpc.aio.AioRpcError as error:
                _log.warning("containerd's events stopped", extra={"error": error.details()})
            self._changed.set()
            await asyncio.sleep(1.0)

    # What there is

    async def observe(self) -> contract.Observation:
        self._changed.clear()
        try:
            boxes = (await self.calls.cri("ListPodSandbox")).items
            runs = (await self.calls.cri("ListContainers")).containers
        except Unreachable:
            await self.engine.ensure()
            raise
        except TimeoutError as error:
            raise Unreachable("RuntimeUnavailable", f"containerd hangs: {error}") from error
        sandboxes = [await self._sandbox(box) for box in boxes if contract.LABEL_POD_UID in box.labels]
        containers = [await self._container(run) for run in runs if contract.LABEL_POD_UID in run.labels]
        known, ready = {run.id for run in runs}, {box.id for box in sandboxes if box and box.ready}
        self._details = {key: value for key, value in self._details.items() if key in known}
        self._addresses = {key: value for key, value in self._addresses.items() if key in ready}
        return contract.Observation(tuple(filter(None, sandboxes)), tuple(filter(None, containers)))

    async def wait_changed(self) -> None:
        await self._changed.wait()

    async def _sandbox(self, box: Any) -> contract.Sandbox | None:
        ready = box.state == SANDBOX_READY
        if ready and box.id not in self._addresses:
            try:
                answer = await self.calls.cri("PodSandboxStatus", pod_sandbox_id=box.id)
            except NotFound:
                return None
            config = json.loads(box.annotations.get(requests.CONFIG_ANNOTATION) or "{}")
            self._addresses[box.id] = answer.status.network.ip or config.get("ip", "")
        return contract.Sandbox(
            id=box.id,
            uid=box.labels[contract.LABEL_POD_UID],
            name=box.labels.get(contract.LABEL_POD_NAME, ""),
            namespace=box.labels.get(contract.LABEL_POD_NAMESPACE, ""),
            cluster=box.labels.get(contract.LABEL_CLUSTER, "root"),
            attempt=box.metadata.attempt,
            ready=ready,
            created_at=_moment(box.created_at) or datetime.now(UTC),
            ip=self._addresses.get(box.id, ""),
        )

    async def _container(self, run: Any) -> contract.Container | None:
        known = self._details.get(run.id)
        if known is None or known[0] != run.state:
            try:
                answer = await self.calls.cri("ContainerStatus", container_id=run.id)
            except NotFound:
                return None
            known = self._details[run.id] = (answer.status.state, answer.status)
        status = known[1]
        state = STATES[status.state]
        ended = state is contract.State.EXITED
        return contract.Container(
            id=run.id,
            sandbox_id=run.pod_sandbox_id,
            uid=run.labels[contract.LABEL_POD_UID],
            name=run.metadata.name,
            attempt=run.metadata.attempt,
            image=run.annotations.get(requests.IMAGE_ANNOTATION) or run.image.image,
            image_id=run.image_ref,
            state=state,
            created_at=_moment(run.created_at) or datetime.now(UTC),
            started_at=_moment(status.started_at),
            finished_at=_moment(status.finished_at) if ended else None,
            exit_code=status.exit_code if ended else None,
            reason=status.reason,
            message=status.message if status.reason != "Completed" else "",
        )

    # Sandboxes

    async def create_sandbox(self, spec: contract.SandboxSpec) -> contract.Sandbox:
        config = requests.sandbox(spec)
        kept = {"config": config, "ip": spec.ip}
        config = config | {"annotations": {requests.CONFIG_ANNOTATION: json.dumps(kept)}}
        answer = await self.calls.cri("RunPodSandbox", config=config, timeout_seconds=240)
        status = (await self.calls.cri("PodSandboxStatus", pod_sandbox_id=answer.pod_sandbox_id)).status
        self._changed.set()
        return contract.Sandbox(
            id=answer.pod_sandbox_id,
            uid=spec.uid,
            name=spec.name,
            namespace=spec.namespace,
            cluster=spec.cluster,
            attempt=spec.attempt,
            ready=True,
            created_at=datetime.now(UTC),
            ip=status.network.ip or spec.ip,
        )

    async def stop_sandbox(self, sandbox_id: str) -> None:
        try:
            await self.calls.cri("StopPodSandbox", pod_sandbox_id=sandbox_id, timeout_seconds=120)
        except NotFound:
            return
        self._changed.set()

    async def remove_sandbox(self, sandbox_id: str) -> None:
        parent = await self._cgroup_parent(sandbox_id)
        await self.stop_sandbox(sandbox_id)
        await self.calls.cri("RemovePodSandbox", pod_sandbox_id=sandbox_id, timeout_seconds=120)
        if parent:
            cgroups.remove(parent)
        self._changed.set()

    async def _config(self, sandbox_id: str) -> dict[str, Any] | None:
        """The configuration the sandbox was made with; it travels with it, so that any agent knows it."""
        for box in (await self.calls.cri("ListPodSandbox")).items:
            if box.id == sandbox_id:
                kept: dict[str, Any] = json.loads(box.annotations.get(requests.CONFIG_ANNOTATION) or "{}")
                return kept.get("config")
        return None

    async def _cgroup_parent(self, sandbox_id: str) -> str:
        config = await self._config(sandbox_id)
        return str(((config or {}).get("linux") or {}).get("cgroup_parent") or "")

    # Containers

    async def create_container(self, sandbox_id: str, spec: contract.ContainerSpec) -> str:
        config = await self._config(sandbox_id)
        if config is None:
            raise contract.RuntimeFault("CreateContainerError", f"sandbox {sandbox_id} does not exist")
        if config.get("log_directory"):
            (Path(config["log_directory"]) / spec.log_path).parent.mkdir(parents=True, exist_ok=True)
        answer = await self.calls.cri(
            "CreateContainer",
            pod_sandbox_id=sandbox_id,
            config=requests.container(spec, dict(config["labels"])),
            sandbox_config=config,
            timeout_seconds=240,
        )
        self._changed.set()
        return str(answer.container_id)

    async def start_container(self, container_id: str) -> None:
        try:
            await self.calls.cri("StartContainer", container_id=container_id, timeout_seconds=240)
        finally:
            self._changed.set()

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        whole = max(0, round(grace_seconds))
        try:
            await self.calls.cri(
                "StopContainer",
                container_id=container_id,
                timeout=whole,
                timeout_seconds=whole + STOP_MARGIN_SECONDS,
            )
        except NotFound:
            return
        self._changed.set()

    async def remove_container(self, container_id: str) -> None:
        await self.stop_container(container_id, 0)
        await self.calls.cri("RemoveContainer", container_id=container_id)
        self._changed.set()

    # Inside

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> contract.ExecResult:
        limit = max(0, round(timeout_seconds)) or (1 if timeout_seconds else 0)
        answer = await self.calls.cri(
            "ExecSync",
            container_id=container_id,
            cmd=list(command),
            timeout=limit,
            timeout_seconds=limit + 10 if limit else 3600,
        )
        return contract.ExecResult(answer.exit_code, answer.stdout, answer.stderr)

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> contract.Session:
        folder = self.engine.run_directory / "io"
        return await execs.begin(self.calls, container_id, list(command), folder, tty=tty, stdin=stdin)

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> contract.Session:
        return await attaching.begin(self.calls, container_id, tty=tty, stdin=stdin)

    async def reopen_log(self, container_id: str) -> None:
        await self.calls.cri("ReopenContainerLog", container_id=container_id)

    # Images

    async def image(self, name: str) -> contract.Image | None:
        found = (await self.calls.cri("ImageStatus", image={"image": name})).image
        if not found.id:
            return None
        user = found.username or (str(found.uid.value) if found.HasField("uid") else "")
        return contract.Image(found.id, (*found.repo_tags, *found.repo_digests), found.size, user)

    async def pull_image(self, name: str, auth: dict[str, str] | None = None) -> contract.Image:
        given = {"auth": auth} if auth else {}
        try:
            await self.calls.cri("PullImage", image={"image": name}, timeout_seconds=PULL_SECONDS, **given)
        except NotFound as fault:  # the registry's word for the image, not containerd's for something of ours
            raise contract.RuntimeFault("ErrImagePull", fault.message) from fault
        found = await self.image(name)
        if found is None:
            raise contract.RuntimeFault("ErrImagePull", f"{name} was pulled but is not there")
        return found

    async def import_images(self, archive: Path) -> None:
        await self.engine.import_images(archive)

    async def network_process(self, container_id: str) -> int | None:
        answer = await self.calls.task("Get", "GetRequest", "GetResponse", container_id=container_id)
        return int(answer.process.pid) or None

    async def usage(self) -> tuple[contract.Usage, ...]:
        answer = await self.calls.cri("ListContainerStats")
        return tuple(
            contract.Usage(
                entry.attributes.id,
                entry.cpu.usage_core_nano_seconds.value,
                entry.memory.working_set_bytes.value,
            )
            for entry in answer.stats
        )
