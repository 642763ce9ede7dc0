"""The runtime contract without processes; failures come from a script."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks

EXIT_CODE = "hollow.bascule.dev/exit-code"
EXIT_AFTER_SECONDS = "hollow.bascule.dev/exit-after-seconds"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of a container goes; `exit_after_seconds` None means that it runs on."""

    exit_after_seconds: float | None = None
    exit_code: int = 0
    start_error: str = ""


Script = Callable[[contract.ContainerSpec], Outcome]


def from_annotations(spec: contract.ContainerSpec) -> Outcome:
    """Runs on unless annotations say otherwise; what is awaited succeeds at once, or its pod would never start."""
    if spec.is_awaited:
        return Outcome(0)
    notes = dict(spec.annotations)
    if EXIT_CODE not in notes and EXIT_AFTER_SECONDS not in notes:
        return Outcome()
    return Outcome(float(notes.get(EXIT_AFTER_SECONDS, "0")), int(notes.get(EXIT_CODE, "0")))


class HollowRuntime:
    name = "hollow"

    def __init__(
        self, *, clock: clocks.Clock | None = None, script: Script = from_annotations, prefix: str = "hollow"
    ) -> None:
        self.clock = clock or clocks.SystemClock()
        self.script = script
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))
        self._sandboxes: dict[str, contract.Sandbox] = {}
        self._containers: dict[str, contract.Container] = {}
        self._specs: dict[str, contract.ContainerSpec] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._changed.set()

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        for timer in list(self._timers.values()):
            timer.cancel()
        await asyncio.gather(*self._timers.values(), return_exceptions=True)
        self._timers.clear()

    async def version(self) -> str:
        return "1"

    async def observe(self) -> contract.Observation:
        self._changed.clear()
        return contract.Observation(tuple(self._sandboxes.values()), tuple(self._containers.values()))

    async def wait_changed(self) -> None:
        await self._changed.wait()

    async def create_sandbox(self, spec: contract.SandboxSpec) -> contract.Sandbox:
        sandbox = contract.Sandbox(
            id=next(self._ids),
            uid=spec.uid,
            name=spec.name,
            namespace=spec.namespace,
            cluster=spec.cluster,
            attempt=spec.attempt,
            ready=True,
            created_at=self.clock.now(),
            ip=spec.ip,
        )
        self._sandboxes[sandbox.id] = sandbox
        self._changed.set()
        return sandbox

    async def stop_sandbox(self, sandbox_id: str) -> None:
        for container in list(self._containers.values()):
            if container.sandbox_id == sandbox_id:
                await self.stop_container(container.id, 0)
        if (sandbox := self._sandboxes.get(sandbox_id)) is not None:
            self._sandboxes[sandbox_id] = replace(sandbox, ready=False)
        self._changed.set()

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for container in list(self._containers.values()):
            if container.sandbox_id == sandbox_id:
                await self.remove_container(container.id)
        self._sandboxes.pop(sandbox_id, None)

    async def create_container(self, sandbox_id: str, spec: contract.ContainerSpec) -> str:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise contract.RuntimeFault("CreateContainerError", f"sandbox {sandbox_id} does not exist")
        container_id = next(self._ids)
        self._specs[container_id] = spec
        self._containers[container_id] = contract.Container(
            id=container_id,
            sandbox_id=sandbox_id,
            uid=sandbox.uid,
            name=spec.name,
            attempt=spec.attempt,
            image=spec.image,
            image_id=spec.image,
            state=contract.State.CREATED,
            created_at=self.clock.now(),
            annotations=spec.annotations,
        )
        self._changed.set()
        return container_id

    async def start_container(self, container_id: str) -> None:
        container = self._containers.get(container_id)
        if container is None:
            raise contract.RuntimeFault("RunContainerError", f"container {container_id} does not exist")
        if container.state is not contract.State.CREATED:
            return
        outcome = self.script(self._specs[container_id])
        running = replace(container, state=contract.State.RUNNING, started_at=self.clock.now())
        self._containers[container_id] = running
        if outcome.start_error:
            self._end(container_id, 128, "StartError", outcome.start_error)
            raise contract.RuntimeFault("StartError", outcome.start_error)
        if outcome.exit_after_seconds is not None:
            self._timers[container_id] = asyncio.create_task(self._run(container_id, outcome))
        self._changed.set()

    async def _run(self, container_id: str, outcome: Outcome) -> None:
        await self.clock.sleep(outcome.exit_after_seconds or 0)
        self._timers.pop(container_id, None)
        self._end(container_id, outcome.exit_code)

    def kill(self, container_id: str, exit_code: int = 137) -> None:
        """What an operator's `kill -9` would do."""
        self._end(container_id, exit_code)

    def _end(self, container_id: str, code: int, reason: str = "", message: str = "") -> None:
        container = self._containers.get(container_id)
        if container is None or container.state is contract.State.EXITED:
            return
        self._containers[container_id] = replace(
            container,
            state=contract.State.EXITED,
            finished_at=self.clock.now(),
            exit_code=code,
            reason=reason or ("Completed" if code == 0 else "Error"),
            message=message,
        )
        self._changed.set()

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        if (timer := self._timers.pop(container_id, None)) is not None:
            timer.cancel()
        container = self._containers.get(container_id)
        if container is not None and container.state is contract.State.RUNNING:
            self._end(container_id, 143 if grace_seconds > 0 else 137)

    async def remove_container(self, container_id: str) -> None:
        await self.stop_container(container_id, 0)
        self._containers.pop(container_id, None)
        self._specs.pop(container_id, None)
        self._changed.set()

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> contract.ExecResult:
        container = self._containers.get(container_id)
        if container is None or container.state is not contract.State.RUNNING:
            raise contract.RuntimeFault("NotFound", f"container {container_id} is not running")
        return contract.ExecResult(0, b"", b"")

    async def exec(self, container_id: str, command: Sequence[str], *, tty: bool, stdin: bool) -> contract.Session:
        raise contract.RuntimeFault("NotSupported", "a hollow container has no processes")

    async def attach(self, container_id: str, *, tty: bool, stdin: bool) -> contract.Session:
        raise contract.RuntimeFault("NotSupported", "a hollow container has no processes")

    async def reopen_log(self, container_id: str) -> None:
        return None

    async def image(self, name: str) -> contract.Image | None:
        return contract.Image(id=name, names=(name,), size_bytes=0)

    async def pull_image(self, name: str, auth: dict[str, str] | None = None) -> contract.Image:
        return contract.Image(id=name, names=(name,), size_bytes=0)

    async def import_images(self, archive: Path) -> None:
        return None

    async def network_process(self, container_id: str) -> int | None:
        return None

    async def usage(self) -> tuple[contract.Usage, ...]:
        return ()
