"""Pod addresses together with the node's Services: what `wiring` gives a node that carries packets."""

from __future__ import annotations

import asyncio
import logging

from bascule.data.agent import network
from bascule.data.network.contract import EngineError
from bascule.data.network.services import Services
from bascule.vocabulary.objects import Object

_log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


class ServicedNetwork:
    def __init__(self, addresses: network.Network, services: Services) -> None:
        self._addresses = addresses
        self._services = services
        self._again = asyncio.Event()

    async def attach(self, pod: Object) -> network.PodNetwork:
        return await self._addresses.attach(pod)

    async def detach(self, pod_uid: str) -> None:
        await self._addresses.detach(pod_uid)

    async def sync(self) -> None:
        try:
            await self._services.sync()
        except EngineError:
            self._again.set()
            raise

    async def run(self) -> None:
        """Prepares the machine, guards the rules, tries again what was refused."""
        guard = asyncio.create_task(self._services.run())
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
            guard.cancel()
            await asyncio.gather(guard, return_exceptions=True)
