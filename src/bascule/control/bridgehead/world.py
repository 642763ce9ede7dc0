"""What the bridgehead knows of the API: informers, the store's identity, and from both what each node shall have.

A kind's position is what its own informer has seen, so that a stalled watch can never be passed off as news.
Everything here stays as it was while the API server is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from bascule.bridge import messages
from bascule.client import api, faults, informer
from bascule.control.bridgehead import regression as regressions
from bascule.control.bridgehead import relevance, shape
from bascule.vocabulary import builtins, errors, objects, resources
from bascule.vocabulary import clock as clocks

FOLLOWED: dict[str, resources.Resource] = {
    "namespaces": builtins.NAMESPACES,
    "nodes": builtins.NODES,
    "configmaps": builtins.CONFIG_MAPS,
    "secrets": builtins.SECRETS,
    "services": builtins.SERVICES,
    "endpointslices": builtins.ENDPOINT_SLICES,
    "pods": builtins.PODS,
}
DERIVED = {"tokens": "pods", "routes": "nodes"}
"""Kinds that nodes are told and that are made of another."""
_COMPARED = frozenset({"pods", "nodes", "namespaces"})
"""Kinds whose version is of their content: an event may leave it as it was."""
STORE_PATH = "/bascule/store"
STORE_POLL_SECONDS = 5.0

_CHANGED = None

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreIdentity:
    installation: str
    epoch: int


@dataclass(frozen=True)
class Change:
    """Something a node needs may differ now. `nodes` is None for every node; `urgent` is not to wait for more."""

    item: relevance.Item
    nodes: frozenset[str] | None
    urgent: bool = True


class World:
    """`run` follows the API until cancelled, or until the store turns out to be another than before."""

    def __init__(
        self, client: api.Client, clock: clocks.Clock, regression: regressions.Regression | None = None
    ) -> None:
        self._client = client
        self._clock = clock
        self._regression = regression
        self.relevance = relevance.Relevance()
        self.informers = {kind: informer.Informer(client, resource) for kind, resource in FOLLOWED.items()}
        self.store: StoreIdentity | None = None
        self._desired: dict[relevance.Item, messages.Desired] = {}
        self._tokens: dict[str, messages.Desired] = {}
        self._routes: dict[str, messages.Desired] = {}
        self._on_change: list[Callable[[Change], None]] = []
        self._heard = 0
        self._unverified: dict[relevance.Item, tuple[int, frozenset[str] | None]] = {}
        self._verify = asyncio.Event()
        for kind, source in self.informers.items():
            source.on_change(self._handler(kind))
        self.informers["pods"].add_index("uid", lambda pod: [objects.uid(pod)])

    @property
    def ready(self) -> bool:
        """Whether nodes may be told anything: everything was read once, from a store whose identity is known."""
        return self.store is not None and all(source.synced for source in self.informers.values())

    @property
    def staleness_seconds(self) -> float:
        return max(source.staleness_seconds for source in self.informers.values())

    def on_change(self, callback: Callable[[Change], None]) -> None:
        self._on_change.append(callback)

    async def run(self) -> None:
        tasks = [asyncio.create_task(source.run()) for source in self.informers.values()]
        try:
            await self._follow_store()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def wait_ready(self) -> None:
        for source in self.informers.values():
            await source.wait_synced()
        while not await self._read_store():
            await self._clock.sleep(0.2)

    def may_remove(self, item: relevance.Item) -> bool:
        """Whether the store was still the same after its absence was seen: what a restored store lacks is
        not thereby to be removed from the nodes."""
        return item not in self._unverified and not self.regressed

    @property
    def regressed(self) -> bool:
        """Whether the store has gone back in time, so that nothing may be removed for its lack of it."""
        if self._regression is None or self.store is None:
            return False
        return self._regression.holds(self.store.installation, self.store.epoch)

    async def look_back(self, seen: messages.Position) -> None:
        """A node that has seen `seen` thinks this state older: is it the store, or only our view of it?"""
        if self._regression is None or self.store is None or self.regressed:
            return
        try:
            answer = orjson.loads(await self._client.raw("GET", STORE_PATH, timeout_seconds=STORE_POLL_SECONDS))
            found = messages.Position(str(answer["cluster"]), int(answer["epoch"]), int(answer["revision"]))
        except (errors.StatusError, faults.Unreachable, KeyError, TypeError, ValueError) as error:
            _log.info("whether the store has gone back cannot be told now: %r", error)
            return
        if found[:2] == seen[:2] and found.generation < seen.generation and not self.regressed:
            self._regression.found(seen, found.generation)

    def object(self, kind: str, name: str) -> objects.Object | None:
        return self.informers[kind].store.get(objects.Key.parse(name))

    def desired(self, item: relevance.Item) -> messages.Desired | None:
        """Encoded once, shared by all nodes."""
        if item.kind == "tokens":
            return self._tokens.get(item.name)
        if item.kind == "routes":
            return self._routes.get(item.name)
        held = self._desired.get(item)
        if held is None:
            obj = self.object(item.kind, item.name)
            if obj is None:
                return None
            held = self._desired[item] = shape.desired(item.kind, obj)
        return held

    def all_names(self, kind: str) -> Iterable[str]:
        if kind == "routes":
            return list(self._routes)
        return [key.text() for key in self.informers[kind].store]

    def position(self, kind: str) -> messages.Position:
        if self.store is None:
            raise RuntimeError("the store's identity is not known yet; no node may be served")
        version = self.informers[DERIVED.get(kind, kind)].resource_version
        return messages.Position(self.store.installation, self.store.epoch, int(version or 0))

    def pod_of(self, uid: str) -> objects.Object | None:
        return next(iter(self.informers["pods"].by_index("uid", uid)), None)

    def set_tokens(self, name: str, issued: messages.Desired | None) -> None:
        if issued is None:
            self._tokens.pop(name, None)
            return
        self._tokens[name] = issued
        item = relevance.Item("tokens", name)
        self._announce(item, self.relevance.audience(item), urgent=False)

    def _handler(self, kind: str) -> informer.OnChange:
        def handle(type: str, old: objects.Object | None, new: objects.Object | None) -> None:
            self._take(kind, old, new)

        return handle

    def _take(self, kind: str, old: objects.Object | None, new: objects.Object | None) -> None:
        known = new or old
        if known is None:
            return
        self._heard += 1
        item = relevance.Item(kind, objects.key(known).text())
        before = self._desired.pop(item, None)
        if kind == "pods":
            for need in self.relevance.pod(item.name, new):
                self._announce(need.item, frozenset({need.node}), urgent=not need.wanted)
                if not need.wanted:
                    self._doubt(need.item, frozenset({need.node}))
        if kind == "nodes":
            self._take_route(item.name, new)
        audience = self.relevance.audience(item)
        if new is None:
            self._doubt(item, audience)
        if audience is not None and not audience:
            return
        if new is not None and before is not None and kind in _COMPARED:
            after = self.desired(item)
            if after is not None and after.version == before.version:
                return
        urgent = new is None or (kind == "endpointslices" and shape.withdraws(old, new))
        self._announce(item, audience, urgent=urgent)

    def _take_route(self, name: str, node: objects.Object | None) -> None:
        before = self._routes.pop(name, None)
        after = shape.route(node) if node is not None and objects.cluster(node) == objects.ROOT else None
        if after is not None:
            self._routes[name] = after
        if (before and before.version) == (after and after.version):
            return
        item = relevance.Item("routes", name)
        if after is None:
            self._doubt(item, None)
        self._announce(item, None, urgent=False)

    def _announce(self, item: relevance.Item, nodes: frozenset[str] | None, *, urgent: bool) -> None:
        for callback in self._on_change:
            callback(Change(item, nodes, urgent))

    def _doubt(self, item: relevance.Item, nodes: frozenset[str] | None) -> None:
        _, before = self._unverified.get(item, (0, frozenset[str]()))
        both = None if nodes is None or before is None else nodes | before
        self._unverified[item] = (self._heard, both)
        self._verify.set()

    def _verified(self, heard: int) -> None:
        sure = [(item, nodes) for item, (since, nodes) in self._unverified.items() if since <= heard]
        for item, nodes in sure:
            del self._unverified[item]
            self._announce(item, nodes, urgent=True)

    async def _follow_store(self) -> None:
        while await self._read_store() is not _CHANGED:
            try:
                async with asyncio.timeout(STORE_POLL_SECONDS if self.store and not self._unverified else 0.2):
                    await self._verify.wait()
            except TimeoutError:
                pass
            self._verify.clear()

    async def _read_store(self) -> bool | None:
        """True: the store is what it was. False: not known now. None: it is another."""
        heard = self._heard
        try:
            answer: dict[str, Any] = orjson.loads(
                await self._client.raw("GET", STORE_PATH, timeout_seconds=STORE_POLL_SECONDS)
            )
            found = StoreIdentity(str(answer["cluster"]), int(answer["epoch"]))
        except (errors.StatusError, faults.Unreachable) as error:
            _log.info("the store's identity is not known: %s", error)
            return False
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            _log.error("the API server does not tell the store's identity: %r", error)
            return False
        if self.store is not None and found != self.store:
            _log.error("the store is another: was %s, is %s", self.store, found)
            return _CHANGED
        self.store = found
        self._verified(heard)
        return True


class NodeView:
    """`bridge.session.serving.View` of one node."""

    def __init__(self, world: World, node: str) -> None:
        self._world = world
        self._node = node

    def get(self, kind: str, name: str) -> messages.Desired | None:
        item = relevance.Item(kind, name)
        try:
            return self._world.desired(item) if self._world.relevance.wants(self._node, item) else None
        except ValueError:  # a name no object can have, from a node that claims or asks for it
            return None

    def names(self, kind: str) -> Iterable[str]:
        if kind in relevance.EVERYWHERE:
            return self._world.all_names(kind)
        return self._world.relevance.names(self._node, kind)

    def position(self, kind: str) -> messages.Position:
        return self._world.position(kind)

    def may_remove(self, kind: str, name: str) -> bool:
        item = relevance.Item(kind, name)
        if kind == "tokens" and self._world.relevance.wants(self._node, item):
            return False  # not issued yet, which is no reason to take away what the node has
        return self._world.may_remove(item)
