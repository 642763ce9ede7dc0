"""Runs a container's probes and keeps its `Health`: startup first, then readiness and liveness.

A container without a startup probe is started at once, one without a readiness probe is ready. The
counting (`Tally`) is pure; a task for each probe sleeps between tries, and none exists without a probe.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from bascule.data.agent.pods import model, probers
from bascule.data.runtime import contract
from bascule.vocabulary import clock as clocks

KINDS = ("startupProbe", "readinessProbe", "livenessProbe")
TITLES = {"startupProbe": "Startup", "readinessProbe": "Readiness", "livenessProbe": "Liveness"}


class Tally:
    """Successes and failures in a row; `add` answers with a verdict once a threshold is reached."""

    def __init__(self, probe: dict[str, Any]) -> None:
        self._successes_needed = int(probe.get("successThreshold") or 1)
        self._failures_needed = int(probe.get("failureThreshold") or 3)
        self._last: bool | None = None
        self._count = 0

    def add(self, healthy: bool) -> bool | None:
        self._count = self._count + 1 if healthy is self._last else 1
        self._last = healthy
        if self._count < (self._successes_needed if healthy else self._failures_needed):
            return None
        return healthy


class Probing:
    """The probes of one run of a container, until `close`."""

    def __init__(
        self,
        container: model.Spec,
        run: contract.Container,
        health: model.Health,
        runtime: contract.Runtime,
        pod_ip: str,
        clock: clocks.Clock,
        changed: Callable[[], None],
        unhealthy: Callable[[str, str], None],
    ) -> None:
        self._container = container
        self._run_id = run.id
        self._health = health
        self._runtime = runtime
        self._pod_ip = pod_ip
        self._clock = clock
        self._changed = changed
        self._unhealthy = unhealthy  # title, what was seen
        age = (clock.now() - (run.started_at or run.created_at)).total_seconds()
        self._age_seconds = max(0.0, age)
        self._task: asyncio.Task[None] | None = None
        if any(container.get(kind) for kind in KINDS):
            if container.get("startupProbe") is None and health.started is None:
                health.started = True
            self._task = asyncio.create_task(self._all())
        else:
            health.started = health.ready = True
        if container.get("readinessProbe") is None and container.get("startupProbe") is None:
            health.ready = True

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _all(self) -> None:
        if self._container.get("startupProbe") and not self._health.started:
            await self._repeat("startupProbe")
            if self._health.unhealthy:
                return
        if self._container.get("readinessProbe") is None:
            self._health.ready = True
            self._changed()
        async with asyncio.TaskGroup() as group:
            for kind in ("readinessProbe", "livenessProbe"):
                if self._container.get(kind):
                    group.create_task(self._repeat(kind))

    async def _repeat(self, kind: str) -> None:
        probe = self._container[kind]
        period = float(probe.get("periodSeconds") or 10)
        delay = float(probe.get("initialDelaySeconds") or 0) - self._age_seconds
        if self._age_seconds > period:  # adopted: do not ask all containers at the same moment
            delay = max(delay, random.random() * period)
        if delay > 0:
            await self._clock.sleep(delay)
        tally = Tally(probe)
        while True:
            healthy, seen = await probers.check(probe, self._container, self._run_id, self._runtime, self._pod_ip)
            if not healthy:
                self._unhealthy(TITLES[kind], seen)
            verdict = tally.add(healthy)
            if verdict is not None and self._conclude(kind, verdict, seen):
                return
            await self._clock.sleep(period)

    def _conclude(self, kind: str, verdict: bool, seen: str) -> bool:
        """True when this probe has done its work."""
        health = self._health
        before = (health.started, health.ready, health.unhealthy)
        if kind == "readinessProbe":
            health.ready = verdict
        elif not verdict:
            title = TITLES[kind].lower()
            health.unhealthy = f"Container {self._container['name']} failed {title} probe, will be restarted"
        elif kind == "startupProbe":
            health.started = True
        if (health.started, health.ready, health.unhealthy) != before:
            self._changed()
        return bool(health.unhealthy) or (kind == "startupProbe" and verdict)
