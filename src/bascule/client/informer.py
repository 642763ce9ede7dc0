"""`Informer`: a live local copy of one resource, or of a selection of it.

Invariant: while the server is away or answers nonsense the last known good copy stays; when it is back the real
difference is applied, deletions included. Callbacks are synchronous, run in order, and cannot stop the informer.
Objects in `store` are shared and read-only.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Hashable, Mapping

from bascule.client import api, collection, compact, faults, retry, watching
from bascule.vocabulary import clock as clocks
from bascule.vocabulary import errors, objects, resources

log = logging.getLogger(__name__)

ADDED, MODIFIED, DELETED = collection.ADDED, collection.MODIFIED, collection.DELETED
INITIAL_EVENTS_END = "k8s.io/initial-events-end"

OnChange = Callable[[str, objects.Object | None, objects.Object | None], None]
Transform = Callable[[objects.Object], objects.Object]


class Informer:
    """`await run()` in a task that its owner cancels; `await wait_synced()` before trusting `store`.

    `namespace=None` is every namespace; `cluster="*"` every logical cluster. `transform` makes a just decoded
    object smaller before it is kept (default: `compact.compact`). `metadata_only` keeps nothing but metadata.
    """

    def __init__(
        self,
        client: api.Client,
        resource: resources.Resource,
        *,
        cluster: str = "*",
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform = compact.compact,
        metadata_only: bool = False,
        clock: clocks.Clock | None = None,
        source: random.Random | None = None,
        page_size: int = 5000,
    ) -> None:
        self.resource = resource
        self._client = client
        self._cluster = cluster
        self._namespace = namespace or ""
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._transform = transform
        self._metadata_only = metadata_only
        self._clock = clock or clocks.SystemClock()
        self._random = source or random.Random()
        self._page_size = page_size
        # A refusal will not change soon; a server that is away may be back at any moment.
        self._pauses = retry.Policy(first_seconds=0.2, longest_seconds=15.0)
        self._pauses_away = retry.Policy(first_seconds=0.1, longest_seconds=1.5)
        self._collection = collection.Collection()
        self._callbacks: list[OnChange] = []
        self._synced = asyncio.Event()
        self._resource_version = ""
        self._stream_initial = True
        self._heard_at: float | None = None
        self.connected = False
        """Whether a watch is open now."""

    @property
    def store(self) -> Mapping[objects.Key, objects.Object]:
        return self._collection.objects

    @property
    def synced(self) -> bool:
        """Whether the whole selection has been read at least once."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    @property
    def staleness_seconds(self) -> float:
        """0 while the watch is open; else how long ago the server was last heard (infinite: never)."""
        if self.connected:
            return 0.0
        return float("inf") if self._heard_at is None else self._clock.monotonic() - self._heard_at

    @property
    def resource_version(self) -> str:
        """The version the copy is at; empty before the first sync."""
        return self._resource_version

    def on_change(self, callback: OnChange) -> None:
        """`callback(type, old, new)`; objects known already are announced to it at once as ADDED."""
        self._callbacks.append(callback)
        for obj in list(self.store.values()):
            self._call(callback, collection.Change(ADDED, None, obj))

    def add_index(self, name: str, function: collection.IndexFunction) -> None:
        self._collection.add_index(name, function)

    def by_index(self, name: str, value: Hashable) -> list[objects.Object]:
        return self._collection.by_index(name, value)

    async def run(self) -> None:
        """Follows the server until cancelled."""
        failures = 0
        try:
            while True:
                try:
                    await self._follow()
                    failures = 0
                    self._lost()
                    continue
                except errors.StatusError as error:
                    pauses = self._refused(error)
                except faults.Unreachable as error:
                    pauses = self._pauses_away
                    log.log(logging.INFO if failures else logging.WARNING, "%s", error)
                failures = 1 if self.connected else failures + 1
                self._lost()
                await self._clock.sleep(pauses.pause_seconds(failures, self._random))
        finally:
            self._lost()

    def _refused(self, error: errors.StatusError) -> retry.Policy:
        """Whatever the reason (expired, a restored store, revoked rights), only a fresh list is to be trusted."""
        self._resource_version = ""
        if error.code == 410:
            log.info("%s: %s; listing again", self.resource.qualified, error.message)
            return self._pauses_away
        log.warning("%s: cannot follow: %s", self.resource.qualified, error.message)
        return self._pauses

    async def _follow(self) -> None:
        if not self._resource_version:
            if self._stream_initial:
                try:
                    return await self._stream_from_nothing()
                except _NotStreamed:
                    self._stream_initial = False
            await self._list()
        return await self._watch_from(self._resource_version)

    async def _list(self) -> None:
        current: dict[objects.Key, objects.Object] = {}
        token = ""
        while True:
            page = await self._client.list(
                self.resource,
                namespace=self._namespace,
                cluster=self._cluster,
                limit=self._page_size,
                accept=api.METADATA_LIST if self._metadata_only else "application/json",
                continue_token=token,
                label_selector=self._label_selector,
                field_selector=self._field_selector,
            )
            for item in page["items"]:
                obj = self._prepared(item)
                current[objects.key(obj)] = obj
            token = objects.metadata(page).get("continue") or ""
            if not token:
                break
        self._replace(current, objects.metadata(page).get("resourceVersion") or "")

    async def _watch_from(self, version: str) -> None:
        async with self._open(resource_version=version) as events:
            self.connected = True
            async for event in events:
                self._take(event)

    async def _stream_from_nothing(self) -> None:
        """List and watch in one request; raises `_NotStreamed` if this server cannot."""
        current: dict[objects.Key, objects.Object] = {}
        try:
            async with self._open(resource_version="", send_initial_events=True) as stream:
                events = aiter(stream)
                while True:
                    # A server that ignores the parameter never sends the closing bookmark: do not wait for ever.
                    async with asyncio.timeout(15.0):
                        event = await anext(events)
                    if event.type == watching.BOOKMARK:
                        if _ends_initial(event.object):
                            break
                    elif event.type == watching.DELETED:
                        current.pop(objects.key(event.object), None)
                    else:
                        obj = self._prepared(event.object)
                        current[objects.key(obj)] = obj
                self._replace(current, objects.metadata(event.object).get("resourceVersion") or "")
                self.connected = True
                async for event in events:
                    self._take(event)
        except (StopAsyncIteration, TimeoutError) as error:
            raise _NotStreamed from error
        except errors.StatusError as error:
            if error.code in (400, 422) and not self.connected:
                raise _NotStreamed from error
            raise

    def _open(self, *, resource_version: str, send_initial_events: bool = False) -> watching.Watch:
        return self._client.watch(
            self.resource,
            namespace=self._namespace,
            cluster=self._cluster,
            resource_version=resource_version,
            accept=api.METADATA if self._metadata_only else "application/json",
            send_initial_events=send_initial_events,
            # Spread over time, so that many informers do not all come back at once.
            server_timeout_seconds=int(self._random.uniform(300, 600)),
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )

    def _prepared(self, obj: objects.Object) -> objects.Object:
        if self._metadata_only:
            obj = {"metadata": obj.get("metadata") or {}}
        obj.setdefault("apiVersion", self.resource.api_version)
        obj.setdefault("kind", self.resource.kind)
        return self._transform(obj)

    def _replace(self, current: Mapping[objects.Key, objects.Object], version: str) -> None:
        changes = self._collection.replace(current)
        self._resource_version = version
        self._heard_at = self._clock.monotonic()
        # Synced first: callbacks that look at `synced` see a whole copy.
        self._synced.set()
        self._announce(changes)

    def _take(self, event: watching.Event) -> None:
        self._heard_at = self._clock.monotonic()
        version = objects.metadata(event.object).get("resourceVersion")
        if event.type == watching.DELETED:
            final = self._prepared(event.object)
            self._announce(self._collection.drop(objects.key(final), final))
        elif event.type in (watching.ADDED, watching.MODIFIED):
            self._announce(self._collection.put(self._prepared(event.object)))
        if version:
            self._resource_version = version

    def _announce(self, changes: list[collection.Change]) -> None:
        for change in changes:
            for callback in self._callbacks:
                self._call(callback, change)

    def _call(self, callback: OnChange, change: collection.Change) -> None:
        try:
            callback(*change)
        except Exception:
            log.exception("%s: a callback failed; the others go on", self.resource.qualified)

    def _lost(self) -> None:
        if self.connected:
            self._heard_at = self._clock.monotonic()
        self.connected = False


class _NotStreamed(Exception):
    """The server does not stream initial events."""


def _ends_initial(bookmark: objects.Object) -> bool:
    return objects.annotations(bookmark).get(INITIAL_EVENTS_END) == "true"
