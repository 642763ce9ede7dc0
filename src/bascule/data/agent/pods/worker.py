"""One pod's worker: look, decide, act, report; then wait until something changes.

Actions run beside the loop, one at a time for each container; the result of an action counts only
once a snapshot begun after it has arrived. The worker holds no state that a restart would miss.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime

import msgspec

from bascule.bridge import messages
from bascule.data.agent.host import Host
from bascule.data.agent.observer import Observer
from bascule.data.agent.pods import (
    admission,
    backoff,
    decide,
    exposure,
    failing,
    last_words,
    model,
    recall,
    start,
    status,
)
from bascule.data.agent.pods.fields import Addresses
from bascule.data.agent.pods.model import View
from bascule.data.agent.pods.probing import Probing
from bascule.data.agent.sources import ConfigFault, Sources
from bascule.data.agent.volumes.mounts import Volumes
from bascule.data.network.contract import EngineError
from bascule.data.runtime import contract
from bascule.vocabulary import conditions, objects
from bascule.vocabulary.objects import Object

_log = logging.getLogger(__name__)

AFTER_FAULT_SECONDS = 10.0
STARTING = "starting"


class Worker:
    def __init__(self, host: Host, observer: Observer, pod: Object, after: Worker | None = None) -> None:
        self.host = host
        self.observer = observer
        self.pod = pod
        self.uid = objects.uid(pod)
        self.name = objects.key(pod).text()
        self.memory = recall.memory(host.ledger, self.uid)
        self.volumes = Volumes(host.pod_directory(self.uid))
        self.removing = False
        self.gone = asyncio.Event()
        self._after = after
        self._wake = asyncio.Event()
        self._wake.set()
        self._not_before = 0
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._probing: dict[str, Probing] = {}
        self._finished = False
        self._stale_volumes = False

    @property
    def fresh(self) -> bool:
        """Nothing was ever done for the pod."""
        return not self.memory.previous and not (self.pod.get("status") or {}).get("startTime")

    @property
    def over(self) -> bool:
        """The pod holds nothing of the node any more."""
        told = ((self.pod.get("status") or {}).get("phase"), self.memory.previous.get("phase"))
        return self.removing or self.memory.stop is not None or "Succeeded" in told or "Failed" in told

    # What others tell the worker

    def refuse(self, why: model.Stop) -> None:
        """The node does not take the pod: it has failed before anything of it ran."""
        self.memory.stop = why
        self.host.events.pod(self.pod, why.reason, why.message.removeprefix(admission.PREFIX), warning=True)
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def desire(self, pod: Object) -> None:
        """A newer version of the same pod."""
        self.pod = pod
        self._stale_volumes = True
        self._wake.set()

    def sources_changed(self) -> None:
        """A ConfigMap, Secret or token of its namespace has changed: what waited for it may go on."""
        self._stale_volumes = True
        failing.retry_configuration(self.memory)
        self._wake.set()

    def endpoints_changed(self) -> None:
        """EndpointSlices have changed, and what they say is in force: an end may have waited for it."""
        if objects.deletion_timestamp(self.pod):
            self._wake.set()

    def remove(self) -> None:
        """The ledger was explicitly told that this pod is gone."""
        self.removing = True
        self._wake.set()

    def repeat(self) -> Iterator[tuple[str, str, bytes]]:
        """What was last reported of the pod, as reports."""
        if self.memory.previous and not self.removing:
            yield messages.POD_STATUS, self.name, self._status_report()
        if self._finished:
            yield messages.POD_FINISHED, self.name, msgspec.json.encode({"uid": self.uid})

    @property
    def view(self) -> View:
        return self.observer.views.get(self.uid, View())

    @property
    def pod_ip(self) -> str:
        box = self.view.sandbox()
        return box.ip if box is not None else str(self.memory.previous.get("podIP") or "")

    # The loop

    async def run(self) -> None:
        if self._after is not None:
            await self._after.gone.wait()
            self._after = None
        try:
            while not self.gone.is_set():
                wake = await self._step_safely()
                await self._wait(wake)
        finally:
            await self._stop_tasks()

    async def _step_safely(self) -> datetime | None:
        """One bad pod degrades itself only."""
        self._wake.clear()
        try:
            return await self._step()
        except Exception as error:
            _log.exception("pod cannot be worked on", extra={"pod": self.name, "error": str(error)})
            self.host.events.pod(self.pod, "FailedSync", f"error syncing pod: {error}", warning=True)
            return datetime.fromtimestamp(self.host.clock.now().timestamp() + AFTER_FAULT_SECONDS).astimezone()

    async def _wait(self, wake: datetime | None) -> None:
        if self.gone.is_set():
            return
        if wake is None:
            await self._wake.wait()
            return
        seconds = max(0.0, (wake - self.host.clock.now()).total_seconds())
        waiting = asyncio.create_task(self._wake.wait())
        sleeping = asyncio.create_task(self.host.clock.sleep(seconds))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
            await asyncio.gather(waiting, sleeping, return_exceptions=True)

    async def _step(self) -> datetime | None:
        if self.observer.number < max(1, self._not_before):
            return None
        self.memory.busy = set(self._tasks)
        now = self.host.clock.now()
        view = self.view
        await self._probe(view)
        if self.removing:
            decision = decide.remove(view, self.memory, model.grace_seconds(self.pod))
            if not decision.actions and not self._tasks and view == View():
                await self._clean_up()
                return None
        else:
            if self._stale_volumes:
                self._refresh_volumes()
            decision = decide.decide(self.pod, view, self.memory, now, self._exposure(view))
            self._report(view, now)
        if self.removing or objects.deletion_timestamp(self.pod):
            for task in self._tasks.values():
                if task.get_name() == STARTING:  # a pull or a hook must not hold up the end
                    task.cancel()
        for action in decision.actions:
            self._begin(action)
        return decision.wake

    def _exposure(self, view: View) -> model.Exposure:
        if not objects.deletion_timestamp(self.pod) or not view.live():
            return model.HIDDEN
        patience = self.host.withdraw_seconds if self.host.link.connected() else 0.0
        return exposure.of(self.uid, self.host.ledger.all("endpointslices"), patience)

    def _begin(self, action: model.Action) -> None:
        if isinstance(action, model.Finish):
            if not self._finished:
                self._finished = True
                body = msgspec.json.encode({"uid": self.uid})
                self.host.ledger.report(messages.POD_FINISHED, self.name, body)
            return
        name = STARTING if isinstance(action, model.StartContainer) else action.key
        self._tasks[action.key] = asyncio.create_task(self._perform(action), name=name)

    async def _perform(self, action: model.Action) -> None:
        runtime = self.host.runtime
        try:
            match action:
                case model.CreateSandbox():
                    await self._create_sandbox(action)
                case model.StartContainer():
                    await self._start_container(action)
                case model.KillContainer():
                    await start.kill(self.host, self.pod, action, self.pod_ip)
                case model.Withdraw():
                    await self._withdraw()
                case model.StopSandbox():
                    await runtime.stop_sandbox(action.id)
                case model.RemoveSandbox():
                    await runtime.remove_sandbox(action.id)
                case model.RemoveContainer():
                    await runtime.remove_container(action.id)
        except (contract.RuntimeFault, OSError) as fault:
            _log.warning("action failed", extra={"pod": self.name, "action": str(action), "error": str(fault)})
            await self.host.clock.sleep(1.0)
        except Exception:
            _log.exception("action failed", extra={"pod": self.name, "action": str(action)})
            await self.host.clock.sleep(AFTER_FAULT_SECONDS)
        finally:
            self._tasks.pop(action.key, None)
            self._not_before = self.observer.ask(self.uid)

    # Actions

    async def _create_sandbox(self, action: model.CreateSandbox) -> None:
        try:
            await start.sandbox(self.host, self.pod, action.attempt)
        except (contract.RuntimeFault, OSError) as fault:
            now = self.host.clock.now()
            self.memory.failures[decide.SANDBOX] = model.Failure("FailedCreatePodSandBox", str(fault))
            entry = self.memory.backoffs.get(decide.SANDBOX)
            delay = min(60.0, entry.delay_seconds * 2) if entry else 1.0
            self.memory.backoffs[decide.SANDBOX] = model.BackOff(delay, now)
            message = f"Failed to create pod sandbox: {fault}"
            self.host.events.pod(self.pod, "FailedCreatePodSandBox", message, warning=True)
            return
        self.memory.failures.pop(decide.SANDBOX, None)
        self.memory.backoffs.pop(decide.SANDBOX, None)

    async def _withdraw(self) -> None:
        """Bounded: a network that cannot be changed must not hold up the end."""
        self.memory.withdrawn = self.host.clock.now()
        try:
            await asyncio.wait_for(self.host.network.sync(), self.host.withdraw_seconds)
        except (EngineError, TimeoutError) as error:
            _log.warning("pod not withdrawn before its end", extra={"pod": self.name, "error": str(error)})

    def _target_of(self, name: str) -> str:
        """The run that a debugging container looks into, where it names one and that lives."""
        wanted = (model.container_spec(self.pod, name) or {}).get("targetContainerName")
        run = self.view.newest(wanted) if wanted else None
        return run.id if run is not None and model.is_live(run) else ""

    async def _start_container(self, action: model.StartContainer) -> None:
        name, now = action.name, self.host.clock.now()
        last, entry = self.view.newest(name), self.memory.backoffs.get(name)
        if last is not None and last.finished_at is not None and (entry is None or entry.updated <= last.finished_at):
            self.memory.backoffs[name] = backoff.following(entry, last.finished_at, now)
            recall.keep_backoffs(self.host.ledger, self.uid, self.memory.backoffs)
        try:
            run_id, problem = await start.container(
                self.host, self.pod, self.volumes, action, self.pod_ip, target_id=self._target_of(action.name)
            )
        except (contract.RuntimeFault, ConfigFault) as fault:
            failing.note(self.host, self.pod, self.memory, name, fault)
            return
        failing.started(self.memory, name)
        if problem:
            self.host.events.pod(self.pod, "FailedPostStartHook", problem, container=name, warning=True)
            self.memory.health[run_id] = model.Health(unhealthy=problem)

    # Probes, volumes, reports

    async def _probe(self, view: View) -> None:
        """Probes for what runs, none for what does not."""
        wanted = {run.id: run for run in view.live() if f"container {run.name}" not in self._tasks}
        for run_id in list(self._probing.keys() - {run.id for run in view.live()}):
            await self._probing.pop(run_id).close()
        known = {run.id for run in view.containers}
        for run_id in self.memory.health.keys() - known:
            del self.memory.health[run_id]
        for run_id, run in wanted.items():
            spec = model.container_spec(self.pod, run.name)
            if run_id in self._probing or spec is None:
                continue
            health = self.memory.health_of(run)

            def unhealthy(title: str, seen: str, name: str = run.name) -> None:
                message = f"{title} probe failed: {seen}"
                self.host.events.pod(self.pod, "Unhealthy", message, container=name, warning=True)

            self._probing[run_id] = Probing(
                spec, run, health, self.host.runtime, self.pod_ip, self.host.clock, self.wake, unhealthy
            )

    def _refresh_volumes(self) -> None:
        self._stale_volumes = False
        addresses = Addresses(self.pod_ip, self.host.host_ip)
        self.volumes.refresh(self.pod, Sources(self.host.ledger, self.pod, self.host.node), addresses)

    def _report(self, view: View, now: datetime) -> None:
        last_words.read(self.host, self.pod, view, self.memory)
        name = self.host.runtime.name
        fresh = status.status(
            self.pod, view, self.memory, now, runtime=name, host_ip=self.host.host_ip, pod_ip=self.pod_ip
        )
        ready = conditions.find(fresh.get("conditions"), "Ready") or {}
        ending = bool(objects.deletion_timestamp(self.pod))
        self.host.network.observe(self.uid, self.pod_ip, ready=ready.get("status") == "True", ending=ending)
        if fresh == self.memory.previous:
            return
        failing.tell_crash_loops(self.host, self.pod, self.memory.previous, fresh)
        self.memory.previous = fresh
        recall.keep_status(self.host.ledger, self.uid, fresh)
        self.host.ledger.report(messages.POD_STATUS, self.name, self._status_report())

    def _status_report(self) -> bytes:
        return msgspec.json.encode(self.memory.previous | {"uid": self.uid})

    # The end

    async def _clean_up(self) -> None:
        await self.host.network.detach(self.uid)
        self.volumes.remove()
        key = objects.key(self.pod)
        directory = self.host.log_directory(key.namespace, key.name, self.uid)
        for path in sorted(directory.rglob("*"), reverse=True) if directory.is_dir() else ():
            path.rmdir() if path.is_dir() else path.unlink()
        if directory.is_dir():
            directory.rmdir()
        recall.forget(self.host.ledger, self.uid)
        self.gone.set()

    async def _stop_tasks(self) -> None:
        """The agent stops, the pod does not."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for probing in self._probing.values():
            await probing.close()
