"""`Recorder`: Events that users read in `kubectl describe`.

Repetitions of the same event count up instead of piling up. Best effort by design: a bounded backlog, no retries;
recording never waits and never fails.
"""

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from bascule.client import api, faults
from bascule.vocabulary import builtins, errors, objects, timestamps
from bascule.vocabulary import clock as clocks

log = logging.getLogger(__name__)

NORMAL, WARNING = "Normal", "Warning"
_REMEMBERED = 4096


class Voice:
    """One component's way to the recorder that it shares with others."""

    def __init__(self, recorder: "Recorder", component: str) -> None:
        self._recorder = recorder
        self._component = component

    def record(self, obj: objects.Object, type_: str, reason: str, message: str) -> None:
        """`obj` needs apiVersion, kind, name and uid; `type_` is Normal or Warning."""
        self._recorder.take(self._component, obj, type_, reason, message)


class Recorder:
    """Owned by whoever awaits `run()`."""

    def __init__(self, client: api.Client, component: str, clock: clocks.Clock) -> None:
        self._client = client
        self._own = Voice(self, component)
        self._clock = clock
        self._backlog: asyncio.Queue[tuple[str, objects.Object, str, str, str]] = asyncio.Queue(1000)
        self._last_moment = 0
        self._written: OrderedDict[tuple[str, str, str], tuple[objects.Key, int]] = OrderedDict()

    def voice(self, component: str) -> "Voice":
        """What speaks as one controller of many: `kubectl describe` shows who said what."""
        return Voice(self, component)

    def record(self, obj: objects.Object, type_: str, reason: str, message: str) -> None:
        self._own.record(obj, type_, reason, message)

    def take(self, component: str, obj: objects.Object, type_: str, reason: str, message: str) -> None:
        """An event of `component`, to be written when its turn comes."""
        try:
            self._backlog.put_nowait((component, obj, type_, reason, message))
        except asyncio.QueueFull:
            log.warning("too many events; dropped: %s %s", reason, message)

    async def run(self) -> None:
        while True:
            component, obj, type_, reason, message = await self._backlog.get()
            try:
                await self._write(component, obj, type_, reason, message)
            except (errors.StatusError, faults.Unreachable) as error:
                log.info("event %s not recorded: %s", reason, error)
            except Exception:
                log.exception("event %s not recorded", reason)

    async def _write(self, component: str, obj: objects.Object, type_: str, reason: str, message: str) -> None:
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
        event = self._event(component, obj, type_, reason, message, now)
        await self._client.create(builtins.EVENTS, event, cluster=objects.cluster(obj))
        key = objects.Key(objects.cluster(obj), objects.namespace(event), objects.name(event))
        self._written[same] = (key, 1)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def _moment(self) -> int:
        """Nanoseconds, never the same twice: within a second, names sort Events as they happened."""
        self._last_moment = max(self._last_moment + 1, int(self._clock.now().timestamp() * 1_000_000) * 1000)
        return self._last_moment

    def _event(
        self, component: str, obj: objects.Object, type_: str, reason: str, message: str, now: str
    ) -> dict[str, Any]:
        namespace = objects.namespace(obj) or "default"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{objects.name(obj)[:200]}.{self._moment():x}",
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
            "source": {"component": component},
            "reportingComponent": component,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
