"""Services in force on this node: reads the ledger, makes the plan, has the engine enforce it.

Invariant: ``sync`` returns only when what the ledger says is in force, or raises; calls that come while one is under
way are served together by one more. The host is prepared again whenever it forgot (a reboot).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bascule.data.network import host, local, plan, routes
from bascule.data.network.contract import Engine, EngineError
from bascule.vocabulary.objects import Object

logger = logging.getLogger(__name__)


class Desired(Protocol):
    def object(self) -> Object: ...


class Source(Protocol):
    """The ledger, as far as it is needed here."""

    def all(self, kind: str) -> Sequence[Desired]: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """``routed``: whether this node's kernel carries the packets (nftables) or a proxy does (no root)."""

    node_name: str
    node_address: str
    service_cidr: str
    dns_address: str = ""
    routed: bool = True


class Services:
    def __init__(
        self,
        source: Source,
        engine: Engine,
        settings: Settings,
        *,
        own_pods: Callable[[], local.Pods] = dict,
    ) -> None:
        """``own_pods`` tells what the node itself sees of its pods."""
        self._source = source
        self._own_pods = own_pods
        self._engine = engine
        self._settings = settings
        self._lock = asyncio.Lock()
        self._wanted = 0
        self._done = 0
        self._routes: routes.Routes = {}
        self._problems: tuple[str, ...] = ()

    async def prepare(self) -> None:
        """Tells the kernel what it must know before the first pod. Raises EngineError."""
        if not self._settings.routed:
            return
        host.enable_forwarding()
        await host.route_services(self._settings.service_cidr, self._settings.node_address)
        if self._settings.dns_address:
            await host.hold_address(self._settings.dns_address)

    async def sync(self) -> None:
        """Raises EngineError when the engine refuses; what was in force before still is."""
        self._wanted += 1
        mine = self._wanted
        async with self._lock:
            if self._done >= mine:
                return  # a call that began after us has served us too
            taken = self._wanted
            await self._enforce()
            self._done = taken

    async def run(self) -> None:
        """Guards what is in force; runs until cancelled."""
        await self._engine.run()

    async def _enforce(self) -> None:
        services = [desired.object() for desired in self._source.all("services")]
        slices = [desired.object() for desired in self._source.all("endpointslices")]
        made = plan.compile(
            services,
            local.corrected(services, slices, self._own_pods()),
            node_name=self._settings.node_name,
            excluded_addresses=frozenset({self._settings.dns_address}),
        )
        if made.problems != self._problems:
            for problem in made.problems:
                logger.warning("%s", problem)
            self._problems = made.problems
        await self._engine.enforce(made)
        if self._settings.routed:
            await self._route_pods()

    async def _route_pods(self) -> None:
        ways = [desired.object() for desired in self._source.all("routes")]
        wanted = routes.compile(ways, own_name=self._settings.node_name)
        for cidr in self._routes.keys() - wanted.keys():
            await host.unroute(cidr)
            del self._routes[cidr]
        for cidr, via in wanted.items():
            if self._routes.get(cidr) == via:
                continue
            try:
                await host.route(cidr, via)
                self._routes[cidr] = via
            except EngineError as error:
                # Another node's unreachable address must not hold up this node's Services.
                logger.warning("no route to the pods of %s: %s", via, error)
