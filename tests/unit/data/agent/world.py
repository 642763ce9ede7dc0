"""A runtime as a value, to play decisions against: actions take effect, containers end as scripted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bascule.data.agent.pods import backoff, decide, model, status
from bascule.data.runtime import contract
from bascule.vocabulary.objects import Object

START = datetime(2026, 1, 1, tzinfo=UTC)


def make_pod(*main: str, init: tuple[str, ...] = (), sidecars: tuple[str, ...] = (), **spec: Any) -> Object:
    def entry(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "image": "img"} | more

    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {
            "restartPolicy": "Always",
            "containers": [entry(name) for name in main or ("main",)],
            "initContainers": [
                *(entry(name, restartPolicy="Always") for name in sidecars),
                *(entry(name) for name in init),
            ],
        }
        | spec,
    }


@dataclass
class World:
    pod: Object
    view: model.View = field(default_factory=model.View)
    memory: model.Memory = field(default_factory=model.Memory)
    now: datetime = START
    finished: bool = False
    started: list[str] = field(default_factory=list)

    def look(self, exposure: model.Exposure = model.HIDDEN) -> model.Decision:
        for run in self.view.live():  # no probes: started and ready at once
            health = self.memory.health_of(run)
            health.started = health.ready = True
        return decide.decide(self.pod, self.view, self.memory, self.now, exposure)

    def status(self) -> Object:
        out = status.status(
            self.pod, self.view, self.memory, self.now, runtime="test", host_ip="10.0.0.1", pod_ip="10.1.0.1"
        )
        self.memory.previous = out
        return out

    def do(self, action: model.Action) -> None:
        view = self.view
        match action:
            case model.CreateSandbox(attempt=attempt):
                box = contract.Sandbox(f"box{attempt}", "u", "p", "ns", "root", attempt, True, self.now)
                self.view = replace(view, sandboxes=(*view.sandboxes, box))
            case model.StopSandbox(id=box_id):
                boxes = tuple(replace(box, ready=box.ready and box.id != box_id) for box in view.sandboxes)
                self.view = replace(view, sandboxes=boxes)
            case model.RemoveSandbox(id=box_id):
                self.view = model.View(
                    tuple(box for box in view.sandboxes if box.id != box_id),
                    tuple(run for run in view.containers if run.sandbox_id != box_id),
                )
            case model.StartContainer(name=name, attempt=attempt, sandbox_id=box_id):
                self._start(name, attempt, box_id)
            case model.KillContainer(id=run_id):
                self.end(run_id, 137)
            case model.RemoveContainer(id=run_id):
                kept = tuple(run for run in view.containers if run.id != run_id)
                self.view = replace(view, containers=kept)
            case model.Finish():
                assert not view.live()
                self.finished = True

    def _start(self, name: str, attempt: int, box_id: str) -> None:
        assert not [run for run in self.view.live() if run.name == name], f"two live runs of {name}"
        newest = self.view.newest(name)
        if newest is not None and newest.finished_at is not None:
            entry = self.memory.backoffs.get(name)
            assert self.now >= backoff.not_before(entry, newest.finished_at)
            self.memory.backoffs[name] = backoff.following(entry, newest.finished_at, self.now)
        self.started.append(name)
        run = contract.Container(
            id=f"{name}-{len(self.started)}",
            sandbox_id=box_id,
            uid="u",
            name=name,
            attempt=attempt,
            image="img",
            image_id="img",
            state=contract.State.RUNNING,
            created_at=self.now,
            started_at=self.now,
        )
        self.view = replace(self.view, containers=(*self.view.containers, run))

    def end(self, run_id: str, code: int) -> None:
        ended = {"state": contract.State.EXITED, "exit_code": code, "finished_at": self.now}
        runs = tuple(
            replace(run, **ended) if run.id == run_id and model.is_live(run) else run  # type: ignore[arg-type]
            for run in self.view.containers
        )
        self.view = replace(self.view, containers=runs)

    def lose_everything(self) -> None:
        """The machine went down."""
        self.status()
        self.view = model.View()
        self.memory = model.Memory(previous=self.memory.previous)

    def settle(self, steps: int = 100) -> None:
        """Until nothing is left to do now."""
        for _ in range(steps):
            actions = self.look().actions
            self.status()
            if not actions or self.finished:
                return
            for action in actions:
                self.do(action)
        raise AssertionError("decisions never come to rest")

    def run_named(self, name: str) -> contract.Container:
        newest = self.view.newest(name)
        assert newest is not None
        return newest

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
