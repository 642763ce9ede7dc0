"""One node: a worker for each pod of the ledger, the observer, the node's own report.

Law 4 lives here: a pod's worker ends only when the ledger was told of that very removal. Containers
of pods the ledger does not know are removed only if the ledger can be trusted to know (it was told
the state of pods before this boot and has no broken row of that name); otherwise they are reported,
and kept, across restarts of the agent too, until the ledger is told of them or of their removal.
"""

from __future__ import annotations

import asyncio
import logging

import msgspec

from bascule.bridge import messages
from bascule.data.agent import node_status, rotation
from bascule.data.agent.host import Host
from bascule.data.agent.observer import Observer
from bascule.data.agent.pods import admission, decide, model
from bascule.data.agent.pods.worker import Worker
from bascule.data.network.contract import EngineError
from bascule.data.runtime import contract
from bascule.vocabulary import objects
from bascule.vocabulary.objects import Object

_log = logging.getLogger(__name__)

SOURCES = ("configmaps", "secrets", "tokens")
NETWORKED = ("services", "endpointslices", "pods", "routes", "namespaces")
REFUSAL_EVENT_SECONDS = 60.0
KEPT = "kept/"  # and the uid of a pod that runs here though this ledger never knew it: its name


class Node:
    """`on_desired` is what the bridge calls; `run` ends only by cancellation and touches no pod then."""

    def __init__(self, host: Host, profile: node_status.Profile) -> None:
        self.host = host
        self.profile = profile
        self.observer = Observer(host.runtime, self._seen, host.clock)
        self.workers: dict[str, Worker] = {}  # by uid
        self._by_name: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._orphans: dict[str, asyncio.Task[None]] = {}
        self._kept = {key.removeprefix(KEPT): name.decode() for key, name in host.ledger.memories(KEPT).items()}
        self._said: set[str] = set()
        self._trusted = host.ledger.synced("pods")
        self._last_status = b""
        self._version: str | None = None
        self._refusals: dict[str, float] = {}

    async def run(self) -> None:
        await self.host.runtime.start()
        self._load()
        parts = (self.observer.run(), self._report_node(), self._rotate_logs(), self.host.network.run())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            pods = [*self._tasks.values(), *self._orphans.values()]
            for task in (*tasks, *pods):
                task.cancel()
            await asyncio.gather(*tasks, *pods, return_exceptions=True)
            await self.host.runtime.close()

    def _load(self) -> None:
        for desired in self.host.ledger.all("pods"):
            self._desire(desired.name, desired.object())
        for kind, name, reason in self.host.ledger.corrupt:
            _log.error("a row of the ledger is broken", extra={"kind": kind, "row": name, "reason": reason})
            message = f"{kind} {name} in this node's ledger is broken ({reason}); what runs of it is left alone"
            self.host.events.node("LedgerRowCorrupt", message, warning=True)

    # Desired state

    async def on_desired(self, kind: str, names: frozenset[str]) -> list[messages.Refusal]:
        """The ledger has changed: act on it. Returns once it is in force."""
        if kind == "pods":
            for name in sorted(names):
                desired = self.host.ledger.get("pods", name)
                if desired is not None:
                    self._desire(name, desired.object())
                elif (uid := self._by_name.pop(name, None)) is not None:
                    self.workers[uid].remove()
                for uid in [uid for uid, kept in self._kept.items() if kept == name]:
                    self._told_of(uid)
        if kind == "nodes" and self.host.ledger.get("nodes", self._own_name) is None:
            self._say_status(again=True)  # somebody deleted this node's Node, but here it is
        if kind in SOURCES:
            places = {name.rpartition("/")[0] for name in names}
            for worker in self.workers.values():
                if worker.name.rpartition("/")[0] in places:
                    worker.sources_changed()
        if kind in NETWORKED:
            try:
                await self.host.network.sync()
            except EngineError as error:
                return [messages.Refusal(name, str(error)) for name in sorted(names)]
            finally:
                for worker in self.workers.values() if kind == "endpointslices" else ():
                    worker.endpoints_changed()
        return []

    def _desire(self, name: str, pod: Object) -> None:
        uid = objects.uid(pod)
        known = self.workers.get(uid)
        if known is not None:
            known.desire(pod)
            self._by_name[name] = uid
            return
        before = self._by_name.get(name)
        old = self.workers.get(before) if before is not None else None
        if old is not None:  # another pod of that name: the old one ends first
            old.remove()
        self._by_name[name] = uid
        worker = Worker(self.host, self.observer, pod, old)
        others = (other.pod for other in self.workers.values() if not other.over)
        if worker.fresh and (why := admission.refusal(pod, others)) is not None:
            worker.refuse(why)
        self.workers[uid] = worker
        self._tasks[uid] = task = asyncio.create_task(worker.run())
        task.add_done_callback(lambda _: self._ended(uid))

    def _ended(self, uid: str) -> None:
        worker = self.workers.get(uid)
        if worker is not None and worker.gone.is_set():
            del self.workers[uid]
            self._tasks.pop(uid, None)

    # Observed state

    def _seen(self, differing: set[str]) -> None:
        first = self.observer.number == 1
        for uid in self.workers if first else differing:
            if (worker := self.workers.get(uid)) is not None:
                worker.wake()
        for uid in differing:
            if uid not in self.workers and uid in self.observer.views:
                self._orphan(uid)

    def _orphan(self, uid: str) -> None:
        """The runtime holds a pod that no worker stands for."""
        if uid in self._orphans:
            return
        boxes = self.observer.views[uid].sandboxes
        name = f"{boxes[0].cluster}/{boxes[0].namespace}/{boxes[0].name}" if boxes else uid
        broken = {row for kind, row, _ in self.host.ledger.corrupt if kind == "pods"}
        if not self._trusted or name in broken or uid in self._kept:
            if uid in self._said:
                return
            self._said.add(uid)
            if name not in broken:  # a broken row is set right by the bridge, which sends it again
                self._kept[uid] = name
                self.host.ledger.remember(KEPT + uid, name.encode())
            _log.warning("containers of an unknown pod are left running", extra={"pod": name, "uid": uid})
            message = f"pod {name} runs here but this node's ledger does not know it; it is left running"
            self.host.events.node("UnknownPod", message, warning=True)
            return
        self._begin_removal(uid)

    def _begin_removal(self, uid: str) -> None:
        self._orphans[uid] = task = asyncio.create_task(self._remove_orphan(uid))
        task.add_done_callback(lambda _: self._orphans.pop(uid, None))

    def _told_of(self, uid: str) -> None:
        """The ledger was told of a pod that was kept unknown: from now on it is one like the others."""
        if self._kept.pop(uid, None) is not None:
            self.host.ledger.forget(KEPT + uid)
            if uid not in self.workers and uid in self.observer.views:
                self._begin_removal(uid)

    async def _remove_orphan(self, uid: str) -> None:
        memory, runtime = model.Memory(), self.host.runtime
        while (view := self.observer.views.get(uid)) is not None:
            for action in decide.remove(view, memory, 30.0).actions:
                try:
                    if isinstance(action, model.KillContainer):
                        await runtime.stop_container(action.id, action.grace_seconds)
                    elif isinstance(action, model.RemoveSandbox):
                        await runtime.remove_sandbox(action.id)
                    elif isinstance(action, model.RemoveContainer):
                        await runtime.remove_container(action.id)
                except contract.RuntimeFault as fault:
                    _log.warning("orphan not removed", extra={"uid": uid, "error": str(fault)})
            number = self.observer.ask(uid)
            while self.observer.number < number:
                await self.host.clock.sleep(0.1)
        await self.host.network.detach(uid)

    async def _rotate_logs(self) -> None:
        while self.host.runtime.name != "hollow":
            await self.host.clock.sleep(rotation.LOOK_SECONDS)
            await rotation.rotate(self.host, self.workers.values())
        await asyncio.get_running_loop().create_future()

    # The node's own report

    @property
    def _own_name(self) -> str:
        return f"{objects.ROOT}//{self.host.node}"

    async def _report_node(self) -> None:
        self._version = await self.host.runtime.version()
        while True:
            self._say_status(again=False)
            await self.host.clock.sleep(node_status.LOOK_SECONDS)

    def _say_status(self, *, again: bool) -> None:
        """Reports the node if anything but a beat has changed, or `again` although nothing has."""
        if self._version is None:
            return
        own = self.host.ledger.get("nodes", self._own_name)
        known = own.object() if own is not None else {}
        problem = self.observer.problem
        body = node_status.report(self.profile, self.host, known, self._version, problem, self.host.clock.now())
        fresh = msgspec.json.encode(node_status.without_beats(body))
        if again or fresh != self._last_status:
            self._last_status = fresh
            self.host.ledger.report(messages.NODE_STATUS, self._own_name, msgspec.json.encode(body))

    # What the bridge tells of itself

    def on_connected(self) -> None:
        """Everything is said again: nobody knows what was concluded of this node and its pods meanwhile."""
        self._say_status(again=True)
        self.host.ledger.report_all([report for worker in self.workers.values() for report in worker.repeat()])

    def on_refused(self, kind: str, reason: str) -> None:
        """Desired state was refused, or could not be brought in force: said of the node, where people look."""
        now = self.host.clock.monotonic()
        if now - self._refusals.get(kind, -REFUSAL_EVENT_SECONDS) >= REFUSAL_EVENT_SECONDS:
            self._refusals[kind] = now
            self.host.events.node("DesiredStateRefused", f"{kind}: {reason}", warning=True)
