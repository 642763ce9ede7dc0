"""`Recorder`: Events that users read in `kubectl describe`.

Repetitions of the same event count up instead of piling up. Best effort by design: a bounded backlog, no retries;
recording never waits and never fails.
"""

import asyncio
import logging
import random
from collections import OrderedDict
from typing import Any

from bascule.client import api, faults
from bascule.vocabulary import builtins, errors, names, objects, timestamps
from bascule.vocabulary import clock as clocks

log = logging.getLogger(__name__)

NORMAL, WARNING = "Normal", "Warning"
_REMEMBERED = 4096


class Recorder:
    """Owned by whoever awaits `run()`."""

    def __init__(
        self, client: api.Client, component: str, clock: clocks.Clock, source: random.Random | None = None
    ) -> None:
        self._client = client
        self._component = component
        self._clock = clock
        self._random = source or random.Random()
        self._backlog: asyncio.Queue[tuple[objects.Object, str, str, str]] = asyncio.Queue(1000)
        self._written: OrderedDict[tuple[str, str, str], tuple[objects.Key, int]] = OrderedDict()

    def record(self, obj: objects.Object, type_: str, reason: str, message: str) -> None:
        """`obj` needs apiVersion, kind, name and uid; `type_` is Normal or Warning."""
        try:
            self._backlog.put_nowait((obj, type_, reason, message))
        except asyncio.QueueFull:
            log.warning("too many events; dropped: %s %s", reason, message)

    async def run(self) -> None:
        while True:
            obj, type_, reason, message = await self._backlog.get()
            try:
                await self._write(obj, type_, reason, message)
            except (errors.StatusError, faults.Unreachable) as error:
                log.info("event %s not recorded: %s", reason, error)
            except Exception:
                log.exception("event %s not recorded", reason)

    async def _write(self, obj: objects.Object, type_: str, reason: str, message: str) -> None:
        now = timestamps.format(self._clock.now())
        same = (objects.uid(obj), reason, message)
        known = self._written.get(same)
        if known is not None:
            key, count = known[0], known[1] + 1
            try:
                await self._client.patch(
                    builtins.EVENTS,
                    key.name,
                    {"count": count, "lastTimestamp": now},
                    namespace=key.namespace,
                    cluster=key.cluster,
                )
                self._written[same] = (key, count)
                return
            except errors.StatusError as error:
                if error.code != 404:
                    raise
        event = self._event(obj, type_, reason, message, now)
        await self._client.create(builtins.EVENTS, event, cluster=objects.cluster(obj))
        key = objects.Key(objects.cluster(obj), objects.namespace(event), objects.name(event))
        self._written[same] = (key, 1)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def _event(self, obj: objects.Object, type_: str, reason: str, message: str, now: str) -> dict[str, Any]:
        namespace = objects.namespace(obj) or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": names.generate(f"{objects.name(obj)[:200]}.", self._random),
                "namespace": namespace,
            },
            "involvedObject": {
                "apiVersion": obj.get("apiVersion"),
                "kind": obj.get("kind"),
                "name": objects.name(obj),
                "namespace": objects.namespace(obj),
                "uid": objects.uid(obj),
                "resourceVersion": objects.metadata(obj).get("resourceVersion"),
            },
            "type": type_,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
