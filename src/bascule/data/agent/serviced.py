"""Pod addresses together with the node's Services: what `wiring` gives a node that carries packets."""

from __future__ import annotations

import asyncio
import logging

from bascule.data.agent import network
from bascule.data.network import local
from bascule.data.network.contract import Engine, EngineError
from bascule.data.network.services import Services, Settings, Source
from bascule.vocabulary.objects import Object

_log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


class ServicedNetwork:
    def __init__(self, addresses: network.Network, source: Source, engine: Engine, settings: Settings) -> None:
        self._addresses = addresses
        self._source = source
        self._pods: dict[str, local.Observed] = {}
        self._gone: set[str] = set()
        """Pods that are no more here, but which some slice may still name."""
        self._services = Services(source, engine, settings, own_pods=lambda: self._pods)
        self._again = asyncio.Event()
        self._seen = asyncio.Event()

    async def attach(self, pod: Object) -> network.PodNetwork:
        return await self._addresses.attach(pod)

    async def detach(self, pod_uid: str) -> None:
        await self._addresses.detach(pod_uid)
        if pod_uid in self._pods:
            self._pods[pod_uid] = local.GONE
            self._gone.add(pod_uid)
            self._seen.set()

    def observe(self, pod_uid: str, address: str, *, ready: bool, ending: bool = False) -> None:
        now = local.Observed(address, ready, ending)
        if self._pods.get(pod_uid) != now:
            self._pods[pod_uid] = now
            self._seen.set()

    async def sync(self) -> None:
        try:
            await self._services.sync()
        except EngineError:
            self._again.set()
            raise
        self._forget()

    def _forget(self) -> None:
        """A pod that went is withdrawn for as long as a slice names it: the slice may be older than the pod's end."""
        if not self._gone:
            return
        named = local.named(desired.object() for desired in self._source.all("endpointslices"))
        for uid in self._gone - named:
            self._pods.pop(uid, None)
        self._gone &= named

    async def run(self) -> None:
        """Prepares the machine, guards the rules, tries again what was refused."""
        tasks = [asyncio.create_task(self._services.run()), asyncio.create_task(self._follow_pods())]
        try:
            while True:
                try:
                    await self._services.prepare()
                    await self._services.sync()
                    self._again.clear()
                except EngineError as error:
                    _log.error("services are not in force", extra={"error": str(error)})
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                await self._again.wait()
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow_pods(self) -> None:
        """What the node sees of its own pods takes effect at once, told or not."""
        while True:
            await self._seen.wait()
            self._seen.clear()
            try:
                await self.sync()
            except EngineError as error:
                _log.error("services are not in force", extra={"error": str(error)})
