"""The conditions of definitions, and their end: names accepted, established, approved, terminating.

Level-based, over the definitions' own watch, in all clusters: each is looked at when it changes, those refused a name
when one of their group goes free. What a definition's conditions say of names is decided one definition at a time, so
that no two get the same.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from bascule.control.api import call as calls
from bascule.control.api import options, pipeline
from bascule.control.api import platform as platforms
from bascule.control.api.custom import naming, offer, removal
from bascule.control.cache import event, record, scope
from bascule.control.kinds import shape
from bascule.vocabulary import builtins, conditions, errors, objects

FINALIZER: Final = removal.FINALIZER
_OPTIONS: Final = options.WriteOptions(field_manager="bascule")
_log = logging.getLogger(__name__)


class Lifecycle:
    """`await run()` for as long as the server serves."""

    def __init__(self, platform: platforms.Platform) -> None:
        self._platform = platform
        self._records = platform.custom.records
        self._names: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
        """By cluster and group, each definition's accepted names."""
        self._groups: dict[objects.Key, str] = {}
        self._refused: set[objects.Key] = set()
        self._dirty: dict[objects.Key, None] = {}
        self._removals: dict[objects.Key, asyncio.Task[None]] = {}
        platform.custom.on_broken = self._broken
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                following = self._records.watch(scope.EVERYWHERE)
                try:
                    await self._follow(following)
                finally:
                    following.close()
                await asyncio.sleep(0)
        finally:
            removals = list(self._removals.values())
            for task in removals:
                task.cancel()
            await asyncio.gather(*removals, return_exceptions=True)

    async def _follow(self, following: Any) -> None:
        known = False
        while events := await following.batch():
            for happened in events:
                if happened.type == event.BOOKMARK:
                    known = True
                else:
                    self._note(happened)
                    await asyncio.sleep(0)
            while known and self._dirty:
                key = next(iter(self._dirty))
                del self._dirty[key]
                await self._settle_or_report(key)
                await asyncio.sleep(0)  # Of most there is nothing to write, and so nothing to wait for.

    def _note(self, happened: event.Event) -> None:
        shown = happened.record
        if shown is None:
            return
        self._dirty[shown.key] = None
        if happened.type == event.DELETED:
            self._forget(shown.key)
        else:
            self._learn(shown.key, offer.outlined(shown))

    def _forget(self, key: objects.Key) -> None:
        group = self._groups.pop(key, None)
        self._refused.discard(key)
        if group is not None:
            self._names[key.cluster, group].pop(key.name, None)
            self._reconsider(key.cluster, group)

    def _learn(self, key: objects.Key, crd: objects.Object) -> None:
        group = shape.text(shape.mapping(crd, "spec"), "group")
        held = shape.mapping(shape.mapping(crd, "status"), "acceptedNames")
        self._groups[key] = group
        of_group = self._names.setdefault((key.cluster, group), {})
        before = of_group.get(key.name)
        of_group[key.name] = held
        if before is not None and before != held:
            self._reconsider(key.cluster, group)

    def _reconsider(self, cluster: str, group: str) -> None:
        for key in self._refused:
            if key.cluster == cluster and self._groups.get(key) == group:
                self._dirty[key] = None

    def _broken(self, found: offer.Offer) -> None:
        """Its schemas turned out to be unusable: that is said in its conditions."""
        task = asyncio.create_task(self._settle_or_report(found.key), name=f"report {found.key.text()}")
        self._removals[found.key] = task
        task.add_done_callback(lambda _: self._removals.pop(found.key, None))

    # One definition

    async def _settle_or_report(self, key: objects.Key) -> None:
        try:
            await self._settle(key)
        except errors.StatusError as error:
            if error.code not in (404, 409):
                _log.error("the conditions of %s could not be written: %s", key.text(), error.message)
        except Exception:
            _log.exception("the conditions of a definition could not be settled", extra={"key": key.text()})

    async def _settle(self, key: objects.Key) -> None:
        self._platform.custom.offered(key)  # Lets go of what was served under the definition as it was.
        stored = self._records.get(key)
        if stored is None:
            return
        crd = offer.outlined(stored)
        wanted = self._status(key, crd)
        if wanted != crd["status"]:
            await self._write(key)
        if objects.deletion_timestamp(crd) and FINALIZER in objects.finalizers(crd) and key not in self._removals:
            removing = removal.Removal(self._platform, key).run()
            task = self._removals[key] = asyncio.create_task(removing, name=f"remove {key.text()}")
            task.add_done_callback(lambda _: self._removals.pop(key, None))

    async def _write(self, key: objects.Key) -> None:
        def change(obj: objects.Object, stored: record.Record) -> objects.Object:
            return {**obj, "status": self._status(key, offer.outlined(stored))}

        call = status_call(self._platform, key)
        outcome = await pipeline.update(self._platform, call, change, retry=True, kept=("spec",))
        stored = self._records.get(key)
        if stored is not None and not outcome.deleted:
            self._learn(key, offer.outlined(stored))

    def _status(self, key: objects.Key, crd: objects.Object) -> objects.Object:
        """The status the definition should have."""
        status: objects.Object = objects.deep_copy(shape.mapping(crd, "status"))
        group = shape.text(shape.mapping(crd, "spec"), "group")
        others = [names for name, names in self._names.get((key.cluster, group), {}).items() if name != key.name]
        built_in = [row for row in self._platform.registry if row.group == group]
        names, accepted = naming.accept(crd, naming.taken(others, built_in))
        found = shape.items(status, "conditions")
        wanted = [accepted, naming.established(crd, accepted), naming.conformance(crd), self._structure(key, crd)]
        now = self._platform.time.now()
        for one in wanted:
            if one is not None:
                conditions.set_condition(found, one.type, one.status, one.reason, one.message, now)
        (self._refused.discard if accepted.status == "True" else self._refused.add)(key)
        return {**status, "acceptedNames": names, "conditions": found}

    def _structure(self, key: objects.Key, crd: objects.Object) -> naming.Condition | None:
        problem = found.problem if (found := self._platform.custom.offered(key)) is not None else ""
        if problem:
            return naming.Condition(naming.NON_STRUCTURAL, "True", "Violations", problem)
        if conditions.is_true(crd, naming.NON_STRUCTURAL):
            return naming.Condition(naming.NON_STRUCTURAL, "False", "Structural", "the schemas can be used")
        return None


def status_call(platform: platforms.Platform, key: objects.Key, *, subresource: str = "status") -> calls.Call:
    """A write of the server's own to a definition."""
    return calls.Call(
        endpoint=platform.endpoint_of(builtins.CUSTOM_RESOURCE_DEFINITIONS),
        user=platforms.SELF,
        verb="update",
        cluster=key.cluster,
        name=key.name,
        subresource=subresource,
        options=_OPTIONS,
    )
