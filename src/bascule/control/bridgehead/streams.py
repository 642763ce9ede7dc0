"""Feeds changes to the nodes' streams: gathered for a moment, removals and withdrawn endpoints at once."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from bascule.bridge import control, messages
from bascule.bridge.session import serving
from bascule.client import api, faults
from bascule.control.bridgehead import lag, relevance, shape, world
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import errors, objects

DEBOUNCE_SECONDS = 0.02
RETRY_SECONDS = 5.0
EVERYTHING = "*"

_log = logging.getLogger(__name__)


class Streams:
    def __init__(self, known: world.World, client: api.Client, lag: lag.Lag, clock: clocks.Clock) -> None:
        self._world = known
        self._client = client
        self._lag = lag
        self._clock = clock
        self._streams: dict[str, dict[control.DesiredStream, float]] = {}
        self._pending: dict[relevance.Item, frozenset[str] | None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flushed = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        known.on_change(self._changed)

    def nodes(self) -> list[str]:
        return list(self._streams)

    def opened(self, node: str, stream: control.DesiredStream) -> None:
        self._streams.setdefault(node, {})[stream] = self._clock.monotonic()

    def closed(self, node: str, stream: control.DesiredStream) -> None:
        streams = self._streams.get(node, {})
        streams.pop(stream, None)
        if not streams:
            self._streams.pop(node, None)

    def received(self, node: str, stream: control.DesiredStream, receipt: serving.Receipt) -> None:
        since = self._streams.get(node, {}).get(stream)
        if since is None:
            return
        for name in receipt.delivered:
            self._lag.in_force(node, relevance.Item(receipt.kind, name), since=since)
        if receipt.problem is not None:
            level = logging.INFO if receipt.unconfirmed else logging.WARNING
            _log.log(level, "node %s did not take %s: %s", node, receipt.kind, receipt.problem.message)
            if receipt.unconfirmed:
                self._spawn(self._confirm(stream, receipt))
            elif receipt.problem.objection is not messages.Objection.CONTENT:
                if receipt.problem.objection is messages.Objection.POSITION and stream.serving.known is not None:
                    self._spawn(self._world.look_back(stream.serving.known))
                self._spawn(self._retry(stream, receipt.kind))

    def settled(self, node: str) -> bool:
        """Whether everything the node shall have is in force there."""
        return any(
            all(stream.serving.settled(kind) for kind in messages.KINDS) for stream in self._streams.get(node, {})
        )

    def refused(self, node: str) -> dict[str, dict[str, str]]:
        """kind -> name -> reason; the name is "*" where the node takes nothing of the kind."""
        merged: dict[str, dict[str, str]] = {}
        for stream in self._streams.get(node, {}):
            for kind, names in stream.serving.refused.items():
                merged[kind] = merged.get(kind, {}) | names
            for kind, reason in stream.serving.objections.items():
                merged[kind] = merged.get(kind, {}) | {EVERYTHING: reason}
        return merged

    def cut(self, reason: str) -> None:
        for streams in self._streams.values():
            for stream in streams:
                stream.cut(reason)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self, change: world.Change) -> None:
        before = self._pending.get(change.item, frozenset())
        self._pending[change.item] = None if change.nodes is None or before is None else before | change.nodes
        self._lag.started(change.item)
        if change.urgent and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            # The first change after a quiet moment goes at once; those that follow closely are gathered.
            loop = asyncio.get_running_loop()
            delay_seconds = 0.0 if change.urgent else max(0.0, self._flushed + DEBOUNCE_SECONDS - loop.time())
            self._timer = loop.call_later(delay_seconds, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._flushed = asyncio.get_running_loop().time()
        pending, self._pending = self._pending, {}
        everywhere: dict[str, set[str]] = defaultdict(set)
        single: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for (kind, name), nodes in pending.items():
            if nodes is None:
                everywhere[kind].add(name)
            for node in nodes or ():
                single[node][kind].add(name)
        for streams in self._streams.values() if everywhere else ():
            for stream in streams:
                for kind, names in everywhere.items():
                    stream.changed(kind, names)
        for node, kinds in single.items():
            for stream in self._streams.get(node, ()):
                for kind, names in kinds.items():
                    stream.changed(kind, names)

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _retry(self, stream: control.DesiredStream, kind: str) -> None:
        await self._clock.sleep(RETRY_SECONDS)
        stream.serving.retry(kind)
        stream.wake()

    async def _confirm(self, stream: control.DesiredStream, receipt: serving.Receipt) -> None:
        """Asks the store itself whether what the node doubts is gone, and tells the node what is."""
        gone = [name for name in receipt.unconfirmed if await self._is_gone(stream.node, receipt.kind, name)]
        _log.info("%d of %d removals confirmed for %s", len(gone), len(receipt.unconfirmed), stream.node)
        stream.serving.confirm(receipt.kind, gone)
        stream.wake()

    async def _is_gone(self, node: str, kind: str, name: str) -> bool:
        item = relevance.Item(kind, name)
        if self._world.desired(item) is not None:
            return not self._world.relevance.wants(node, item)
        if kind == "tokens":
            return not self._world.relevance.wants(node, item)
        key = objects.Key.parse(name)
        resource = world.FOLLOWED[world.DERIVED.get(kind, kind)]
        while True:
            try:
                found = await self._client.get(resource, key.name, namespace=key.namespace, cluster=key.cluster)
            except errors.StatusError as error:
                if error.code == 404:
                    return True
                _log.warning("cannot confirm that %s %s is gone: %s", kind, name, error.message)
            except faults.Unreachable as error:
                _log.info("cannot confirm that %s %s is gone: %s", kind, name, error)
            else:
                return kind == "routes" and shape.route(found) is None
            await self._clock.sleep(RETRY_SECONDS)
