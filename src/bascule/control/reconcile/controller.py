"""One controller: a queue, workers, and care for what fails.

Invariant: an object that fails delays only itself. It is tried again with backoff; after three failures in a row
that are its own fault it is quarantined and named. Faults of the road (no server, conflicts, overload) count as
nobody's fault. A reconcile is ended after `timeout_seconds`; one that never awaits cannot be.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable

from bascule.client import faults, informer
from bascule.control.reconcile import backoff, metrics, outcome, quarantine, queue
from bascule.control.reconcile.request import Request
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import errors, objects

log = logging.getLogger(__name__)

Reconcile = Callable[[Request], Awaitable[outcome.Outcome]]
Mapping = Callable[[str, objects.Object | None, objects.Object | None], Iterable[Request]]
OnQuarantine = Callable[[str, Request, str], None]

_AWAY_SECONDS = 2.0
"""A server that is away may be back at any moment: nothing waits longer than this for it."""
_TRANSIENT = frozenset({404, 409, 410, 429, 502, 503, 504})


def its_own_fault(error: Exception) -> bool:
    """Whether this failure says something about the object, rather than about the road to the server."""
    if isinstance(error, faults.Unreachable):
        return False
    return not (isinstance(error, errors.StatusError) and error.code in _TRANSIENT)


def in_vain(error: Exception) -> bool:
    """Whether the namespace is on its way out: what was to be made in it will not be missed."""
    if not isinstance(error, errors.StatusError) or error.code != 403:
        return False
    return any(cause.get("reason") == "NamespaceTerminating" for cause in (error.details or {}).get("causes") or ())


class Controller:
    """`watch` informers, then `await run()`; it ends only when cancelled, or raises when its loop is broken."""

    def __init__(
        self,
        name: str,
        reconcile: Reconcile,
        *,
        workers: int = 4,
        timeout_seconds: float = 30.0,
        clock: clocks.Clock | None = None,
        source: random.Random | None = None,
        numbers: metrics.Metrics | None = None,
        on_quarantine: OnQuarantine | None = None,
    ) -> None:
        self.name = name
        self._reconcile = reconcile
        self._workers = workers
        self._timeout_seconds = timeout_seconds
        self._clock = clock or clocks.SystemClock()
        self._informers: list[informer.Informer] = []
        self._numbers = numbers or metrics.Metrics()
        self._on_quarantine = on_quarantine
        self.queue = queue.Queue(self._clock)
        self.backoff = backoff.Backoff(source=source)
        self.quarantine = quarantine.Quarantine(self._clock)
        self._numbers.depth.labels(name).set_function(lambda: self.queue.statistics().ready)
        self._numbers.quarantined.labels(name).set_function(lambda: len(self.quarantine.entries))

    def watch(self, source: informer.Informer, mapping: Mapping | None = None) -> None:
        """Changes there enqueue what `mapping` names (default: the object itself). Nothing runs before it is synced."""
        chosen = mapping or own_key

        def changed(type_: str, old: objects.Object | None, new: objects.Object | None) -> None:
            try:
                for request in chosen(type_, old, new):
                    self.enqueue(request)
            except Exception:
                self._numbers.failures.labels(self.name).inc()
                log.exception("%s: cannot tell what a change concerns", self.name)

        self.wait_for(source)
        source.on_change(changed)

    def wait_for(self, source: informer.Informer) -> None:
        """Only waits for its first sync."""
        if source not in self._informers:
            self._informers.append(source)

    def enqueue(self, request: Request) -> None:
        self.queue.add_after(request, self.quarantine.delay_seconds(request))

    async def run(self) -> None:
        for source in self._informers:
            await source.wait_synced()
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(), name=f"{self.name}-{number}")

    async def _work(self) -> None:
        while True:
            request, waited_seconds = await self.queue.get()
            self._numbers.waiting.labels(self.name).observe(waited_seconds)
            begun = self._clock.monotonic()
            try:
                await self.reconcile_once(request)
            finally:
                self._numbers.working.labels(self.name).observe(self._clock.monotonic() - begun)
                self.queue.done(request)

    async def reconcile_once(self, request: Request) -> None:
        """One try, and what follows from it."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answer = await self._reconcile(request)
        except Exception as error:
            self._failed(request, error)
            return
        match answer:
            case outcome.GiveUp(reason=reason):
                self._set_aside(request, reason, at_once=True)
                return
            case outcome.RetryAfter(seconds=seconds):
                self.queue.add_after(request, seconds)
        self.backoff.forget(request)
        if self.quarantine.succeeded(request):
            log.info("%s: %s is well again and leaves quarantine", self.name, request.text())

    def _failed(self, request: Request, error: Exception) -> None:
        if in_vain(error):
            self.backoff.forget(request)
            return
        self._numbers.failures.labels(self.name).inc()
        if not its_own_fault(error):
            log.info("%s: %s: %s; trying again", self.name, request.text(), error)
            pause = self.backoff.next_seconds(request)
            if isinstance(error, faults.Unreachable):
                pause = min(pause, _AWAY_SECONDS)
            self.queue.add_after(request, pause)
            return
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, TimeoutError):
            reason = f"took longer than {self._timeout_seconds:g} s"
        # The server's refusal says all there is to say; anything else is a fault of ours and needs its place.
        place = None if isinstance(error, (errors.StatusError, TimeoutError)) else error
        log.warning("%s: %s failed: %s", self.name, request.text(), reason, exc_info=place)
        if not self._set_aside(request, reason, at_once=False):
            self.queue.add_after(request, self.backoff.next_seconds(request))

    def _set_aside(self, request: Request, reason: str, *, at_once: bool) -> bool:
        new = self.quarantine.failed(request, reason, at_once=at_once)
        if request not in self.quarantine.entries:
            return False
        self.queue.add_after(request, self.quarantine.pause_seconds(request))
        if new:
            log.error("%s: %s is set aside: %s", self.name, request.text(), reason)
            if self._on_quarantine is not None:
                self._on_quarantine(self.name, request, reason)
        return True


def own_key(type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
    """The mapping of a controller to its own objects."""
    current = new or old
    return [objects.key(current)] if current else []


def controller_key(*kinds: str) -> Mapping:
    """The mapping from dependents to their controller, if it is of one of these kinds."""

    def mapping(type_: str, old: objects.Object | None, new: objects.Object | None) -> Iterable[Request]:
        found = set()
        for obj in (old, new):
            reference = objects.controller_of(obj) if obj else None
            if obj and reference and reference.get("kind") in kinds:
                found.add(Request(objects.cluster(obj), objects.namespace(obj), reference["name"]))
        return found

    return mapping
