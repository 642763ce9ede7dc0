"""`Manager`: many controllers in one process, with shared informers, supervised one by one.

Invariant: whatever happens to one controller's loop, it alone is started again (with backoff); informers and the
other controllers do not notice.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from bascule.client import api
from bascule.client import informer as informers
from bascule.control.reconcile import backoff, controller, events, metrics, outcome
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import objects, resources

log = logging.getLogger(__name__)


class Manager:
    """Build controllers with `controller()`, then `await run()`."""

    def __init__(
        self,
        client: api.Client,
        component: str,
        *,
        clock: clocks.Clock | None = None,
        source: random.Random | None = None,
    ) -> None:
        self.client = client
        self.clock = clock or clocks.SystemClock()
        self.random = source or random.Random()
        self.metrics = metrics.Metrics()
        self.recorder = events.Recorder(client, component, self.clock)
        self.controllers: dict[str, controller.Controller] = {}
        self._loops: dict[str, Callable[[], Awaitable[None]]] = {"events": self.recorder.run}
        self._informers: dict[Hashable, informers.Informer] = {}
        self._kinds: dict[str, resources.Resource] = {}
        self._group: asyncio.TaskGroup | None = None

    def informer(self, resource: resources.Resource, **selection: Any) -> informers.Informer:
        """The shared informer of this selection; started with the manager, or now if that runs already."""
        key = (resource.group, resource.version, resource.plural, *sorted(selection.items()))
        known = self._informers.get(key)
        if known is None:
            known = informers.Informer(self.client, resource, clock=self.clock, source=self.random, **selection)
            self._informers[key] = known
            self.loop(f"informer {resource.qualified}/{len(self._informers)}", known.run)
        return known

    def known(self, resource: resources.Resource) -> informers.Informer | None:
        """The shared informer of the whole resource, if anyone asked for it."""
        return self._informers.get((resource.group, resource.version, resource.plural))

    @property
    def sources(self) -> list[informers.Informer]:
        return list(self._informers.values())

    def controller(
        self,
        name: str,
        reconcile: Callable[[Request], Awaitable[outcome.Outcome]],
        *,
        of: resources.Resource | None = None,
        workers: int = 4,
        timeout_seconds: float = 30.0,
    ) -> controller.Controller:
        """A supervised controller; `of` is the resource its requests name (for Events about quarantine)."""
        made = controller.Controller(
            name,
            reconcile,
            workers=workers,
            timeout_seconds=timeout_seconds,
            clock=self.clock,
            source=self.random,
            numbers=self.metrics,
            on_quarantine=self._tell,
        )
        self.controllers[name] = made
        if of is not None:
            self._kinds[name] = of
        self.loop(name, made.run)
        return made

    def loop(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Any other task that is to be kept running."""
        self._loops[name] = run
        if self._group is not None:
            self._group.create_task(self._supervise(name, run), name=name)

    @property
    def synced(self) -> bool:
        return all(one.synced for one in self._informers.values())

    def quarantined(self) -> list[dict[str, Any]]:
        """Everything set aside, for `/quarantine`."""
        return [
            {
                "controller": name,
                "cluster": key.cluster,
                "namespace": key.namespace,
                "name": key.name,
                "reason": entry.reason,
                "since": entry.since,
                "tries": entry.tries,
            }
            for name, one in self.controllers.items()
            for key, entry in one.quarantine.entries.items()
        ]

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for name, run in self._loops.items():
                    group.create_task(self._supervise(name, run), name=name)
        finally:
            self._group = None
            for one in self.controllers.values():
                await one.queue.close()

    async def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pauses = backoff.Backoff(first_seconds=0.1, longest_seconds=30.0, source=self.random)
        while True:
            begun = self.clock.monotonic()
            try:
                await run()
                log.error("%s ended; starting it again", name)
            except Exception:
                log.exception("%s broke; starting it again", name)
            self.metrics.restarts.labels(name).inc()
            if self.clock.monotonic() - begun > 60.0:
                pauses.forget(name)
            await self.clock.sleep(pauses.next_seconds(name))

    def _tell(self, name: str, request: Request, reason: str) -> None:
        resource = self._kinds.get(name)
        if resource is None:
            return
        known = self.informer(resource).store.get(request)
        about = known or {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": request.name, "namespace": request.namespace},
        }
        if known is None and request.cluster != objects.ROOT:
            about["metadata"]["annotations"] = {objects.CLUSTER_ANNOTATION: request.cluster}
        self.recorder.record(
            about, events.WARNING, "Quarantined", f"{name} sets this object aside after failures: {reason}"
        )
