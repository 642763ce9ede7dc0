"""Keeps one tower's processes running: ``python -m bascule.console.local.supervisor SPEC``.

Each tower has a supervisor of its own, so that killing all of one leaves nothing of it behind to repair it, and touches
nothing of the other. A supervisor that starts again adopts what still runs. A process that keeps dying is started again
after a growing pause, alone; the rest does not notice. SIGTERM stops the tower in reverse order.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bascule.console.local import processes

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.2, 10.0
HEALTHY_SECONDS = 30.0
READY_SECONDS = 60.0

logger = logging.getLogger("supervisor")


@dataclass(frozen=True, slots=True)
class Process:
    """``after``: names of processes whose ready lines are awaited before this one is first started."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    ready: bool = True
    """Whether it prints a ready line."""


@dataclass(frozen=True, slots=True)
class Tower:
    name: str
    run: str
    logs: str
    processes: tuple[Process, ...]

    @property
    def state_file(self) -> Path:
        return Path(self.run) / f"{self.name}.json"

    @property
    def spec_file(self) -> Path:
        return Path(self.run) / f"{self.name}.spec.json"

    def out(self, process: str) -> Path:
        return Path(self.run) / f"{process}.out"

    def log(self, process: str) -> Path:
        return Path(self.logs) / f"{process}.log"

    def save(self) -> None:
        self.spec_file.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Tower:
        raw = json.loads(path.read_text())
        raw["processes"] = tuple(
            Process(**{**p, "command": tuple(p["command"]), "after": tuple(p["after"])}) for p in raw["processes"]
        )
        return cls(**raw)


def read_state(path: Path) -> dict[str, processes.Identity]:
    """Which processes a tower's supervisor last knew, itself under ``supervisor``; dead ones included."""
    try:
        raw = json.loads(path.read_text())
        return {name: processes.Identity(**identity) for name, identity in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Supervisor:
    def __init__(self, tower: Tower) -> None:
        self._tower = tower
        self._known = read_state(tower.state_file)
        own = processes.Identity.of(os.getpid())
        assert own is not None
        self._known["supervisor"] = own
        self._ready = {process.name: asyncio.Event() for process in tower.processes}
        self._stopping = False

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self._save()
        keepers = [asyncio.create_task(self._keep(process)) for process in self._tower.processes]
        await stop.wait()
        self._stopping = True
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for process in reversed(self._tower.processes):
            identity = self._known.get(process.name)
            if identity is not None:
                await processes.stop(identity)
        self._tower.state_file.unlink(missing_ok=True)

    async def _keep(self, process: Process) -> None:
        pause = PAUSE_SECONDS_FIRST
        loop = asyncio.get_running_loop()
        for name in process.after:
            await self._ready[name].wait()
        while not self._stopping:
            began = loop.time()
            try:
                identity = await self._running(process)
                self._ready[process.name].set()
                await processes.wait_gone(identity)
                logger.warning("%s ended; starting it again", process.name)
            except processes.StartError as error:
                logger.error("%s did not start: %s", process.name, error)
            pause = PAUSE_SECONDS_FIRST if loop.time() - began > HEALTHY_SECONDS else min(pause * 2, PAUSE_SECONDS_MAX)
            await asyncio.sleep(pause)

    async def _running(self, process: Process) -> processes.Identity:
        """Adopts the process if it runs, else starts it; returns when it is ready."""
        out, log = self._tower.out(process.name), self._tower.log(process.name)
        identity = self._known.get(process.name)
        if identity is None or not identity.alive:
            identity = processes.spawn(process.command, out=out, log=log, environment=process.environment)
            self._known[process.name] = identity
            self._save()
        if process.ready:
            await processes.wait_ready(identity, out, log, timeout_seconds=READY_SECONDS)
        return identity

    def _save(self) -> None:
        path = self._tower.state_file
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps({name: asdict(identity) for name, identity in self._known.items()}))
        os.replace(temporary, path)


def start(tower: Tower) -> processes.Identity:
    """Starts a supervisor in the background, or finds the one that runs."""
    tower.save()
    known = read_state(tower.state_file).get("supervisor")
    if known is not None and known.alive:
        return known
    return processes.spawn(
        processes.python_module("bascule.console.local.supervisor", str(tower.spec_file)),
        out=tower.out(f"{tower.name}-supervisor"),
        log=tower.log(f"{tower.name}-supervisor"),
    )


def states(tower: Tower) -> dict[str, dict[str, Any]]:
    """For each process of the tower: its pid, whether it runs, its ready line."""
    known = read_state(tower.state_file)
    result = {}
    for name in ("supervisor", *(process.name for process in tower.processes)):
        identity = known.get(name)
        alive = identity is not None and identity.alive
        result[name] = {
            "pid": identity.pid if identity is not None and alive else None,
            "running": alive,
            "ready": processes.ready_line(tower.out(name)) if alive else None,
        }
    return result


def main() -> None:
    logging.basicConfig(
        level=logging.INFO, format='{"time": "%(asctime)s", "level": "%(levelname)s", "message": "%(message)s"}'
    )
    asyncio.run(Supervisor(Tower.load(Path(sys.argv[1]))).run())


if __name__ == "__main__":
    main()
